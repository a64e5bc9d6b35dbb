package session_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// A replica that takes connections and does not answer is as good as one that is not up: the application starts without it.
func TestAReplicaThatDoesNotAnswerKeepsNobodyFromStarting(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		silent := newFront(t, "", func(_ int, conn net.Conn) bool { <-t.Context().Done(); return true })
		opts := newOptions(t)
		opts.CleanupTimeout, opts.Logger = 2*time.Second, slog.New(slog.DiscardHandler) // less than ConnectTimeout
		dsn := newDSN(t, on)
		m := open(t, session.Config{DSN: dsn, Options: opts, Replicas: []string{at(t, dsn, silent.address())}})
		must(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &paper{Title: "a", File: text("one")})
		}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		health, err := m.Health(ctx)
		must(t, err)
		wantError(t, health.Replicas[0], dossier.ErrUnavailable)
	})
}

// Open gives up when its caller does, also while it looks at the replicas.
func TestOpenEndsWithItsContextAtTheReplicas(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		ctx, cancel := context.WithCancel(t.Context())
		silent := newFront(t, "", func(_ int, conn net.Conn) bool { cancel(); <-t.Context().Done(); return true })
		dsn := newDSN(t, on)
		m, err := session.Open(ctx, session.Config{DSN: dsn, Options: newOptions(t), Replicas: []string{at(t, dsn, silent.address())}})
		wantError(t, err, context.Canceled)
		if m != nil {
			t.Error("there is a manager")
		}
	})
}
