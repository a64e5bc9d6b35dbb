package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// stepsWorld is a world whose driver, backend, file system steps and side file all hit points.
func stepsWorld(t *testing.T, points *faultkit.Points) *world {
	t.Helper()
	return newWorld(t, setup{
		options: session.Options{DeleteAfter: session.AtOnce, Step: points.Hit},
		open:    func(driver, dsn string) (*sql.DB, error) { return faultkit.OpenDB(driver, dsn, points) },
		wrap:    func(b dossier.Backend) dossier.Backend { return faultkit.Wrap(b, points) },
		local:   local.Config{Step: points.Hit},
	})
}

// fullWork uses every kind of change in one unit of work.
func fullWork(ctx context.Context, s *session.Session, d *document) error {
	fresh := &document{Title: "b", File: file("two"), Pages: pages("p3", "p4")}
	if err := s.Stage(ctx, fresh); err != nil {
		return err
	}
	if err := s.Insert(ctx, fresh); err != nil {
		return err
	}
	if err := s.Get(ctx, d, d.ID); err != nil {
		return err
	}
	d.File, d.Extra = file("three"), fileobject.FileObject{}
	if err := s.Update(ctx, d); err != nil { // an upload inside the transaction
		return err
	}
	return s.Nested(ctx, func(ctx context.Context) error {
		if err := s.AppendFiles(ctx, d, "pages", file("p5")); err != nil {
			return err
		}
		return s.Delete(ctx, fresh)
	})
}

// eachStep runs the work again and again in a fresh world, with the action at the n-th step of any name, until n is
// behind the last step. After each run rows and objects must agree, and be those of before or those of after.
func eachStep(t *testing.T, action func(cancel context.CancelCauseFunc) faultkit.Action) {
	t.Helper()
	const before, after = "[extra one p1]", "[p1 p5 three]"
	for n := 1; ; n++ {
		fired := false
		ok := t.Run(fmt.Sprint("step ", n), func(t *testing.T) {
			points := &faultkit.Points{}
			w := stepsWorld(t, points)
			d := &document{Title: "a", File: file("one"), Extra: *file("extra"), Pages: pages("p1")}
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
			ctx, cancel := context.WithCancelCause(t.Context())
			act := action(cancel)
			at := points.Count(faultkit.Any) + n
			points.At(faultkit.Any, at, func(ctx context.Context) error { fired = true; return act(ctx) })
			err := w.m.Run(ctx, func(ctx context.Context, s *session.Session) error { return fullWork(ctx, s, d) })
			cancel(nil)
			points.At(faultkit.Any, at, nil)
			w.sweep(t)
			have := fmt.Sprint(w.objects(t))
			switch {
			case have != before && have != after:
				t.Errorf("objects hold %s; Run returned %v", have, err)
			case err == nil && have != after:
				t.Errorf("Run returned nil and nothing is there")
			case err != nil && !errors.Is(err, dossier.ErrOutcomeUnknown) && have != before:
				t.Errorf("Run returned %v and it was committed", err)
			}
			w.check(t, w.objects(t)...)
		})
		if !fired || !ok {
			t.Logf("%d steps", n-1)
			return
		}
	}
}

// A context that ends at any step leaves everything as before or as after, and the error says which.
func TestCancelAtEveryStep(t *testing.T) { onEveryDatabase(t, testCancelAtEveryStep) }

func testCancelAtEveryStep(t *testing.T) {
	t.Helper()
	t.Parallel()
	eachStep(t, func(cancel context.CancelCauseFunc) faultkit.Action {
		return func(context.Context) error { cancel(errNo); return nil }
	})
}

// An error at any step, before it or after it took effect, leaves everything as before or as after, and the error says
// which.
func TestFailureAtEveryStep(t *testing.T) { onEveryDatabase(t, testFailureAtEveryStep) }

func testFailureAtEveryStep(t *testing.T) {
	t.Helper()
	t.Parallel()
	eachStep(t, func(context.CancelCauseFunc) faultkit.Action { return faultkit.Fail(errNo) })
}

// A connection that breaks at any step, also behind a COMMIT that took effect.
func TestConnectionLostAtEveryStep(t *testing.T) { onEveryDatabase(t, testConnectionLostAtEveryStep) }

func testConnectionLostAtEveryStep(t *testing.T) {
	t.Helper()
	t.Parallel()
	eachStep(t, func(context.CancelCauseFunc) faultkit.Action { return faultkit.Drop })
}
