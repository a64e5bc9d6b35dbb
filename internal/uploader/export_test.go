package uploader

import "context"

// ScratchSize is how much is read before a buffer is taken.
const ScratchSize = scratchSize

// Free returns how many buffers are not handed out.
func (p *Pool) Free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free
}

// Count returns how many buffers the pool may hand out.
func (p *Pool) Count() int { return p.count }

// Idle returns how many allocated buffers are not handed out.
func (p *Pool) Idle() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle)
}

// Waiting returns how many uploads wait for buffers.
func (p *Pool) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting.Len()
}

// Acquire is what the upload of a fast source does.
func Acquire(ctx context.Context, p *Pool, count int) ([]*buffer, error) {
	return p.acquire(ctx, count, fastSource)
}

// Slow returns how many buffers slow sources are filling.
func (p *Pool) Slow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.slow
}

// Release is what uploads do.
var Release = (*Pool).release
