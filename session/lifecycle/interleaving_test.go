package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// A file that was replaced inside a savepoint is the row's again when the savepoint is undone, whatever happened to the row
// before and happens to it afterwards: the order for it must be gone with the savepoint, and no other one.
func TestReplaceInsideAnUndoneSavepoint(t *testing.T) {
	onEveryDatabase(t, testReplaceInsideAnUndoneSavepoint)
}

func testReplaceInsideAnUndoneSavepoint(t *testing.T) {
	t.Helper()
	t.Parallel()
	replace := func(ctx context.Context, s *session.Session, d *document, f *fileobject.FileObject) error {
		d.File = f
		return s.Update(ctx, d, "file")
	}
	for name, c := range map[string]struct {
		before, after func(ctx context.Context, s *session.Session, d *document, undone *fileobject.FileObject) error
		want          []string
	}{
		"alone": {want: []string{"one"}},
		"replaced before": {
			before: func(ctx context.Context, s *session.Session, d *document, _ *fileobject.FileObject) error {
				return replace(ctx, s, d, file("before"))
			}, want: []string{"before"},
		},
		"replaced afterwards": {
			after: func(ctx context.Context, s *session.Session, d *document, _ *fileobject.FileObject) error {
				return replace(ctx, s, d, file("after"))
			}, want: []string{"after"},
		},
		"with the same handle afterwards": {after: replace, want: []string{"undone"}},
		"deleted afterwards": {
			after: func(ctx context.Context, s *session.Session, d *document, _ *fileobject.FileObject) error {
				return s.Delete(ctx, d)
			},
		},
		"before and afterwards": {
			before: func(ctx context.Context, s *session.Session, d *document, _ *fileobject.FileObject) error {
				return replace(ctx, s, d, file("before"))
			}, after: replace, want: []string{"undone"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{options: session.Options{DeleteAfter: session.AtOnce}})
			d, undone := w.insert(t, "a", "one"), file("undone")
			w.run(t, func(ctx context.Context, s *session.Session) error {
				if c.before != nil {
					must(t, c.before(ctx, s, d, undone))
				}
				wantError(t, s.Nested(ctx, func(ctx context.Context) error {
					return errors.Join(errNo, replace(ctx, s, d, undone))
				}), errNo)
				if c.after != nil {
					return c.after(ctx, s, d, undone)
				}
				return nil
			})
			w.check(t, c.want...)
		})
	}
}

// A failover can lose the journal's last commits: an intent that is not there does not show that the transaction adopted it.
// The row alone shows that it was committed.
func TestIntentLostBeforeTheProbe(t *testing.T) { onEveryDatabase(t, testIntentLostBeforeTheProbe) }

func testIntentLostBeforeTheProbe(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, fault := range commitFaults() {
		if fault.connected {
			continue
		}
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			points := &faultkit.Points{}
			w, _ := faultyWorld(t, points, session.Options{})
			d := &document{Title: "a", File: file("one")}
			err := w.try(func(ctx context.Context, s *session.Session) error {
				must(t, s.Insert(ctx, d))
				points.Next(fault.point, fault.action)
				points.Next("sql.begin.before", func(context.Context) error {
					w.exec(t, "DELETE FROM dossier_journal WHERE state = 'pending'")
					return nil
				})
				return nil
			})
			if have := w.objects(t); len(have) != 1 {
				t.Errorf("objects %q: something was compensated", have)
			}
			if fault.committed {
				must(t, err)
				w.check(t, "one")
				return
			}
			wantError(t, err, dossier.ErrOutcomeUnknown)
			if titles := w.titles(t); titles != "" {
				t.Errorf("rows %q", titles)
			}
		})
	}
}

// COMMIT worked but its answer was lost, and nobody can be asked. Close must not touch what was committed; whoever retries
// with the same struct is refused, and with a fresh one gets another row, and both have their files.
func TestCommitAnswerLostThenCloseAndRetry(t *testing.T) {
	onEveryDatabase(t, testCommitAnswerLostThenCloseAndRetry)
}

func testCommitAnswerLostThenCloseAndRetry(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, inside := range map[string]bool{"uploaded before": false, "uploaded inside": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			points := &faultkit.Points{}
			w, _ := faultyWorld(t, points, session.Options{})
			d := &document{Title: "a", File: file("one"), Pages: pages("p1")}
			s, err := w.m.Begin(t.Context())
			must(t, err)
			if inside {
				must(t, s.Insert(t.Context(), &document{Title: "first"}))
			}
			must(t, s.Insert(t.Context(), d))
			points.Next("sql.commit.after", faultkit.Drop)
			points.Next("sql.begin.before", faultkit.Fail(errNo))
			wantError(t, s.Commit(t.Context()), dossier.ErrOutcomeUnknown)
			must(t, s.Close())
			w.sweep(t)
			if have := fmt.Sprint(w.objects(t)); have != "[one p1]" {
				t.Errorf("after Close and a sweep there are %s", have)
			}
			again := func(d *document) error {
				return w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
			}
			wantError(t, again(&document{Title: "b", File: d.File}), dossier.ErrConflict)
			if err := again(d); err == nil {
				t.Error("the same struct was inserted twice")
			}
			must(t, again(&document{Title: "b", File: file("one")}))
			w.check(t, "one", "one", "p1")
		})
	}
}

// As above, but the question is answered: Commit reports success, and Close and the next unit of work find nothing to mend.
func TestCommitAnswerLostAndFoundThenClose(t *testing.T) {
	onEveryDatabase(t, testCommitAnswerLostAndFoundThenClose)
}

func testCommitAnswerLostAndFoundThenClose(t *testing.T) {
	t.Helper()
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{})
	d := &document{Title: "a", File: file("one")}
	s, err := w.m.Begin(t.Context())
	must(t, err)
	must(t, s.Insert(t.Context(), d))
	points.Next("sql.commit.after", faultkit.Drop)
	must(t, s.Commit(t.Context()))
	d.File = file("two")
	must(t, s.Update(t.Context(), d, "file"))
	must(t, s.Close()) // rolls the second unit of work back
	if _, err := w.m.Sweep(t.Context(), journal.SweepOptions{}); err != nil {
		t.Error(err)
	}
	w.check(t, "one")
}
