package session_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"database/sql"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// events is what was called, in order.
type events []string

func (e *events) add(name string) func(context.Context) {
	return func(context.Context) { *e = append(*e, name) }
}

func (e *events) want(t *testing.T, names ...string) {
	t.Helper()
	if !slices.Equal(*e, names) {
		t.Errorf("called %q, want %q", *e, names)
	}
}

// AfterCommit speaks of the commit that the work belongs to: not of a released savepoint, and never of work that was
// undone by any savepoint around it. AfterRollback is its opposite.
func TestAfterCommitAndAfterRollbackFollowTheSavepoints(t *testing.T) {
	t.Parallel()
	work := func(e *events) func(ctx context.Context, s *session.Session) error {
		both := func(s *session.Session, name string) {
			s.AfterCommit(e.add("commit " + name))
			s.AfterRollback(e.add("rollback " + name))
		}
		return func(ctx context.Context, s *session.Session) error {
			both(s, "outer")
			err := s.Nested(ctx, func(ctx context.Context) error {
				both(s, "undone")
				inner := s.Nested(ctx, func(context.Context) error { both(s, "undone with the outer one"); return nil })
				return errors.Join(inner, errInjected)
			})
			wantError(t, err, errInjected)
			return s.Nested(ctx, func(ctx context.Context) error {
				both(s, "released")
				if depth := s.Depth(); depth != 1 {
					t.Errorf("depth %d", depth)
				}
				return s.Nested(ctx, func(context.Context) error { both(s, "inner"); return nil })
			})
		}
	}
	undone := []string{"rollback undone with the outer one", "rollback undone"}
	t.Run("commit", func(t *testing.T) {
		t.Parallel()
		w, e := newMemoryWorld(t, session.Options{}), &events{}
		w.run(work(e))
		e.want(t, append(undone, "commit outer", "commit released", "commit inner")...)
	})
	t.Run("rollback", func(t *testing.T) {
		t.Parallel()
		w, e := newMemoryWorld(t, session.Options{}), &events{}
		err := w.try(func(ctx context.Context, s *session.Session) error { return errors.Join(work(e)(ctx, s), errInjected) })
		wantError(t, err, errInjected)
		e.want(t, append(undone, "rollback inner", "rollback released", "rollback outer")...)
	})
	t.Run("refused commit", func(t *testing.T) {
		t.Parallel()
		w, e := newMemoryWorld(t, session.Options{}), &events{}
		w.faults.fail("sql COMMIT before")
		wantError(t, w.try(work(e)), errInjected)
		e.want(t, append(undone, "rollback inner", "rollback released", "rollback outer")...)
	})
}

// The functions run after the write lock is free and on a context of their own: they may use the manager, and a caller
// who is gone does not keep them from it.
func TestAfterCommitMayUseTheManager(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(w.ctx)
		w.faults.on("sql COMMIT before", func() error { cancel(); return nil })
		must(t, w.Run(ctx, func(ctx context.Context, s *session.Session) error {
			s.AfterCommit(func(ctx context.Context) {
				must(t, ctx.Err())
				must(t, w.Run(ctx, func(ctx context.Context, s *session.Session) error {
					return s.Insert(ctx, &paper{Title: "later", File: text("two")})
				}))
			})
			return s.Insert(ctx, &paper{Title: "a", File: text("one")})
		}))
		w.settle("one", "two")
	})
}

// Hooks are called around what they are named after, once, and know the depth; an error of one before ends the step.
func TestHooksAreCalledAroundTheirSteps(t *testing.T) {
	t.Parallel()
	e := &events{}
	fail := ""
	hook := func(name string) func(context.Context, *session.Session) error {
		return func(ctx context.Context, s *session.Session) error {
			e.add(fmt.Sprint(name, " ", s.Depth()))(ctx)
			if fail == name {
				return errInjected
			}
			return nil
		}
	}
	after := func(name string) func(context.Context, *session.Session) {
		return func(ctx context.Context, s *session.Session) { _ = hook(name)(ctx, s) }
	}
	w := newMemoryWorld(t, session.Options{Hooks: session.Hooks{
		BeforeFlush: hook("before flush"), AfterFlush: hook("after flush"), BeforeCommit: hook("before commit"),
		AfterCommit: after("after commit"), AfterRollback: after("after rollback"),
	}})
	work := func(ctx context.Context, s *session.Session) error {
		s.Add(&paper{Title: "a", File: text("one")})
		return s.Nested(ctx, func(ctx context.Context) error {
			s.Add(&paper{Title: "b"})
			return s.Flush(ctx)
		})
	}
	flushed := []string{"before flush 1", "after flush 1", "before flush 0", "after flush 0"}
	w.run(work)
	e.want(t, append(flushed, "before commit 0", "after commit 0")...)

	for _, step := range []string{"before commit", "before flush", "after flush"} {
		*e, fail = nil, step
		wantError(t, w.try(work), errInjected)
		if last := (*e)[len(*e)-1]; last != "after rollback 0" || slices.Contains(*e, "after commit 0") {
			t.Errorf("%s failed: called %q", step, *e)
		}
		if n := len(slices.DeleteFunc(slices.Clone(*e), func(name string) bool { return name != "after rollback 0" })); n != 1 {
			t.Errorf("%s failed: AfterRollback was called %d times", step, n)
		}
	}
	*e, fail = nil, ""
	w.run(func(ctx context.Context, s *session.Session) error {
		if err := s.Get(ctx, &paper{}, w.onlyID()); err != nil {
			return err
		}
		return errors.Join(s.Commit(ctx), s.Rollback(ctx)) // nothing is left that could be rolled back
	})
	e.want(t, "before commit 0", "after commit 0", "before commit 0", "after commit 0")
	w.settle("one")
}

