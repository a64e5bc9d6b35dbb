package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

// An audit runs beside the application. Nothing that the application does right in the meantime is a finding: uploads,
// replacements, deletes at once, rollbacks, uploads inside an open transaction.
func TestTrafficIsNoFinding(t *testing.T) {
	t.Parallel()
	m := newFileManager(t, session.Options{DeleteAfter: session.AtOnce})
	var stopped atomic.Bool
	var writers sync.WaitGroup
	var rounds [3]int
	for worker := range rounds {
		writers.Go(func() {
			for !stopped.Load() {
				if err := lifeOfARow(t.Context(), m); err != nil {
					t.Error(err)
					return
				}
				rounds[worker]++
			}
		})
	}
	for range 15 {
		findings, _ := audit(t.Context(), t, m, func(o *maintenance.AuditOptions) { o.Verify = true })
		for _, f := range findings {
			t.Errorf("false alarm: %s", f)
		}
	}
	stopped.Store(true)
	writers.Wait()
	if rounds == [3]int{} {
		t.Error("there was no traffic")
	}
}

// lifeOfARow inserts, replaces, rolls back, and deletes.
func lifeOfARow(ctx context.Context, m *session.Manager) error {
	d := &document{Title: "first", File: text("first")}
	other := &document{Title: "inside", Pages: fileobject.List{text("a"), text("b")}}
	abandoned := errors.New("abandoned")
	steps := []func(ctx context.Context, s *session.Session) error{
		func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) },
		func(ctx context.Context, s *session.Session) error {
			return errors.Join(s.Insert(ctx, other), abandoned)
		},
		func(ctx context.Context, s *session.Session) error {
			d.File = text("second")
			if err := s.Update(ctx, d); err != nil {
				return err
			}
			other = &document{Title: "inside", Pages: fileobject.List{text("a"), text("b")}}
			return s.Insert(ctx, other)
		},
		func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d, other) },
	}
	for i, step := range steps {
		if err := m.RunWith(ctx, session.RunOptions{Attempts: 20}, step); err != nil && !errors.Is(err, abandoned) {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}
