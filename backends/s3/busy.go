package s3

import (
	"context"
	"sync"

	"github.com/dossier-go/dossier"
)

// busy are the multipart uploads that calls of this process are working on. Its zero value is empty.
type busy struct {
	creating sync.RWMutex // held for reading while an upload is created that has no id yet
	mu       sync.Mutex
	ids      map[string]int
}

// create calls what creates an upload, and notes its id before anyone can take it for a forgotten one.
func (b *busy) create(begin func() (id string, err error)) (string, error) {
	b.creating.RLock()
	defer b.creating.RUnlock()
	id, err := begin()
	if err == nil {
		b.begin(id)
	}
	return id, err
}

// wait returns when every upload that was being created has its id.
func (b *busy) wait() {
	b.creating.Lock()
	b.creating.Unlock() //nolint:staticcheck // it was for the waiting
}

func (b *busy) begin(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ids == nil {
		b.ids = map[string]int{}
	}
	b.ids[id]++
}

func (b *busy) end(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ids[id] <= 1 {
		delete(b.ids, id)
		return
	}
	b.ids[id]--
}

func (b *busy) has(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids[id] > 0
}

// turns lets calls that end one upload wait for each other, because servers do not all order them. Its zero value is
// ready for use.
type turns struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// take waits until no other call has the turn of id, and takes it. The turn must be given back by release.
func (t *turns) take(ctx context.Context, id string) (release func(), err error) {
	for {
		mine, wait := t.try(id)
		if mine != nil {
			return func() { t.end(id, mine) }, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, dossier.ContextError(ctx)
		}
	}
}

// try takes the turn, or returns what is closed when it is over.
func (t *turns) try(id string) (mine, wait chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait, taken := t.held[id]; taken {
		return nil, wait
	}
	if t.held == nil {
		t.held = map[string]chan struct{}{}
	}
	mine = make(chan struct{})
	t.held[id] = mine
	return mine, nil
}

func (t *turns) end(id string, mine chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.held, id)
	close(mine)
}
