package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// What leaves the row is what the row holds when it is changed. The struct in memory may be old, or have nothing: an
// order made from it would delete another's file, or leave an object that nobody deletes.
func TestRule4OrdersAreReadUnderTheLockNotFromTheStruct(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(ctx context.Context, s *session.Session, stale *paper) error{
		"replace": func(ctx context.Context, s *session.Session, stale *paper) error {
			stale.File = text("three")
			return s.Update(ctx, stale, "file")
		},
		"replace from nothing": func(ctx context.Context, s *session.Session, stale *paper) error {
			return s.Update(ctx, &paper{UUID: stale.UUID, File: text("three")}, "file")
		},
		"clear": func(ctx context.Context, s *session.Session, stale *paper) error {
			stale.File = nil
			return s.Update(ctx, stale, "file")
		},
		"delete": func(ctx context.Context, s *session.Session, stale *paper) error { return s.Delete(ctx, stale) },
		"update where": func(ctx context.Context, s *session.Session, _ *paper) error {
			_, err := s.UpdateWhere(ctx, (*paper)(nil), map[string]any{"file": nil}, "title = ?", "a")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMemoryWorld(t, session.Options{})
			stale := &paper{Title: "a", File: text("one")}
			w.insert(stale)
			w.run(func(ctx context.Context, s *session.Session) error {
				return s.Update(ctx, &paper{UUID: stale.UUID, Title: "a", File: text("two")}, "file")
			})
			current := w.references()[0].Key
			w.run(func(ctx context.Context, s *session.Session) error { return change(ctx, s, stale) })
			if ordered := w.texts("SELECT state FROM dossier_journal WHERE object_key = ?", current); fmt.Sprint(ordered) != "[doomed]" {
				t.Errorf("the object that left the row is %q in the journal", ordered)
			}
			var want []string
			if name == "replace" || name == "replace from nothing" {
				want = []string{"three"}
			}
			w.settle(want...)
		})
	}
}

// A replaced object stays for an hour unless the options say otherwise: for readers of the old row and for signed URLs.
func TestRule4ObjectsOutliveTheirRowByDeleteAfter(t *testing.T) {
	t.Parallel()
	for delay, want := range map[time.Duration]string{0: "3600000", 90 * time.Second: "90000"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := newMemoryWorld(t, session.Options{DeleteAfter: delay})
			p := &paper{Title: "a", File: text("one")}
			w.insert(p)
			p.File = text("two")
			w.run(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, p) })
			if due := w.texts("SELECT due_at - created_at FROM dossier_journal"); fmt.Sprint(due) != "["+want+"]" {
				t.Errorf("due after %q ms, want %s", due, want)
			}
			report, err := w.Sweep(w.ctx, journal.SweepOptions{})
			must(t, err)
			if report != (journal.SweepReport{}) {
				t.Errorf("a sweep did %+v before its time", report)
			}
			w.wantObjects("one", "two")
			w.settle("two")
		})
	}
}

// With AtOnce the commit itself deletes, and only after it.
func TestRule4AtOnceDeletesAfterTheCommit(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{DeleteAfter: session.AtOnce}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two"), text("three")}}
		w.insert(p)
		w.faults.set(nil)
		w.run(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, p) })
		committed := false
		for _, step := range w.faults.seen("") {
			committed = committed || step == "sql COMMIT after"
			if len(step) > 6 && step[:6] == "delete" && !committed {
				t.Errorf("%q before the commit", step)
			}
		}
		w.wantObjects()
		w.settle()
	})
}

// An order is claimed, in a committed statement of its own, before its object is touched: a process that dies in between
// must not look like one that never began.
func TestRule4AnOrderIsClaimedBeforeItIsExecuted(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one")}
		w.insert(p)
		w.run(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, p) })
		w.faults.on("delete before", func() error {
			rows := w.texts("SELECT concat(attempts, CASE WHEN owner <> '' THEN ' owned' END, CASE WHEN due_at > " + w.now() +
				" THEN ' leased' END) FROM dossier_journal")
			if fmt.Sprint(rows) != "[1 owned leased]" {
				t.Errorf("attempts, owner and lease are %q", rows)
			}
			return nil
		})
		w.fallDue()
		_, err := w.Sweep(w.ctx, journal.SweepOptions{})
		must(t, err)
		if len(w.faults.seen("delete before")) != 1 {
			t.Error("nothing was deleted")
		}
		w.settle()
	})
}

