package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// A unit of work inside another needs a second connection. Where there is none it is told so after CleanupTimeout, on every
// database, and does not wait for itself until somebody kills the process.
func TestAUnitOfWorkInsideAnotherDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	everyDSN(t, func(t *testing.T, on, dsn string) {
		opts := newOptions(t)
		opts.CleanupTimeout = time.Second
		cfg := session.Config{DSN: dsn, Options: opts, Pool: session.PoolOptions{MaxOpen: 1}}
		if on == "memory" {
			cfg.Pool.MaxOpen = 2
		}
		m := open(t, cfg)
		insert := func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &paper{Title: "a", File: text("one")})
		}
		must(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
			must(t, insert(ctx, s))
			wantError(t, m.Run(ctx, insert), dossier.ErrUnavailable)
			return nil
		}))
		must(t, m.Run(t.Context(), insert)) // the turn was given back
	})
}
