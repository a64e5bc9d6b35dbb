package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// stillWorks wants the write lock to be free.
func (w *world) stillWorks() {
	w.t.Helper()
	w.insert(&paper{Title: "still works"})
}

// A panic inside any call of the session leaves it so that Run can roll back: else the process never writes again.
func TestPanicInsideACallFreesTheWriteLock(t *testing.T) {
	t.Parallel()
	bad := func() *paper {
		source := dossier.OpenerSource(func() (io.ReadCloser, error) { panic("a defect") }, -1)
		return &paper{Title: "a", File: fileobject.FromSource("a", source, fileobject.Options{})}
	}
	for name, call := range map[string]func(ctx context.Context, s *session.Session) error{
		"Insert": func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, bad()) },
		"Flush": func(ctx context.Context, s *session.Session) error {
			s.Add(bad())
			return s.Flush(ctx)
		},
		"Commit": func(_ context.Context, s *session.Session) error {
			s.Add(bad())
			return nil
		},
		"Nested": func(ctx context.Context, s *session.Session) error {
			return s.Nested(ctx, func(ctx context.Context) error { return s.Insert(ctx, bad()) })
		},
		"Stream": func(ctx context.Context, s *session.Session) error {
			for range session.Stream[paper](ctx, s, s.IDB().NewSelect().Model((*paper)(nil))) {
				panic("a defect")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, session.Options{})
			w.insert(&paper{Title: "first"})
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic did not go on")
					}
				}()
				_ = w.try(func(ctx context.Context, s *session.Session) error {
					if err := s.Insert(ctx, &paper{Title: "b", File: text("two")}); err != nil {
						return err
					}
					return call(ctx, s)
				})
			}()
			w.stillWorks()
			w.settle()
		})
	}
}

// Rows that a caller forgot to close must not keep the commit waiting for ever.
func TestForgottenRowsDoNotBlockTheCommit(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.insert(&paper{Title: "a"}, &paper{Title: "b"})
		w.run(func(ctx context.Context, s *session.Session) error {
			rows, err := s.IDB().QueryContext(ctx, "SELECT title FROM papers")
			if err != nil {
				return err
			}
			rows.Next() // and no Close
			return rows.Err()
		})
		w.stillWorks()
	})
}

// Use by two goroutines is an error of the second, and the first goes on undisturbed.
func TestUseByTwoGoroutinesIsDetected(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.run(func(ctx context.Context, s *session.Session) error {
			w.faults.on("put before", func() error { // runs in another goroutine, during Insert
				for name, err := range map[string]error{
					"Insert":   s.Insert(ctx, &paper{Title: "b"}),
					"Update":   s.Update(ctx, &paper{}),
					"Delete":   s.Delete(ctx, &paper{}),
					"Get":      s.Get(ctx, &paper{}),
					"Stage":    s.Stage(ctx, &paper{}),
					"Nested":   s.Nested(ctx, func(context.Context) error { return nil }),
					"Rollback": s.Rollback(ctx),
					"Commit":   s.Commit(ctx),
					"Flush":    s.Flush(ctx),
					"Lock":     s.Lock(ctx, &paper{}),
				} {
					if !errors.Is(err, dossier.ErrInvalid) {
						t.Errorf("%s: %v", name, err)
					}
				}
				_, err := s.IDB().ExecContext(ctx, "SELECT 1")
				wantError(t, err, dossier.ErrInvalid)
				return nil
			})
			return s.Insert(ctx, &paper{Title: "a", File: text("one")})
		})
		w.settle("one")
	})
}

// A session that is closed while another goroutine still uses it, as a handler's goroutine may, waits for that call and
// rolls back: the write lock must not be lost with it.
func TestCloseWaitsForTheCallOfAnotherGoroutine(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		s, err := w.Begin(w.ctx)
		must(t, err)
		inside, goOn := make(chan struct{}), make(chan struct{})
		w.faults.on("sql INSERT INTO "+string(w.DB().QueryGen().AppendIdent(nil, "papers")),
			func() error { close(inside); <-goOn; return nil })
		inserted, closed := make(chan error), make(chan error)
		go func() { inserted <- s.Insert(w.ctx, &paper{Title: "a", File: text("one")}) }()
		<-inside
		go func() { closed <- s.Close() }()
		close(goOn)
		must(t, <-inserted)
		must(t, <-closed)
		wantError(t, s.Insert(w.ctx, &paper{Title: "b"}), dossier.ErrClosed)
		w.stillWorks()
		w.settle()
	})
}

