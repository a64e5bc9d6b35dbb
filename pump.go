package dossier

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// pump reads a source that may block in a goroutine of its own, so that Read returns when the context ends or the pump is
// closed. The goroutine owns its buffer: an abandoned Read of the source never writes into the caller's memory. It ends at
// Close, or at the source's next return. Read is for one goroutine; Close may be called from another one.
type pump struct {
	ctx     context.Context //nolint:containedctx // lives as long as one Put
	request chan struct{}
	answer  chan chunk
	quit    chan struct{} // closed by Close
	done    chan struct{} // closed when the source is
	rest    []byte
	err     error
	closing error // of the source's Close; known when done is closed

	mu      sync.Mutex
	reading bool // a read of the source has not returned
	closed  bool
}

type chunk struct {
	bytes []byte
	err   error
}

const pumpBuffer = 64 << 10

func newPump(ctx context.Context, r io.ReadCloser) *pump {
	p := &pump{
		ctx: ctx, request: make(chan struct{}), answer: make(chan chunk, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go p.run(r)
	return p
}

func (p *pump) run(r io.ReadCloser) {
	defer close(p.done)
	buffer := make([]byte, pumpBuffer)
	for p.asked() {
		c := readChunk(r, buffer)
		p.mu.Lock()
		p.reading = false
		p.mu.Unlock()
		p.answer <- c
	}
	p.closing = r.Close()
}

// asked waits until the next chunk is wanted, or returns false when the pump was closed.
func (p *pump) asked() bool {
	select {
	case <-p.request:
	case <-p.quit:
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading = !p.closed
	return p.reading
}

// readChunk turns a panic of the source into an error: it must fail the Put, not the process.
func readChunk(r io.Reader, buffer []byte) (c chunk) {
	defer func() {
		if cause := recover(); cause != nil {
			c = chunk{err: fmt.Errorf("the source panicked: %v", cause)}
		}
	}()
	n, err := r.Read(buffer)
	if n < 0 || n > len(buffer) {
		return chunk{err: fmt.Errorf("%w: the reader returned a count of %d for %d bytes", ErrInvalid, n, len(buffer))}
	}
	return chunk{bytes: buffer[:n], err: err}
}

func (p *pump) Read(b []byte) (int, error) {
	if len(p.rest) == 0 && p.err == nil {
		p.fill()
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	if len(p.rest) > 0 {
		return n, nil
	}
	return n, p.err
}

func (p *pump) fill() {
	select {
	case p.request <- struct{}{}:
	case <-p.ctx.Done():
		p.err = ContextError(p.ctx)
		return
	case <-p.quit:
		p.err = ErrClosed
		return
	}
	select {
	case c := <-p.answer:
		p.rest, p.err = c.bytes, c.err
	case <-p.ctx.Done():
		p.err = ContextError(p.ctx)
	case <-p.quit:
		p.err = ErrClosed
	}
}

// Close ends the goroutine, closes the source, and ends a Read that is under way with [ErrClosed]. It does not wait for a
// Read of the source that blocks: then the source is closed when that returns.
func (p *pump) Close() error {
	p.mu.Lock()
	again, reading := p.closed, p.reading
	p.closed = true
	p.mu.Unlock()
	if again {
		return nil
	}
	close(p.quit)
	if reading {
		return nil
	}
	<-p.done
	return p.closing
}
