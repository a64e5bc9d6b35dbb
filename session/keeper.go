package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dossier-go/dossier"
)

// keeper renews the leases of uploads that no row has yet: rule 2. Its goroutine runs between start and stop only, and
// stop waits for its end, so that no renewal is under way when the rows are adopted.
type keeper struct {
	m *Manager

	mu       sync.Mutex
	deadline map[string]time.Time // local, monotonic: the lease ends at the database no earlier
	cancels  map[int]context.CancelCauseFunc
	next     int
	hurry    bool // the next renewal is due at once

	stopping context.CancelFunc // nil when not running
	done     chan struct{}
}

// add takes charge of leases that were made or renewed by a statement begun at from.
func (k *keeper) add(from time.Time, ids ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		put(&k.deadline, id, from.Add(k.m.opts.Lease))
	}
}

// remove gives leases up.
func (k *keeper) remove(ids ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		delete(k.deadline, id)
	}
}

// bound returns a context that is cancelled with ErrLeaseLost before a lease ends.
func (k *keeper) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.next++
	name := k.next
	put(&k.cancels, name, cancel)
	return ctx, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.cancels, name)
		cancel(nil)
	}
}

// start runs the goroutine if there is something to renew and it does not run.
func (k *keeper) start(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopping != nil || len(k.deadline) == 0 {
		return
	}
	ctx, k.stopping = context.WithCancel(context.WithoutCancel(ctx))
	k.done = make(chan struct{})
	go k.run(ctx, k.done)
}

// stop ends the goroutine and waits for it.
func (k *keeper) stop() {
	k.mu.Lock()
	stopping, done := k.stopping, k.done
	k.stopping = nil
	k.mu.Unlock()
	if stopping != nil {
		stopping()
		<-done
	}
}

func (k *keeper) run(ctx context.Context, done chan struct{}) {
	defer close(done)
	every := k.m.opts.Lease / 4
	timer := time.NewTimer(k.first(every))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			k.tick(ctx, every)
			timer.Reset(every)
		}
	}
}

// first is when the first renewal is due. It does not matter how often the keeper was stopped since the last one.
func (k *keeper) first(every time.Duration) time.Duration {
	k.mu.Lock()
	ids, hurry := slices.Collect(maps.Keys(k.deadline)), k.hurry
	k.hurry = false
	k.mu.Unlock()
	if hurry {
		return 0
	}
	return min(max(time.Until(k.earliest(ids))-3*every, 0), every)
}

// giveLeases gives up the leases of intents that are about to be adopted, where the keeper goes on beside a transaction: it is
// joined first, and would wait for the rows' locks otherwise.
func (s *Session) giveLeases(ctx context.Context, ids []string) {
	if len(ids) == 0 || s.m.engine.traits().oneWriter {
		return
	}
	s.keeper.stop()
	s.keeper.remove(ids...)
	s.keeper.start(ctx)
}

// keepAgain renews the leases of all that is staged, at once, after an adoption was undone. Their uploads are finished.
func (s *Session) keepAgain(ctx context.Context) {
	if s.m.engine.traits().oneWriter {
		if s.tx == nil {
			s.keeper.start(ctx)
		}
		return
	}
	s.keeper.stop()
	for _, staged := range s.staged {
		if staged.id != "" && staged.frame == nil {
			s.keeper.add(time.Now(), staged.id)
			s.keeper.hurry = true
		}
	}
	s.keeper.start(ctx)
}

// tick renews every lease; when one is lost, or will end before the next tick could save it, uploads are cancelled.
func (k *keeper) tick(ctx context.Context, every time.Duration) {
	k.mu.Lock()
	ids := slices.Collect(maps.Keys(k.deadline))
	k.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	from := time.Now()
	limit, cancel := context.WithDeadline(ctx, k.earliest(ids).Add(-every/4)) // so that there is time to end the uploads
	defer cancel()
	err := k.m.journal.Renew(limit, k.m.opts.Lease, ids...)
	if err == nil {
		k.renewed(from, ids)
		return
	}
	if errors.Is(err, dossier.ErrLeaseLost) || ctx.Err() == nil && k.earliest(ids).Before(time.Now().Add(every)) {
		k.lose(fmt.Errorf("%w: the leases could not be renewed: %w", dossier.ErrLeaseLost, err))
	}
}

// renewed moves the deadlines of leases that are still in our charge.
func (k *keeper) renewed(from time.Time, ids []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range ids {
		if _, ok := k.deadline[id]; ok {
			k.deadline[id] = from.Add(k.m.opts.Lease)
		}
	}
}

// earliest is when the first of the leases ends.
func (k *keeper) earliest(ids []string) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	first := time.Now().Add(k.m.opts.Lease)
	for _, id := range ids {
		if deadline, ok := k.deadline[id]; ok && deadline.Before(first) {
			first = deadline
		}
	}
	return first
}

func (k *keeper) lose(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, cancel := range k.cancels {
		cancel(err)
	}
}
