package session

import (
	"context"
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
	// OnError answers a request whose commit failed. It gets the error of [Session.Commit], and the header as it was before
	// the handler ran: no cookie, no location. It may choose any status from 400 on; another becomes 500, and so does no
	// answer at all. Retry-After is taken away when the error Is dossier.ErrOutcomeUnknown: trying again could do the work
	// twice. Default: nil, a plain 500 and a line in Options.Logger.
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
// status line goes out: when the status is one that commits, and the client is still there. The answer is decided by the
// first of WriteHeader, Write, Flush, the first byte of a copy, and the handler's end, which without WriteHeader means 200;
// informational statuses (1xx) decide nothing. So a streamed answer is committed before its first byte, and what is written
// through the session afterwards is refused with dossier.ErrClosed; reading goes on until the handler ends.
//
// A failed commit becomes the answer of Autocommit.OnError, with the handler's header undone: a request whose commit failed
// never answers 2xx or 3xx. Another status rolls back. So does a panic (http.ErrAbortHandler too), which goes on, with the
// handler's header undone unless its answer had begun; and so does a protocol upgrade (Hijack, or status 101), after which the
// request has no session: a websocket's messages are units of work of their own, for [Manager.Run].
//
// The context of the handler's request ends when the middleware does. Used more than once for a request, there is still
// one session, and the innermost policy that the request came by decides, so a route can have its own. Managers of several
// databases commit one after the other, the innermost first, and not atomically. It panics with the error of [Autocommit.Check].
func (m *Manager) Middleware(cfg Autocommit) func(http.Handler) http.Handler {
	if err := cfg.Check(); err != nil {
		panic(err)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rs, ok := r.Context().Value(requestKey{m}).(*requestSession); ok && rs.adopt(cfg) {
				next.ServeHTTP(w, r)
				return
			}
			m.serve(cfg, next, w, r)
		})
	}
}

// serve is one request with a session.
func (m *Manager) serve(cfg Autocommit, next http.Handler, w http.ResponseWriter, r *http.Request) {
	rs := &requestSession{m: m, cfg: cfg}
	ctx, cancel := context.WithCancel(context.WithValue(m.context(withReader(r.Context())), requestKey{m}, rs))
	r = r.WithContext(ctx)
	answer := &response{ResponseWriter: w, r: r, rs: rs, before: w.Header().Clone()}
	returned := false
	defer func() {
		if !returned {
			answer.abandon()
		}
		cancel() // a call of another goroutine ends, for which Close would wait
		rs.end(ctx)
	}()
	next.ServeHTTP(answer, r)
	answer.decide(http.StatusOK)
	returned = true
}

// FromContext returns the session of the request that ctx belongs to. All calls of one request, from whatever goroutine, get
// the same session, which the middleware closes; the session itself is for one goroutine at a time. ok is false outside
// [Manager.Middleware], after the middleware has ended, and after an upgrade of the connection: then an earlier session is
// closed too, so that no goroutine writes what nobody would commit.
func (m *Manager) FromContext(ctx context.Context) (s *Session, ok bool) {
	rs, ok := ctx.Value(requestKey{m}).(*requestSession)
	if !ok {
		return nil, false
	}
	return rs.session()
}

type requestKey struct{ m *Manager }
