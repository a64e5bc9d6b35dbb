package uploader

import (
	"container/list"
	"context"
	"sync"
	"time"
)

const (
	defaultBudget   = 64 << 20
	defaultPartSize = 8 << 20

	// scratchSize is how much of a source is read before a buffer of the pool is taken.
	scratchSize = 64 << 10

	// slowTime is how long a source may take to fill a scratch before it counts as slow: that is 1 MiB/s.
	slowTime = time.Second / 16

	// idleTime is how long a pool of which nothing is in use keeps its buffers.
	idleTime = 10 * time.Second
)

// Pool holds the part buffers that all uploads of one backend share. All its methods may be called from several
// goroutines.
//
// Buffers are allocated when they are needed first, and reused. When none has been in use for ten seconds they are
// left to the garbage collector.
type Pool struct {
	size    int // of a buffer in bytes
	count   int // of buffers
	scratch sync.Pool

	mu      sync.Mutex
	free    int       // buffers not handed out, allocated or not
	slow    int       // buffers that slow sources are filling
	idle    []*buffer // those of them that are allocated
	waiting list.List // of *waiter, first come first served
	timer   *time.Timer
}

type buffer struct{ bytes []byte }

// pace is how fast a source is.
type pace int

const (
	fastSource pace = iota
	slowSource
)

type waiter struct {
	count int
	pace  pace
	ready chan struct{} // closed when the buffers are granted
}

// NewPool returns a pool of as many buffers of partSize bytes as fit into budget bytes, and of one if none fits.
// Budget of 0 or less is 64 MiB, partSize of 0 or less is 8 MiB. It allocates nothing yet.
func NewPool(budget int64, partSize int) *Pool {
	if budget <= 0 {
		budget = defaultBudget
	}
	if partSize <= 0 {
		partSize = defaultPartSize
	}
	count := int(max(1, budget/int64(partSize)))
	p := &Pool{size: partSize, count: count, free: count}
	p.scratch.New = func() any { return &buffer{make([]byte, scratchSize)} }
	return p
}

// capacity returns how many bytes the pool can hand out.
func (p *Pool) capacity() int64 { return int64(p.size) * int64(p.count) }

// buffersFor returns how many buffers hold size bytes.
func (p *Pool) buffersFor(size int64) int { return int((size + int64(p.size) - 1) / int64(p.size)) }

// slowest returns how many buffers slow sources may be filling at once: half of them, so that they do not hold up the
// others, but at least one.
func (p *Pool) slowest() int { return max(1, p.count/2) }

// acquire waits for count buffers, which are handed out all at once, until ctx ends. When they are full, or given up,
// the caller must call filled.
func (p *Pool) acquire(ctx context.Context, count int, pace pace) ([]*buffer, error) {
	e := p.ask(&waiter{count, pace, make(chan struct{})})
	select {
	case <-e.Value.(*waiter).ready:
		return p.take(count), nil
	default:
	}
	select {
	case <-e.Value.(*waiter).ready:
		return p.take(count), nil
	case <-ctx.Done():
		p.withdraw(e)
		return nil, context.Cause(ctx)
	}
}

// ask queues up for buffers, which may be granted at once.
func (p *Pool) ask(w *waiter) *list.Element {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.waiting.PushBack(w)
	p.grant()
	return e
}

// withdraw leaves the queue, or gives back what was granted in the meantime.
func (p *Pool) withdraw(e *list.Element) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := e.Value.(*waiter)
	select {
	case <-w.ready:
		p.free += w.count
		p.slow -= w.slow()
	default:
		p.waiting.Remove(e)
	}
	p.grant()
}

// grant serves the queue from its front. Slow sources wait while enough of them are filling buffers, and let the others
// pass. Else nobody is served before the first, so that small wishes cannot starve a large one.
func (p *Pool) grant() {
	var next *list.Element
	for e := p.waiting.Front(); e != nil; e = next {
		next = e.Next()
		w := e.Value.(*waiter)
		if p.slow > 0 && w.slow() > p.slowest()-p.slow {
			continue
		}
		if w.count > p.free {
			return
		}
		p.free -= w.count
		p.slow += w.slow()
		p.waiting.Remove(e)
		close(w.ready)
	}
}

// slow returns how many buffers of a slow source the wish is for.
func (w *waiter) slow() int {
	if w.pace == slowSource {
		return w.count
	}
	return 0
}

// filled says that count buffers are not being filled any more.
func (p *Pool) filled(count int, pace pace) {
	if pace == fastSource {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow -= count
	p.grant()
}

// take returns buffers that have been granted.
func (p *Pool) take(count int) []*buffer {
	p.mu.Lock()
	reused := min(count, len(p.idle))
	buffers := append(make([]*buffer, 0, count), p.idle[len(p.idle)-reused:]...)
	clear(p.idle[len(p.idle)-reused:])
	p.idle = p.idle[:len(p.idle)-reused]
	p.mu.Unlock()
	for len(buffers) < count {
		buffers = append(buffers, &buffer{make([]byte, p.size)})
	}
	return buffers
}

// release takes buffers back.
func (p *Pool) release(buffers []*buffer) {
	if len(buffers) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, buffers...)
	p.free += len(buffers)
	p.grant()
	if p.free < p.count {
		return
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(idleTime, p.forget)
	} else {
		p.timer.Reset(idleTime)
	}
}

// forget leaves the buffers to the garbage collector if none is in use.
func (p *Pool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == p.count {
		p.idle = nil
	}
}

func (p *Pool) takeScratch() *buffer { return p.scratch.Get().(*buffer) }

func (p *Pool) releaseScratch(b *buffer) { p.scratch.Put(b) }
