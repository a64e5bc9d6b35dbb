package session

import (
	"context"
	"errors"
	"sync"

	"github.com/dossier-go/dossier"
)

// requestSession is what a request has of a manager: a session that is made when it is first asked for. Goroutines of the
// request may ask at the same time.
type requestSession struct {
	m  *Manager
	mu sync.Mutex

	cfg   Autocommit
	s     *Session
	late  bool // the answer was decided: what is written now would be lost
	ended bool
}

// adopt makes a further middleware's policy the one that counts; it reports false when the request is over and the
// context was used for another one.
func (rs *requestSession) adopt(cfg Autocommit) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.ended {
		return false
	}
	if !rs.late {
		rs.cfg = cfg
	}
	return true
}

func (rs *requestSession) session() (*Session, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.ended {
		return nil, false
	}
	if rs.s == nil {
		rs.s = rs.m.newSession()
		rs.s.late.Store(rs.late)
	}
	return rs.s, true
}

// policy is the one that counts.
func (rs *requestSession) policy() Autocommit {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.cfg
}

// settle commits or rolls back as the status asks. Its error is that of the commit.
func (rs *requestSession) settle(ctx context.Context, status int) error {
	rs.mu.Lock()
	s, cfg := rs.s, rs.cfg
	rs.late = !cfg.Manual
	rs.mu.Unlock()
	if s == nil || cfg.Manual {
		return nil
	}
	defer s.late.Store(true)
	if cfg.commits(status) {
		return s.Commit(ctx)
	}
	if err := s.Rollback(ctx); err != nil && !errors.Is(err, dossier.ErrClosed) {
		rs.m.opts.Logger.WarnContext(ctx, "dossier: clean-up after a rollback is left to the sweep", "error", err)
	}
	return nil
}

// end closes the session, which rolls back what was not committed, and lets nobody have it again.
func (rs *requestSession) end(ctx context.Context) {
	rs.mu.Lock()
	s := rs.s
	rs.ended = true
	rs.mu.Unlock()
	if s == nil {
		return
	}
	if s.lostAdd() {
		rs.m.opts.Logger.WarnContext(ctx, "dossier: what Add queued after the answer of a request began is not written")
	}
	if err := s.Close(); err != nil {
		rs.m.opts.Logger.WarnContext(ctx, "dossier: clean-up after a request is left to the sweep", "error", err)
	}
}
