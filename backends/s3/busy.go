package s3

import "sync"

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
	if b.ids[id]--; b.ids[id] <= 0 {
		delete(b.ids, id)
	}
}

func (b *busy) has(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids[id] > 0
}
