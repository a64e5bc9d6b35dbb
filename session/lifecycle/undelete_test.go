package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// A file that was deleted or replaced by mistake comes back as long as its delete was not begun, into its row or another one,
// and the row is as if nothing had been.
func TestUndeletePutsAFileBack(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		d := &document{Title: "a", File: file("one"), Pages: pages("p", "q")}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
		one, q := at(d.File.Key), at(d.Pages[1].Key)
		d.File = file("two")
		w.run(t, func(ctx context.Context, s *session.Session) error {
			return errors.Join(s.Update(ctx, d), s.RemoveFiles(ctx, d, "pages", d.Pages[1]))
		})
		n := 0
		for entry, err := range w.m.Journal().List(t.Context(), journal.Filter{Unclaimed: true}) {
			must(t, err)
			if entry.Key != one.Key && entry.Key != q.Key {
				t.Errorf("%s can be undeleted", entry.Key)
			}
			n++
		}
		if n != 2 {
			t.Errorf("%d files can be undeleted", n)
		}
		must(t, w.m.Undelete(t.Context(), d, "File", one)) // in place of two, which goes in turn
		must(t, w.m.Undelete(t.Context(), d, "pages", q))
		if d.File != one || len(d.Pages) != 2 || one.Size != 3 {
			t.Errorf("the model holds %v %v", d.File, d.Pages)
		}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
		back := at(one.Key)
		w.run(t, func(ctx context.Context, s *session.Session) error {
			again := &document{Title: "again"}
			if err := s.Undelete(ctx, again, "file", back); err != nil {
				return err
			}
			again.File = back
			return s.Insert(ctx, again)
		})
		w.check(t, "one")
	})
}

// Undelete gives no right to any object that is not to be deleted: that would be an import, or another row's file.
func TestUndeleteTakesNothingElse(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, setup{})
		w.put(t, "legacy/plan.txt", "legacy")
		d := w.insert(t, "a", "one")
		into := &document{Title: "b"}
		for key, kind := range map[string]error{
			"legacy/plan.txt": dossier.ErrNotFound, d.File.Key: dossier.ErrNotFound, "no/such": dossier.ErrNotFound,
		} {
			err := w.try(func(ctx context.Context, s *session.Session) error { return s.Undelete(ctx, into, "file", at(key)) })
			wantError(t, err, kind)
		}
		wantError(t, w.m.Undelete(t.Context(), d, "file"), dossier.ErrInvalid)
		wantError(t, w.m.Undelete(t.Context(), into, "file", (*fileobject.FileObject)(nil)), dossier.ErrInvalid)
		gone := d.File.Key
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
		wantError(t, w.m.Undelete(t.Context(), into, "file", at(gone)), dossier.ErrStale) // the row is not there
		if into.File != nil {
			t.Errorf("the model holds %v after a failure", into.File)
		}
		if n := w.number(t, "SELECT count(*) FROM dossier_journal WHERE state = 'doomed' AND attempts = 0"); n != 1 {
			t.Errorf("%d orders after a rollback", n)
		}
	})
}

// stalling is a store whose deletes wait.
type stalling struct {
	dossier.Forward
	begun, goOn chan struct{}
}

func (s *stalling) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	s.begun <- struct{}{}
	<-s.goOn
	return s.Inner.Delete(ctx, key, opts)
}

func (s *stalling) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key := range keys {
			if !yield(key, s.Delete(ctx, key, dossier.DeleteOptions{})) {
				return
			}
		}
	}
}

// A sweeper stands still between its claim and its delete, and goes on at any moment. Meanwhile nobody gets the object into a
// row; and whoever needs it makes a copy that is its own, while it can still be read.
func TestRule4NobodyTakesWhatAStalledSweeperHasClaimed(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T) {
		t.Parallel()
		store := &stalling{begun: make(chan struct{}), goOn: make(chan struct{})}
		w := newWorld(t, setup{wrap: func(b dossier.Backend) dossier.Backend {
			store.Inner = b
			return store
		}})
		d := w.insert(t, "a", "dying")
		key := d.File.Key
		record := d.File.Record
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
		w.fallDue(t)
		swept := make(chan error)
		go func() {
			_, err := w.m.Sweep(context.Background(), journal.SweepOptions{})
			swept <- err
		}()
		<-store.begun
		for name, do := range map[string]func(ctx context.Context, s *session.Session, into *document) error{
			"undelete": func(ctx context.Context, s *session.Session, into *document) error {
				into.File = at(key)
				return errors.Join(s.Undelete(ctx, into, "file", into.File), s.Insert(ctx, into))
			},
			"import": func(ctx context.Context, s *session.Session, into *document) error {
				into.File = at(key)
				return errors.Join(s.Import(ctx, into, "file", into.File), s.Insert(ctx, into))
			},
			"a reference": func(ctx context.Context, s *session.Session, into *document) error {
				into.File = &fileobject.FileObject{Record: record}
				return s.Insert(ctx, into)
			},
		} {
			wantError(t, w.try(func(ctx context.Context, s *session.Session) error {
				return do(ctx, s, &document{Title: name})
			}), dossier.ErrConflict)
		}
		if refs := w.referenced(t); len(refs) > 0 {
			t.Errorf("rows hold %q", refs)
		}
		copied := &document{Title: "copy", File: (&fileobject.FileObject{Record: record}).Clone(fileobject.Options{})}
		w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, copied) })
		close(store.goOn)
		must(t, <-swept)
		go func() {
			for range store.begun { //nolint:revive // the deletes of check
			}
		}()
		w.check(t, "dying")
		close(store.begun)
		if fmt.Sprint(w.referenced(t)) == fmt.Sprint([]string{key}) {
			t.Error("a row points at the object that was deleted")
		}
	})
}
