package dossier

import (
	"context"
	"fmt"
	"io"
)

// pump reads a source that may block in a goroutine of its own, so that Read returns when the context ends.
// The goroutine owns its buffer: an abandoned Read of the source never writes into the caller's memory. It ends at
// Close, or at the source's next return.
type pump struct {
	ctx     context.Context //nolint:containedctx // lives as long as one Put
	request chan struct{}
	answer  chan chunk
	done    chan struct{}
	rest    []byte
	err     error
	waiting bool // a read of the source has not returned
	closed  bool
	closing error // of the source's Close; known when done is closed
}

type chunk struct {
	bytes []byte
	err   error
}

const pumpBuffer = 64 << 10

func newPump(ctx context.Context, r io.ReadCloser) *pump {
	p := &pump{ctx: ctx, request: make(chan struct{}), answer: make(chan chunk, 1), done: make(chan struct{})}
	go p.run(r)
	return p
}

func (p *pump) run(r io.ReadCloser) {
	defer close(p.done)
	buffer := make([]byte, pumpBuffer)
	for range p.request {
		p.answer <- readChunk(r, buffer)
	}
	p.closing = r.Close()
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
		p.waiting = true
	case <-p.ctx.Done():
		p.err = ContextError(p.ctx)
		return
	}
	select {
	case c := <-p.answer:
		p.rest, p.err, p.waiting = c.bytes, c.err, false
	case <-p.ctx.Done():
		p.err = ContextError(p.ctx)
	}
}

// Close ends the goroutine and closes the source. It does not wait for a Read of the source that blocks: then the
// source is closed when that returns.
func (p *pump) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	close(p.request)
	if p.waiting {
		return nil
	}
	<-p.done
	return p.closing
}
