package session

import (
	"context"
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
)

// turns returns the queue for transactions, nil for none. SQLite has one writer, and a queue is fairer and faster than its
// busy handler. Elsewhere, of a bounded pool that the journal uses too, one connection is left to the journal: sessions
// with a transaction that wait for the journal would wait for each other.
func (m *Manager) makeTurns() chan struct{} {
	if m.engine.traits().oneWriter {
		return make(chan struct{}, 1)
	}
	if open := m.db.Stats().MaxOpenConnections; open > 1 && m.opts.Journal == m.db {
		return make(chan struct{}, open-1)
	}
	return nil
}

// acquireTurn waits for the turn of a transaction.
func (m *Manager) acquireTurn(ctx context.Context) error {
	if m.turns == nil {
		return nil
	}
	select {
	case m.turns <- struct{}{}:
		return nil
	default:
	}
	timeout := time.NewTimer(m.opts.CleanupTimeout)
	defer timeout.Stop()
	select {
	case m.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeout.C:
		return fmt.Errorf("%w: %d other sessions of this process hold their transactions for %v; "+
			"is one opened inside another?", dossier.ErrUnavailable, cap(m.turns), m.opts.CleanupTimeout)
	}
}

func (m *Manager) releaseTurn() {
	if m.turns != nil {
		<-m.turns
	}
}

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
