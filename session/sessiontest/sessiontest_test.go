package sessiontest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
	"github.com/uptrace/bun"
)

type inner struct {
	File *fileobject.FileObject `bun:"file" file:"first"`
}

// Shared is embedded by pointer.
type Shared struct {
	Pages fileobject.List `bun:"pages" file:"second"`
}

type album struct {
	bun.BaseModel `bun:"table:albums"`
	ID            int64 `bun:"id,pk,autoincrement"`
	Front         inner `bun:"embed:front_"`
	*Shared
	Cover fileobject.FileObject `bun:"cover" file:"third"`
}

func file(text string) *fileobject.FileObject {
	return fileobject.FromBytes("a.txt", []byte(text), fileobject.Options{})
}

// One line is enough for any model: every backend that its tags name is there, and its table.
func TestNewMakesWhatTheModelsNeed(t *testing.T) {
	t.Parallel()
	m := sessiontest.New(t, (*album)(nil))
	a := &album{Front: inner{file("one")}, Shared: &Shared{fileobject.List{file("two")}}, Cover: *file("three")}
	err := m.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, a) })
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]*fileobject.FileObject{"one": a.Front.File, "two": a.Pages[0], "three": &a.Cover} {
		if have, err := f.Content(t.Context()); err != nil || string(have) != want {
			t.Errorf("read %q, %v; want %q", have, err, want)
		}
	}
}

// A backend that the test brings is used, as one that fails must be.
func TestNewWithKeepsTheTestsBackends(t *testing.T) {
	t.Parallel()
	full := memory.New(memory.Config{Budget: 1})
	registry := &dossier.Registry{}
	if err := registry.Register("first", full); err != nil {
		t.Fatal(err)
	}
	m := sessiontest.NewWith(t, session.Options{Registry: registry}, (*album)(nil))
	err := m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, &album{Front: inner{file("too large")}})
	})
	if !errors.Is(err, dossier.ErrTooLarge) {
		t.Errorf("insert: %v", err)
	}
}

// Two managers of one test have nothing in common.
func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	first, second := sessiontest.New(t, (*album)(nil)), sessiontest.New(t, (*album)(nil))
	err := first.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &album{}) })
	if err != nil {
		t.Fatal(err)
	}
	if n, err := second.DB().NewSelect().Model((*album)(nil)).Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}
