package session_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dossier-go/dossier/session"
)

// wedge is a TCP server before a database that can stop to pass anything on, without a word: what a machine does that lost its
// power.
type wedge struct {
	listener net.Listener
	target   string
	stuck    atomic.Bool
	group    sync.WaitGroup
}

func newWedge(t *testing.T, target string) *wedge {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	w := &wedge{listener: listener, target: target}
	ctx, cancel := context.WithCancel(context.Background())
	w.group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			w.group.Go(func() { w.serve(ctx, conn) })
		}
	})
	t.Cleanup(func() { cancel(); _ = listener.Close(); w.group.Wait() })
	return w
}

func (w *wedge) serve(ctx context.Context, conn net.Conn) {
	server, err := new(net.Dialer).DialContext(ctx, "tcp", w.target)
	if err != nil {
		_ = conn.Close()
		return
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close(); _ = server.Close() })()
	done := make(chan struct{})
	go func() { defer close(done); w.pass(server, conn) }()
	w.pass(conn, server)
	<-done
}

// pass copies, and drops what comes while it is stuck.
func (w *wedge) pass(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if w.stuck.Load() {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// together reads from so many connections at once, which stay open in the pool.
func (r replicated) together(n int) {
	r.t.Helper()
	if n == 0 {
		return
	}
	must(r.t, r.Run(r.t.Context(), func(ctx context.Context, s *session.Session) error {
		for _, err := range session.Stream[place](ctx, s, r.DB().NewSelect().Model((*place)(nil))) {
			must(r.t, err)
			r.together(n - 1)
		}
		return nil
	}))
}

// A replica that lets us in no more, because a password was changed on it or its database is gone, has not refused the query: others
// can answer it.
func TestAReplicaThatTurnsUsAwayIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"28P01", "28000", "3D000"} {
		var door *front
		opts := session.Options{ReplicaPause: time.Nanosecond, Logger: slog.New(slog.DiscardHandler)}
		r := newReplicated(t, "postgresql", opts, func(cfg *session.Config) {
			door = newFront(t, addressOf(t, cfg.Replicas[0]), nil)
			cfg.Replicas[0] = at(t, cfg.Replicas[0], door.address())
		})
		r.want(t.Context(), inTurn)
		door.set(refusal(state, "not you"))
		r.want(t.Context(), onlySecond)
		health, err := r.Health(t.Context())
		if err != nil || health.Replicas[0] == nil || health.Replicas[1] != nil {
			t.Errorf("%s: health %v, %v", state, health, err)
		}
	}
}

// A replica whose connections are open and silent is found out by the reads that wait for it in vain: the next one looks at it, for
// CleanupTimeout at most, and until it works again it is passed over. Every read would wait otherwise until its context ends.
func TestAReplicaThatFallsSilentIsPassedOver(t *testing.T) {
	t.Parallel()
	onServerDatabases(t, func(t *testing.T, on string) {
		var silent *wedge
		opts := session.Options{CleanupTimeout: 3 * time.Second, ReplicaPause: time.Hour, Logger: slog.New(slog.DiscardHandler)}
		r := newReplicated(t, on, opts, func(cfg *session.Config) {
			silent = newWedge(t, addressOf(t, cfg.Replicas[0]))
			cfg.Replicas = []string{at(t, cfg.Replicas[0], silent.listener.Addr().String())}
		})
		r.want(t.Context(), "first first first first")
		r.together(5)
		silent.stuck.Store(true)
		for _, end := range []func(context.Context) (context.Context, context.CancelFunc){
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 100*time.Millisecond)
			},
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(100*time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			ctx, cancel := end(t.Context())
			err := r.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Get(ctx, &place{}, 1) })
			if err == nil || ctx.Err() == nil {
				t.Errorf("a read of a silent replica: %v", err)
			}
			cancel()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r.want(ctx, onlyPrimary)
		silent.stuck.Store(false)
		for range 1000 { // connections that were cut off are thrown away one by one
			if _, err := r.Health(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r.asked(t.Context()) == "first first first first" {
				return
			}
		}
		t.Error("it is not asked again")
	})
}
