package uploader

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

// Acquire and Release are what uploads do.
var (
	Acquire = (*Pool).acquire
	Release = (*Pool).release
)
