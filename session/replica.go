package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
)

// replicas are the pools for reads outside of a transaction.
type replicas struct {
	all    []*replica
	turn   atomic.Uint64
	recent recent
}

// replica is one of them.
type replica struct {
	db     *bun.DB
	number int // as in Options.Replicas, from 0

	mu        sync.Mutex
	examined  bool      // its settings are known to be right, and no read waited in vain since
	examining bool      // a read is finding that out
	after     time.Time // not asked before
}

// The places that a context can name for reads.
type readPlace int

const (
	anyPlace readPlace = iota
	thePrimary
	aReplica
)

type placeKey struct{}

// OnPrimary returns a context under which sessions read from the primary: what was committed anywhere is seen.
func OnPrimary(ctx context.Context) context.Context {
	return context.WithValue(ctx, placeKey{}, thePrimary)
}

// Replicas returns how many replicas the manager reads from, whether they are up or not.
func (m *Manager) Replicas() int { return len(m.replicas.all) }

// OnReplica returns a context under which sessions read from replicas, also after they wrote: for reports that may be
// behind. Within a transaction reads are the transaction's all the same. The innermost of OnPrimary and OnReplica holds.
func OnReplica(ctx context.Context) context.Context {
	return context.WithValue(ctx, placeKey{}, aReplica)
}

type readerKey struct{}

// ReadYourWrites returns a context under which reads follow the commits of the same reader: for Options.StickFor after a
// commit under any context with this name, sessions under it read from the primary. The name says who must see the writes,
// as a user's ID does; an empty one stands for this context and those made from it. A manager remembers names in memory;
// where other processes serve the same reader, use [OnPrimary], for a cookie's time as it may be.
// [Manager.Middleware] gives each request an empty one unless it has one.
func ReadYourWrites(ctx context.Context, name string) context.Context {
	if name == "" {
		return context.WithValue(ctx, readerKey{}, new(byte))
	}
	return context.WithValue(ctx, readerKey{}, name)
}

// withReader makes sure that the context has a reader.
func withReader(ctx context.Context) context.Context {
	if ctx.Value(readerKey{}) != nil {
		return ctx
	}
	return ReadYourWrites(ctx, "")
}

// recent knows who committed lately.
type recent struct {
	mu    sync.Mutex
	until map[any]time.Time
	next  time.Time // of the look for what is over
}

// note remembers a commit.
func (r *recent) note(ctx context.Context, stick time.Duration) {
	who := ctx.Value(readerKey{})
	if who == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.until == nil {
		r.until = map[any]time.Time{}
	}
	if now.After(r.next) {
		for key, until := range r.until {
			if now.After(until) {
				delete(r.until, key)
			}
		}
		r.next = now.Add(stick)
	}
	r.until[who] = now.Add(stick)
}

func (r *recent) sticks(ctx context.Context) bool {
	who := ctx.Value(readerKey{})
	if who == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.until[who])
}

// noteWrite is called when a transaction may have been committed.
func (m *Manager) noteWrite(ctx context.Context) {
	if len(m.replicas.all) > 0 {
		m.replicas.recent.note(ctx, m.opts.StickFor)
	}
}

// primary reports whether a read must not go to a replica. SQLite's are the same file, and see every commit.
func (s *Session) primary(ctx context.Context) bool {
	switch ctx.Value(placeKey{}) {
	case thePrimary:
		return true
	case aReplica:
		return false
	}
	return !s.m.engine.traits().oneWriter && (s.pinned || s.m.replicas.recent.sticks(ctx))
}

// reads is the connection for reads of a session outside of its transaction.
type reads struct{ s *Session }

var _ bun.IConn = reads{}

// QueryContext implements bun.IConn.
func (c reads) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	for r := range c.candidates(ctx) {
		rows, err := r.db.DB.QueryContext(ctx, query, args...) //nolint:sqlclosecheck // the caller closes them
		if !c.s.m.failed(ctx, r, err) {
			return rows, err
		}
	}
	return c.s.m.db.DB.QueryContext(ctx, query, args...)
}

// QueryRowContext implements bun.IConn.
func (c reads) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	for r := range c.candidates(ctx) {
		row := r.db.DB.QueryRowContext(ctx, query, args...)
		if !c.s.m.failed(ctx, r, row.Err()) {
			return row
		}
	}
	return c.s.m.db.DB.QueryRowContext(ctx, query, args...)
}

// ExecContext implements bun.IConn.
func (c reads) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.s.m.db.DB.ExecContext(ctx, query, args...)
}

// candidates yields the replicas that may be asked, the one whose turn it is first.
func (c reads) candidates(ctx context.Context) iter.Seq[*replica] {
	return func(yield func(*replica) bool) {
		if c.s.primary(ctx) {
			return
		}
		all := c.s.m.replicas.all
		first := c.s.m.replicas.turn.Add(1) - 1
		for i := range all {
			r := all[(first+uint64(i))%uint64(len(all))]
			if c.s.m.usable(ctx, r) && !yield(r) {
				return
			}
		}
	}
}

// usable reports whether a replica may be asked. One that was not up when the manager was made, or that a read waited for in
// vain, is examined first.
func (m *Manager) usable(ctx context.Context, r *replica) bool {
	if ask, examine := r.turn(); !examine {
		return ask
	}
	bounded, cancel := context.WithTimeout(ctx, m.opts.CleanupTimeout)
	defer cancel()
	err := m.engine.examineReplica(bounded, m, r.db)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.examining, r.examined = false, err == nil
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) { // who was cancelled need not have waited
		r.after = time.Now().Add(m.opts.ReplicaPause)
		m.opts.Logger.WarnContext(ctx, "dossier: a replica cannot be read", "replica", r.number, "error", err)
	}
	return err == nil
}

// turn reports whether the replica may be asked, and whether it is the caller who examines it first: while one read waits
// for that, and it may wait as long as connecting takes, others pass the replica over.
func (r *replica) turn() (ask, examine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.examining || time.Now().Before(r.after) {
		return false, false
	}
	r.examining = !r.examined
	return r.examined, r.examining
}

// failed reports whether the replica, and not the query, is what failed; it is left alone for a while then.
func (m *Manager) failed(ctx context.Context, r *replica, err error) bool {
	switch {
	case err == nil:
		return false
	case ctx.Err() != nil: // a slow query, or a replica that fell silent
		r.mu.Lock()
		defer r.mu.Unlock()
		r.examined = false
		return false
	case !Unavailable(err) && turnedAway(err) == nil:
		return false
	}
	m.opts.Logger.WarnContext(ctx, "dossier: a replica does not answer", "replica", r.number, "error", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after = time.Now().Add(m.opts.ReplicaPause)
	return true
}

// examineReplicas looks at all. One that is not up, or does not answer in time, does not keep the manager from being made.
func (m *Manager) examineReplicas(ctx context.Context) error {
	for i, db := range m.opts.Replicas {
		r := &replica{db: db, number: i}
		bounded, cancel := context.WithTimeout(ctx, m.opts.CleanupTimeout)
		err := m.engine.examineReplica(bounded, m, db)
		late := bounded.Err() != nil
		cancel()
		switch {
		case err == nil:
			r.examined = true
		case ctx.Err() != nil:
			return fmt.Errorf("replica number %d: %w", i+1, err)
		case late, Unavailable(err):
			r.after = time.Now().Add(m.opts.ReplicaPause)
			m.opts.Logger.WarnContext(ctx, "dossier: a replica is not up", "replica", i, "error", err)
		default:
			return fmt.Errorf("replica number %d: %w", i+1, err)
		}
		m.replicas.all = append(m.replicas.all, r)
	}
	return nil
}
