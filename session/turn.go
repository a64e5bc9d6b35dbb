package session

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/dossier-go/dossier"
)

// turns is the queue for transactions: first come, first served.
type turns struct {
	mu      sync.Mutex
	taken   int
	waiting []chan struct{} // closed when the turn has come
}

// maxTurns is how many transactions can be open at the same time. SQLite has one writer, and a queue is fairer and faster
// than its busy handler. Elsewhere it is the size of the pool, for which database/sql waits without end, as a session that is
// opened inside another would; when the journal uses the pool too, one connection is left to it, or sessions with a transaction
// that wait for the journal would wait for each other. The pool may be resized at any time.
func (m *Manager) maxTurns() int {
	if m.engine.traits().oneWriter {
		return 1
	}
	switch open := m.db.Stats().MaxOpenConnections; {
	case open <= 0:
		return math.MaxInt
	case m.opts.Journal == m.db:
		return open - 1
	default:
		return open
	}
}

// take gives the turn, or a channel that is closed when it has come.
func (q *turns) take(limit int) (wait chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taken < limit && len(q.waiting) == 0 {
		q.taken++
		return nil
	}
	wait = make(chan struct{})
	q.waiting = append(q.waiting, wait)
	return wait
}

// leave gives up waiting; false means that the turn has come meanwhile.
func (q *turns) leave(wait chan struct{}) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, wait)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

// give ends a turn and begins those that can begin.
func (q *turns) give(limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken--
	for q.taken < limit && len(q.waiting) > 0 {
		q.taken++
		close(q.waiting[0])
		q.waiting = q.waiting[1:]
	}
}

// acquireTurn waits for the turn of a transaction.
func (m *Manager) acquireTurn(ctx context.Context) error {
	limit := m.maxTurns()
	if limit == 0 {
		return m.notAlone() // the pool was made smaller
	}
	wait := m.turns.take(limit)
	if wait == nil {
		return nil
	}
	timeout := time.NewTimer(m.opts.CleanupTimeout)
	defer timeout.Stop()
	var err error
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timeout.C:
		err = m.errTurn(limit)
	}
	if !m.turns.leave(wait) {
		m.releaseTurn()
	}
	return err
}

// errTurn says why a turn did not come.
func (m *Manager) errTurn(limit int) error {
	holders := "another session of this process holds the write transaction"
	if !m.engine.traits().oneWriter {
		holders = fmt.Sprintf("%d sessions of this process hold all transactions that the pool has room for", limit)
	}
	return fmt.Errorf("%w: %s for %v; is one opened inside another?", dossier.ErrUnavailable, holders, m.opts.CleanupTimeout)
}

func (m *Manager) releaseTurn() { m.turns.give(m.maxTurns()) }

// write runs a statement of the journal's own, where there is one writer in its turn.
func (m *Manager) write(ctx context.Context, fn func(ctx context.Context) error) error {
	if !m.engine.traits().oneWriter {
		return fn(ctx)
	}
	if err := m.acquireTurn(ctx); err != nil {
		return err
	}
	defer m.releaseTurn()
	return fn(ctx)
}
