package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/dossier-go/dossier"
)

// Autocommit says which answers commit the session of a request. The zero value commits on 2xx and rolls back on anything
// else.
type Autocommit struct {
	// Manual leaves committing to the handlers: the middleware only closes the session. Default: false.
	Manual bool
	// Redirects commits on 3xx too, as applications that answer a form with 303 want. Default: false.
	Redirects bool
	// Commit lists further statuses that commit. Default: none.
	Commit []int
	// Rollback lists statuses that roll back although they would commit. Default: none.
	Rollback []int
	// OnError answers a request whose commit failed. The header is then as it was before the handler ran: no cookie, no
	// location. It should answer 5xx; it gets the error of [Session.Commit]. Default: nil, a plain 500.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
}

// Check returns an error that Is dossier.ErrInvalid when a status is no status, or is to commit and to roll back.
func (a Autocommit) Check() error {
	for _, status := range slices.Concat(a.Commit, a.Rollback) {
		if status < 200 || status > 599 {
			return fmt.Errorf("autocommit: %w: status %d; final statuses are 200 to 599", dossier.ErrInvalid, status)
		}
		if slices.Contains(a.Commit, status) && slices.Contains(a.Rollback, status) {
			return fmt.Errorf("autocommit: %w: status %d is to commit and to roll back", dossier.ErrInvalid, status)
		}
	}
	if a.Manual && (a.Redirects || len(a.Commit)+len(a.Rollback) > 0) {
		return fmt.Errorf("autocommit: %w: Manual commits on no status", dossier.ErrInvalid)
	}
	return nil
}

func (a Autocommit) commits(status int) bool {
	switch {
	case a.Manual || slices.Contains(a.Rollback, status):
		return false
	case slices.Contains(a.Commit, status):
		return true
	}
	return status/100 == 2 || a.Redirects && status/100 == 3
}

// Middleware gives each request one session, made when [Manager.FromContext] first asks for it, and commits it before the
// status line goes out: when the status is one that commits, and the client is still there. A failed commit becomes the
// answer of Autocommit.OnError, with the handler's header undone; a request whose commit failed never answers 2xx. A panic,
// another status or a protocol upgrade (Hijack) rolls back. What a handler writes through the session after it began to
// answer is not committed, and logged.
//
// A streamed answer commits at its first byte or Flush. It panics with the error of [Autocommit.Check].
func (m *Manager) Middleware(cfg Autocommit) func(http.Handler) http.Handler {
	if err := cfg.Check(); err != nil {
		panic(err)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rs := &requestSession{m: m}
			ctx := context.WithValue(m.context(r.Context()), requestKey{m}, rs)
			r = r.WithContext(ctx)
			answer := &response{ResponseWriter: w, r: r, cfg: cfg, rs: rs, before: w.Header().Clone()}
			defer rs.close(ctx) // rolls back what was not committed, after a panic too
			next.ServeHTTP(answer, r)
			answer.decide(http.StatusOK)
		})
	}
}

// FromContext returns the session of the request that ctx belongs to; ok is false outside [Manager.Middleware]. All calls
// of one request get the same session, which the middleware closes.
func (m *Manager) FromContext(ctx context.Context) (s *Session, ok bool) {
	rs, ok := ctx.Value(requestKey{m}).(*requestSession)
	if !ok {
		return nil, false
	}
	return rs.session(), true
}

type requestKey struct{ m *Manager }

// requestSession makes the session when it is first asked for.
type requestSession struct {
	m       *Manager
	s       *Session
	decided bool
}

func (rs *requestSession) session() *Session {
	if rs.s == nil {
		rs.s = rs.m.newSession()
	}
	return rs.s
}

func (rs *requestSession) close(ctx context.Context) {
	if rs.s == nil {
		return
	}
	if rs.decided && rs.s.dirty() {
		rs.m.opts.Logger.WarnContext(ctx, "dossier: changes made after the answer began are rolled back")
	}
	if err := rs.s.Close(); err != nil {
		rs.m.opts.Logger.WarnContext(ctx, "dossier: clean-up after a request is left to the sweep", "error", err)
	}
}

// dirty reports whether there is something that only a commit would keep.
func (s *Session) dirty() bool { return s.tx != nil || len(s.queue) > 0 }

// decide commits or rolls back, once; it reports whether the handler's answer may go out.
func (a *response) decide(status int) bool {
	if a.rs.decided {
		return !a.failed
	}
	a.rs.decided = true
	if a.rs.s == nil || a.cfg.Manual {
		return true
	}
	ctx := a.r.Context()
	if !a.cfg.commits(status) {
		if err := a.rs.s.Rollback(ctx); err != nil && !errors.Is(err, dossier.ErrClosed) {
			a.rs.m.opts.Logger.WarnContext(ctx, "dossier: clean-up after a rollback is left to the sweep", "error", err)
		}
		return true
	}
	if err := a.rs.s.Commit(ctx); err != nil {
		a.fail(err)
		return false
	}
	return true
}

// fail answers in place of the handler.
func (a *response) fail(err error) {
	a.failed = true
	header := a.ResponseWriter.Header()
	clear(header)
	for name, values := range a.before {
		header[name] = values
	}
	if a.cfg.OnError != nil {
		a.cfg.OnError(a.ResponseWriter, a.r, err)
		return
	}
	a.rs.m.opts.Logger.ErrorContext(a.r.Context(), "dossier: the commit of a request failed", "error", err)
	http.Error(a.ResponseWriter, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}
