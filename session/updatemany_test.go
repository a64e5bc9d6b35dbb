package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// pair is a table of nothing but its key, as one between two others is.
type pair struct {
	bun.BaseModel `bun:"table:pairs"`
	A             int64 `bun:"a,pk"`
	B             int64 `bun:"b,pk"`
}

// A row that is all key has nothing to update. That is an answer and no panic, and the work can go on.
func TestUpdateOfNothingButKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, session.Options{}, (*pair)(nil))
	must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error {
		pairs := []pair{{A: 1, B: 2}}
		if err := s.Insert(ctx, &pairs); err != nil {
			return err
		}
		if err := s.Update(ctx, &pairs[0]); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("update: %v", err)
		}
		if err := s.UpdateMany(ctx, &pairs); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("update many: %v", err)
		}
		return nil
	}))
}

// An update that names columns must not send the bytes of others: they may be gigabytes, and no row takes them.
func TestUpdateManyUploadsNamedColumnsOnly(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	p := &paper{Title: "a"}
	must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, p) }))
	must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error {
		p.File = fileobject.FromBytes("a.txt", []byte("named"), fileobject.Options{})
		p.Pages = fileobject.List{fileobject.FromBytes("b.txt", []byte("not named"), fileobject.Options{})}
		if err := s.UpdateMany(ctx, p, "file"); err != nil {
			return err
		}
		if p.Pages[0].Key != "" {
			t.Error("a file of a column that was not named was uploaded")
		}
		return nil
	}))
}
