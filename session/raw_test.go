package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// execer is what the drivers of the three databases have in common.
type execer = interface {
	Close() error
}

// What is done on the driver's connection belongs to the unit of work: it is undone by an error, by the savepoint around it,
// and with the whole.
func TestRawIsInsideTheTransaction(t *testing.T) {
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		refused := errors.New("refused")
		var driverConn any
		w.run(func(ctx context.Context, s *session.Session) error {
			doc := &paper{Title: "kept", File: text("a")}
			if err := s.Insert(ctx, doc); err != nil {
				return err
			}
			return s.Raw(ctx, func(conn any) error {
				driverConn = conn
				return nil
			})
		})
		if _, ok := driverConn.(execer); !ok {
			t.Errorf("the driver's connection is a %T", driverConn)
		}
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return errors.Join(s.Insert(ctx, &paper{Title: "undone", File: text("b")}),
				ignore(s.Raw(ctx, func(any) error { return refused })))
		})
		wantError(t, err, dossier.ErrRollbackOnly)
		wantError(t, err, refused)
		w.run(func(ctx context.Context, s *session.Session) error {
			wantError(t, s.Nested(ctx, func(ctx context.Context) error {
				return errors.Join(s.Insert(ctx, &paper{Title: "undone", File: text("c")}), s.Raw(ctx, func(any) error { return refused }))
			}), refused)
			return s.Insert(ctx, &paper{Title: "kept too"})
		})
		if got := w.texts("SELECT title FROM papers ORDER BY title"); len(got) != 2 || got[0] != "kept" || got[1] != "kept too" {
			t.Errorf("rows %q", got)
		}
	})
}

func ignore(error) error { return nil }

// The connection cannot do two things at once, and a read-only unit of work begins no transaction.
func TestRawRefusesTheSessionInsideAndReadOnlyWork(t *testing.T) {
	w := newWorld(t, session.Options{})
	w.run(func(ctx context.Context, s *session.Session) error {
		return s.Raw(ctx, func(any) error {
			wantError(t, s.Insert(ctx, &paper{Title: "x"}), dossier.ErrInvalid)
			return nil
		})
	})
	err := w.RunWith(w.ctx, session.RunOptions{ReadOnly: true}, func(ctx context.Context, s *session.Session) error {
		return s.Raw(ctx, func(any) error { return nil })
	})
	wantError(t, err, dossier.ErrInvalid)
}

// Metrics of sweeps come from the hook, whoever sweeps.
func TestAfterSweepHookGetsTheReport(t *testing.T) {
	var seen []session.Sweep
	opts := session.Options{DueOrders: -1, DeleteAfter: session.AtOnce}
	opts.Hooks.AfterSweep = func(_ context.Context, sweep session.Sweep) { seen = append(seen, sweep) }
	w := newWorld(t, opts)
	doc := &paper{Title: "x", File: text("a")}
	w.insert(doc)
	w.run(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, doc) })
	report, err := w.Sweep(w.ctx, journal.SweepOptions{})
	must(t, err)
	if len(seen) != 1 || seen[0].Report != report || report.Deleted != 1 || seen[0].Err != nil || seen[0].Took <= 0 {
		t.Errorf("the hook saw %+v, the report is %+v", seen, report)
	}
	w.exec("DROP TABLE dossier_journal")
	if _, err := w.Sweep(w.ctx, journal.SweepOptions{}); err == nil || len(seen) != 2 ||
		!errors.Is(seen[1].Err, err) && seen[1].Err.Error() != err.Error() {
		t.Errorf("a sweep without a journal: %v, the hook saw %+v", err, seen)
	}
}