// A hook may add to what is flushed.
func TestBeforeFlushMayUseTheSession(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{Hooks: session.Hooks{
		BeforeFlush: func(_ context.Context, s *session.Session) error {
			s.Add(&paper{Title: "by the hook", File: text("two")})
			return nil
		},
		BeforeCommit: func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &paper{Title: "last", File: text("three")})
		},
	}})
	w.run(func(_ context.Context, s *session.Session) error {
		s.Add(&paper{Title: "a", File: text("one")})
		return nil
	})
	w.settle("one", "two", "three")
}

// A session can be used again after Commit and after Rollback, and nothing of the work before is left in it.
func TestSessionIsReusable(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		s, err := w.Begin(w.ctx)
		must(t, err)
		e := &events{}
		for i := range 3 {
			s.AfterCommit(e.add("commit"))
			must(t, s.Insert(w.ctx, &paper{Title: "kept", File: text(fmt.Sprint(i))}))
			must(t, s.Commit(w.ctx))
			s.AfterCommit(e.add("never"))
			must(t, s.Insert(w.ctx, &paper{Title: "gone", File: text("gone")}))
			must(t, s.Rollback(w.ctx))
		}
		must(t, s.Close())
		e.want(t, "commit", "commit", "commit")
		w.settle("0", "1", "2")
	})
}

// A context that has ended commits nothing, and a session is not begun with one.
func TestEndedContextCommitsNothing(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancelCause(w.ctx)
		err := w.Run(ctx, func(ctx context.Context, s *session.Session) error {
			if err := s.Insert(ctx, &paper{Title: "a", File: text("one")}); err != nil {
				return err
			}
			cancel(errInjected)
			return nil
		})
		wantError(t, err, errInjected)
		_, err = w.Begin(ctx)
		wantError(t, err, errInjected)
		w.settle()
	})
}

// New refuses what would hang or lose rows later.
func TestNewRefusesPoolsThatCannotWork(t *testing.T) {
	t.Parallel()
	openPool := func(dsn string, most int) *bun.DB {
		pool, err := sql.Open("sqlite", dsn)
		must(t, err)
		t.Cleanup(func() { must(t, pool.Close()) })
		pool.SetMaxOpenConns(most)
		return bun.NewDB(pool, sqlitedialect.New())
	}
	file := "file:" + filepath.Join(t.TempDir(), "app.db")
	options := session.Options{Registry: &dossier.Registry{}}
	for name, db := range map[string]*bun.DB{
		"no database":             nil,
		"private memory":          openPool(":memory:", 0),
		"private memory, by name": openPool("file::memory:", 4),
		"one connection":          openPool(file, 1),
		"private, one connection": openPool(":memory:", 1),
	} {
		m, err := session.New(db, options)
		if !errors.Is(err, dossier.ErrInvalid) || m != nil {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	options.Journal = openPool(file, 1)
	for name, db := range map[string]*bun.DB{"journal's own pool": openPool(file, 1), "two connections": openPool(file, 2)} {
		if _, err := session.New(db, options); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A duration that makes no sense is refused by New, not met as a panic or a failed commit later.
func TestNewRefusesDurationsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		for _, bad := range []session.Options{
			{Lease: -1}, {Lease: 1}, {Quarantine: -1}, {CleanupTimeout: -1}, {ReclaimAfter: -1}, {DeleteAfter: -2},
		} {
			if m, err := session.New(w.DB(), bad); !errors.Is(err, dossier.ErrInvalid) || m != nil {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

// A pool of two connections is enough for everything that a session does, many at a time.
func TestTwoConnectionsAreEnough(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{DeleteAfter: session.AtOnce}, func(t *testing.T, w *world) {
		w.DB().SetMaxOpenConns(2)
		done := make(chan error)
		for i := range 8 {
			go func() {
				done <- w.Run(w.ctx, func(ctx context.Context, s *session.Session) error {
					p := &paper{Title: fmt.Sprint(i), File: text(fmt.Sprint(i))}
					if err := s.Insert(ctx, p); err != nil {
						return err
					}
					p.Cover = *text("cover") // inside the transaction
					if err := s.Update(ctx, p); err != nil {
						return err
					}
					p.Cover = *text("another cover")
					return errors.Join(s.Update(ctx, p), s.Delete(ctx, p))
				})
			}()
		}
		for range 8 {
			must(t, <-done)
		}
		w.settle()
	})
}
