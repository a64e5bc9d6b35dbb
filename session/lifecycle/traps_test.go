package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// A transaction that has ordered a delete must not make uploads wait, neither its own nor others': InnoDB locks the gap
// behind a deleted row of the same object where uniqueness is that of a secondary index.
func TestOrdersDoNotBlockNewUploads(t *testing.T) { onEveryDatabase(t, testOrdersDoNotBlockNewUploads) }

func testOrdersDoNotBlockNewUploads(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	d := w.insert(t, "a", "one")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // InnoDB would wait for 50
	defer cancel()
	must(t, w.m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		must(t, s.Delete(ctx, d))
		must(t, s.Insert(ctx, &document{Title: "own", File: file("own")}))
		if w.on == "sqlite" {
			return nil // one writer: others wait for the commit
		}
		return w.stageBeside(ctx)
	}))
	w.check(t, "own")
}

// stageBeside uploads in a session of its own, while another one has a transaction open.
func (w *world) stageBeside(ctx context.Context) error {
	s, err := w.m.Begin(ctx)
	if err != nil {
		return err
	}
	return errors.Join(s.Stage(ctx, &document{Title: "other", File: file("other")}), s.Close())
}

// With a context that has ended bun's own savepoints are not rolled back, and the outer commit keeps what was undone.
func TestSavepointIsUndoneAlthoughItsContextHasEnded(t *testing.T) {
	onEveryDatabase(t, testSavepointIsUndoneAlthoughItsContextHasEnded)
}

func testSavepointIsUndoneAlthoughItsContextHasEnded(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "kept", File: file("one")}))
		inner, cancel := context.WithCancel(ctx)
		err := s.Nested(inner, func(ctx context.Context) error {
			must(t, s.Insert(ctx, &document{Title: "undone", File: file("two")}))
			cancel()
			return ctx.Err()
		})
		wantError(t, err, context.Canceled)
		return nil
	})
	if titles := w.titles(t); titles != "kept" {
		t.Errorf("rows %q", titles)
	}
	w.check(t, "one")
}

type traceKey struct{}

// bun gives a nested function the outer context; values and deadlines of the nested call are lost.
func TestNestedGetsItsOwnContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.run(t, func(ctx context.Context, s *session.Session) error {
		deadline := time.Now().Add(time.Hour)
		inner, cancel := context.WithDeadline(context.WithValue(ctx, traceKey{}, "inner"), deadline)
		defer cancel()
		return s.Nested(inner, func(ctx context.Context) error {
			if got, ok := ctx.Deadline(); !ok || !got.Equal(deadline) || ctx.Value(traceKey{}) != "inner" {
				t.Errorf("deadline %v, value %v", got, ctx.Value(traceKey{}))
			}
			return nil
		})
	})
}

// A statement that fails is undone alone on SQLite and MariaDB, and COMMIT would then keep the other half.
func TestStatementLevelRollbackIsNotCommitted(t *testing.T) {
	onEveryDatabase(t, testStatementLevelRollbackIsNotCommitted)
}

func testStatementLevelRollbackIsNotCommitted(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	w.insert(t, "taken", "one")
	wantError(t, w.try(func(ctx context.Context, s *session.Session) error {
		must(t, s.Insert(ctx, &document{Title: "half", File: file("two")}))
		if err := s.Insert(ctx, &document{Title: "taken", File: file("three")}); err == nil {
			t.Error("a title was taken twice")
		}
		return nil // as a caller who ignores it
	}), dossier.ErrRollbackOnly)
	if titles := w.titles(t); titles != "taken" {
		t.Errorf("rows %q", titles)
	}
	w.check(t, "one")
}

// named has a key of the application's, as text.
type named struct {
	bun.BaseModel `bun:"table:named"`
	Name          string                 `bun:"name,pk"`
	Note          string                 `bun:"note"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

// Question marks and names of bun's templates in values are values: bun reads some lists of values as templates.
func TestQuestionMarksInKeysAreNoTemplates(t *testing.T) {
	onEveryDatabase(t, testQuestionMarksInKeysAreNoTemplates)
}

func testQuestionMarksInKeysAreNoTemplates(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{models: []any{(*named)(nil), (*document)(nil)}, options: session.Options{DeleteAfter: session.AtOnce}})
	for _, name := range []string{"?", "a?0?TableName", "?TableAlias's", `\?`} {
		n := &named{Name: name, Note: name, File: fileobject.FromBytes(name, []byte("one"), fileobject.Options{})}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, n) })
		loaded := &named{}
		w.run(t, func(ctx context.Context, s *session.Session) error {
			must(t, s.Get(ctx, loaded, name))
			loaded.File, loaded.Note = file("two"), loaded.Note+"?"
			return s.Update(ctx, loaded)
		})
		if n := w.number(t, "SELECT count(*) FROM named WHERE name = ? AND note = ?", name, name+"?"); n != 1 {
			t.Errorf("%q: %d rows", name, n)
		}
		if objects := w.objects(t); !slices.Equal(objects, []string{"two"}) {
			t.Errorf("%q: objects %q", name, objects)
		}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, loaded) })
	}
	w.check(t)
}

// A NUL in metadata: PostgreSQL's jsonb has none and would fail inside the transaction, MySQL drops it silently elsewhere.
func TestMetadataWithNULIsRefusedOrKept(t *testing.T) {
	onEveryDatabase(t, testMetadataWithNULIsRefusedOrKept)
}

func testMetadataWithNULIsRefusedOrKept(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	f := fileobject.FromBytes("a", []byte("one"), fileobject.Options{Metadata: map[string]any{"note": "a\x00b"}})
	d := &document{Title: "a", File: f}
	err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
	if err != nil {
		w.check(t)
		return
	}
	if note := w.load(t, d.UUID).File.Metadata["note"]; note != "a\x00b" {
		t.Errorf("the note came back as %q", note)
	}
	w.check(t, "one")
}