// Everything of a closed session is ErrClosed, and closing again is nothing.
func TestUseAfterClose(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		s, err := w.Begin(w.ctx)
		must(t, err)
		must(t, s.Insert(w.ctx, &paper{Title: "a", File: text("one")}))
		must(t, s.Close())
		must(t, s.Close())
		for name, err := range map[string]error{
			"Insert":      s.Insert(w.ctx, &paper{}),
			"Update":      s.Update(w.ctx, &paper{}),
			"Delete":      s.Delete(w.ctx, &paper{}),
			"Get":         s.Get(w.ctx, &paper{}),
			"Refresh":     s.Refresh(w.ctx, &paper{}),
			"Lock":        s.Lock(w.ctx, &paper{}),
			"Stage":       s.Stage(w.ctx, &paper{}),
			"StageFile":   s.StageFile(w.ctx, &paper{}, "file", text("x")),
			"Import":      s.Import(w.ctx, &paper{}, "file", text("x")),
			"AppendFiles": s.AppendFiles(w.ctx, &paper{}, "pages"),
			"RemoveFiles": s.RemoveFiles(w.ctx, &paper{}, "pages"),
			"Flush":       s.Flush(w.ctx),
			"Nested":      s.Nested(w.ctx, func(context.Context) error { return nil }),
			"Commit":      s.Commit(w.ctx),
			"Rollback":    s.Rollback(w.ctx),
		} {
			if !errors.Is(err, dossier.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = s.DeleteWhere(w.ctx, &paper{}, "1 = 1")
		wantError(t, err, dossier.ErrClosed)
		for _, err := range session.Stream[paper](w.ctx, s, s.IDB().NewSelect().Model((*paper)(nil))) {
			wantError(t, err, dossier.ErrClosed)
		}
		w.settle()
	})
}

// Commit ends the whole unit of work: inside Nested it is refused, and nothing is lost by having asked.
func TestCommitInsideNestedIsRefusedWithoutEffect(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.run(func(ctx context.Context, s *session.Session) error {
			if err := s.Insert(ctx, &paper{Title: "a", File: text("one")}); err != nil {
				return err
			}
			return s.Nested(ctx, func(ctx context.Context) error {
				wantError(t, s.Commit(ctx), dossier.ErrInvalid)
				return s.Insert(ctx, &paper{Title: "b", File: text("two")})
			})
		})
		w.settle("one", "two")
	})
}

// Who rolls everything back inside Nested and goes on has lost the savepoint: Nested says so, and what came after is
// not committed by accident.
func TestRollbackInsideNestedIsAnErrorOfNested(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return s.Nested(ctx, func(ctx context.Context) error {
				return s.Nested(ctx, func(ctx context.Context) error {
					if err := s.Rollback(ctx); err != nil {
						return err
					}
					return s.Insert(ctx, &paper{Title: "a", File: text("one")})
				})
			})
		})
		wantError(t, err, dossier.ErrInvalid)
		w.stillWorks()
		w.settle()
	})
}

// What was queued inside Nested goes with it, and what was queued before it does not.
func TestNestedUndoesWhatWasQueuedInside(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.run(func(ctx context.Context, s *session.Session) error {
			s.Add(&paper{Title: "before", File: text("one")})
			err := s.Nested(ctx, func(ctx context.Context) error {
				s.Add(&paper{Title: "inside", File: text("two")})
				return errInjected
			})
			wantError(t, err, errInjected)
			err = s.Nested(ctx, func(ctx context.Context) error {
				s.Add(&paper{Title: "flushed inside", File: text("three")})
				return errors.Join(errInjected, s.Flush(ctx))
			})
			wantError(t, err, errInjected)
			return s.Nested(ctx, func(context.Context) error {
				s.Add(&paper{Title: "kept", File: text("four")})
				return nil
			})
		})
		if rows := w.texts("SELECT title FROM papers ORDER BY 1"); fmt.Sprint(rows) != "[before kept]" {
			t.Errorf("rows %q", rows)
		}
		w.settle("one", "four")
	})
}

// A read-only unit of work writes nothing and takes no lock.
func TestReadOnlyRefusesEverythingThatWrites(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		first := &paper{Title: "a", File: text("one")}
		w.insert(first)
		err := w.RunWith(w.ctx, session.RunOptions{ReadOnly: true}, func(ctx context.Context, s *session.Session) error {
			for name, err := range map[string]error{
				"Insert":      s.Insert(ctx, &paper{}),
				"Update":      s.Update(ctx, first),
				"Delete":      s.Delete(ctx, first),
				"Lock":        s.Lock(ctx, first),
				"Stage":       s.Stage(ctx, &paper{File: text("x")}),
				"AppendFiles": s.AppendFiles(ctx, first, "pages", text("x")),
				"Nested":      s.Nested(ctx, func(context.Context) error { return nil }),
			} {
				if !errors.Is(err, dossier.ErrInvalid) {
					t.Errorf("%s: %v", name, err)
				}
			}
			_, err := s.IDB().ExecContext(ctx, "DELETE FROM papers")
			wantError(t, err, dossier.ErrInvalid)
			n := 0
			for _, err := range session.Stream[paper](ctx, s, w.DB().NewSelect().Model((*paper)(nil))) {
				must(t, err)
				n++
			}
			if n != 1 {
				t.Errorf("%d rows", n)
			}
			return s.Get(ctx, first)
		})
		must(t, err)
		w.settle("one")
	})
}
