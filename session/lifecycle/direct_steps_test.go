package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/session"
)

// Whatever step fails, or loses its answer, while a row takes a direct upload: the row has it or has what it had, the error says
// which, and a token whose file no row has can be used again.
func TestDirectUploadFailsAtEveryStep(t *testing.T) {
	onBothWays(t, func(t *testing.T, cannot dossier.Capabilities) {
		t.Parallel()
		long := os.Getenv("DOSSIER_LONG") == "1" || databaseOf(t) == "sqlite"
		for name, action := range map[string]faultkit.Action{"failure": faultkit.Fail(errNo), "connection lost": faultkit.Drop} {
			if !long && (name == "failure" || cannot == 0) {
				continue // what is lost also fails, and what is copied is adopted too; on servers each step takes its time
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for n := 1; directStep(t, n, action, cannot); n++ {
				}
			})
		}
	})
}

// directStep runs the work in a fresh world with the action at the n-th step, and reports whether there was one.
func directStep(t *testing.T, n int, action faultkit.Action, cannot dossier.Capabilities) bool {
	t.Helper()
	points, fired := &faultkit.Points{}, false
	w := newDirectWorld(t, setup{
		options: session.Options{DeleteAfter: session.AtOnce, Step: points.Hit},
		open:    func(driver, dsn string) (*sql.DB, error) { return faultkit.OpenDB(driver, dsn, points) },
		wrap:    func(b dossier.Backend) dossier.Backend { return faultkit.Wrap(b, points) },
		local:   local.Config{Step: points.Hit},
	}, cannot)
	d := w.insert(t, "a", "one")
	p := w.uploaded(t, "direct")
	work := func(ctx context.Context, s *session.Session) error {
		if err := s.Get(ctx, d, d.ID); err != nil {
			return err
		}
		d.File = w.redeem(t, p)
		return s.Update(ctx, d)
	}
	at := points.Count(faultkit.Any) + n
	points.At(faultkit.Any, at, func(ctx context.Context) error { fired = true; return action(ctx) })
	err := w.m.Run(t.Context(), work)
	points.At(faultkit.Any, at, nil)
	held := w.object(t, w.referenced(t)[0])
	switch {
	case err == nil && held != "direct":
		t.Errorf("step %d: Run returned nil and the row has %q", n, held)
	case err != nil && !errors.Is(err, dossier.ErrOutcomeUnknown) && held != "one":
		t.Errorf("step %d: Run returned %v and it was committed", n, err)
	case held == "one":
		if again := w.m.Run(t.Context(), work); again != nil {
			t.Errorf("step %d: after %v the token is of no use: %v", n, err, again)
		}
	}
	w.check(t, "direct")
	if t.Failed() {
		t.Log(fmt.Sprint("step ", n))
		return false
	}
	return fired
}