// The journal's row goes after the object: when the delete fails it is still known.
func TestRule4TheObjectGoesBeforeItsOrder(t *testing.T) {
	t.Parallel()
	for _, moment := range []string{"delete before", "delete after", "sql DELETE FROM dossier_journal before"} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, session.Options{})
			p := &paper{Title: "a", File: text("one")}
			w.insert(p)
			w.run(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, p) })
			w.fallDue()
			w.faults.fail(moment)
			_, err := w.Sweep(w.ctx, journal.SweepOptions{})
			if moment == "sql DELETE FROM dossier_journal before" {
				wantError(t, err, errInjected)
			}
			if rows := w.journal(); len(rows) != 1 {
				t.Errorf("the journal has %q", rows)
			}
			w.settle()
		})
	}
}

// A program that never sweeps still gets rid of what is due: every commit may do some of it.
func TestRule4CommitsExecuteWhatIsDue(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one")}
		w.insert(p)
		w.run(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, p) })
		w.fallDue()
		for len(w.objects()) > 0 {
			if t.Context().Err() != nil {
				t.Fatal("it is still there")
			}
			w.insert(&paper{Title: "b"})
		}
		w.settle()
	})
}

// Negative DueOrders leave everything to the sweeper.
func TestRule4CommitsExecuteNothingWhenToldSo(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{DeleteAfter: session.AtOnce, DueOrders: -1}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one")}
		w.insert(p)
		w.run(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, p) })
		w.wantObjects("one")
		w.settle()
	})
}

// softPaper is deleted softly.
type softPaper struct {
	bun.BaseModel `bun:"table:soft_papers"`
	model.UUID
	Title   string                 `bun:"title"`
	File    *fileobject.FileObject `bun:"file" file:"uploads"`
	Deleted time.Time              `bun:"deleted_at,soft_delete,nullzero"`
}

// A row that is deleted softly can come back, so its objects stay; a forced delete takes them.
func TestRule4SoftDeleteMakesNoOrder(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{}, (*softPaper)(nil))
	first, second := &softPaper{Title: "a", File: text("one")}, &softPaper{Title: "b", File: text("two")}
	w.insert(first, second)
	w.run(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, first) })
	w.run(func(ctx context.Context, s *session.Session) error {
		n, err := s.DeleteWhere(ctx, (*softPaper)(nil), "title = ?", "b")
		if n != 1 {
			t.Errorf("%d rows", n)
		}
		return err
	})
	if rows := w.journal(); len(rows) > 0 {
		t.Errorf("orders %q", rows)
	}
	if rows := w.texts("SELECT title FROM soft_papers WHERE deleted_at IS NOT NULL"); len(rows) != 2 {
		t.Errorf("deleted rows %q", rows)
	}
	err := w.try(func(ctx context.Context, s *session.Session) error { return s.Get(ctx, &softPaper{}, first.ID) })
	wantError(t, err, dossier.ErrNotFound)
	err = w.try(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, first) })
	wantError(t, err, dossier.ErrStale)
	w.settle("one", "two")
}

// A replaced file of a softly deleted model is ordered as any other.
func TestRule4ReplacingInASoftDeleteModelMakesAnOrder(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{}, (*softPaper)(nil))
	p := &softPaper{Title: "a", File: text("one")}
	w.insert(p)
	p.File = text("two")
	w.run(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, p) })
	w.settle("two")
}

// An order stands with the transaction that made it: undone with it, and with its savepoint.
func TestRule4OrdersAreUndoneWithTheirWork(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{DeleteAfter: session.AtOnce}, func(t *testing.T, w *world) {
		p := &paper{Title: "a", File: text("one")}
		w.insert(p)
		err := w.try(func(ctx context.Context, s *session.Session) error {
			if err := s.Delete(ctx, p); err != nil {
				return err
			}
			return errInjected
		})
		wantError(t, err, errInjected)
		w.run(func(ctx context.Context, s *session.Session) error {
			err := s.Nested(ctx, func(ctx context.Context) error {
				if err := s.Delete(ctx, p); err != nil {
					return err
				}
				return errInjected
			})
			wantError(t, err, errInjected)
			return s.Insert(ctx, &paper{Title: "b"})
		})
		w.settle("one")
	})
}
