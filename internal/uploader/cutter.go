package uploader

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dossier-go/dossier/internal/crc"
)

// maxEmptyReads is how often in a row a reader may return no bytes and no error.
const maxEmptyReads = 100

// cutter reads a source in order and cuts it into parts.
type cutter struct {
	ctx    context.Context //nolint:containedctx // lives as long as one upload
	pool   *Pool
	source Source

	read  int64    // bytes taken from the reader
	empty int      // reads without any, in a row
	ahead [1]byte  // read to know whether there is more,
	peeky bool     // when it is in use
	ended bool     // the reader has returned io.EOF
	sums  crc.Sums // of the part
	total crc.Sums // of all parts

	mu          sync.Mutex // guards what follows
	reading     bool       // the reader's Read runs
	interrupted bool
}

// exhausted reports whether every byte of the source is in a part, and the source says that all is well.
func (c *cutter) exhausted() bool { return c.ended && !c.peeky }

// next cuts a part of at most limit bytes, or fewer when the source ends. The first part waits for another byte after
// its end, so that it knows whether it is the last; later ones are sent at once, and what follows may be empty.
func (c *cutter) next(limit int64, first bool) (_ *part, err error) {
	p := &part{pool: c.pool, scratch: c.pool.takeScratch()}
	done := false
	defer func() {
		if !done { // also when the reader panics
			p.release()
		}
	}()
	start := c.total.Size
	c.sums = crc.Sums{}
	if err := c.fillPart(p, limit); err != nil {
		return nil, err
	}
	if first {
		if err := c.peek(); err != nil {
			return nil, err
		}
	}
	p.content = &content{reader: c.section(p, start)}
	p.body = &Body{ReadSeeker: p.content, Sums: c.sums}
	p.last = c.exhausted()
	done = true
	return p, nil
}

// section returns where the content of the part can be read.
func (c *cutter) section(p *part, start int64) *io.SectionReader {
	switch {
	case p.scratch != nil:
		return io.NewSectionReader(segments{p.scratch}, 0, c.sums.Size)
	case p.buffers != nil:
		return io.NewSectionReader(segments(p.buffers), 0, c.sums.Size)
	default:
		return io.NewSectionReader(c.source.At, start, c.sums.Size)
	}
}

// fillPart reads into the scratch and, if there is more, into buffers, or over the scratch if the part will be read
// from Source.At.
func (c *cutter) fillPart(p *part, limit int64) error {
	began, pace := time.Now(), fastSource
	n, err := c.fill(p.scratch.bytes[:min(limit, scratchSize)])
	if err != nil {
		return err
	}
	if time.Since(began) > slowTime {
		pace = slowSource
	}
	if err := c.peek(); err != nil || c.exhausted() {
		return err
	}
	if c.source.At == nil {
		return c.fillBuffers(p, n, limit, pace)
	}
	for left := limit - int64(n); left > 0 && !c.exhausted(); left -= int64(n) {
		if n, err = c.fill(p.scratch.bytes[:min(left, scratchSize)]); err != nil {
			return err
		}
	}
	c.pool.releaseScratch(p.scratch)
	p.scratch = nil
	return nil
}

// fillBuffers moves the n bytes of the scratch into buffers and reads on.
func (c *cutter) fillBuffers(p *part, n int, limit int64, pace pace) (err error) {
	if c.source.Size >= 0 {
		limit = min(limit, c.source.Size-(c.total.Size-int64(n)))
	}
	count := c.pool.buffersFor(limit)
	if p.buffers, err = c.pool.acquire(c.ctx, count, pace); err != nil {
		return err
	}
	defer c.pool.filled(count, pace)
	used := copySegments(p.buffers, p.scratch.bytes[:n])
	c.pool.releaseScratch(p.scratch)
	p.scratch = nil
	size := int64(c.pool.size)
	for int64(used) < limit && !c.exhausted() {
		i, from := int64(used)/size, int64(used)%size
		m, err := c.fill(p.buffers[i].bytes[from:min(size, from+limit-int64(used))])
		if err != nil {
			return err
		}
		used += m
	}
	return nil
}

// copySegments copies p to the beginning of the buffers.
func copySegments(buffers []*buffer, p []byte) int {
	n := 0
	for _, b := range buffers {
		n += copy(b.bytes, p[n:])
	}
	return n
}

// fill reads until p is full or the source has ended, and adds the bytes to the checksums.
func (c *cutter) fill(p []byte) (n int, err error) {
	if c.peeky && len(p) > 0 {
		n = copy(p, c.ahead[:])
		c.peeky = false
		c.add(p[:n])
	}
	for n < len(p) && !c.ended {
		m, err := c.readOnce(p[n:])
		if err != nil {
			return n, err
		}
		c.add(p[n : n+m])
		n += m
	}
	return n, nil
}

func (c *cutter) add(p []byte) {
	c.sums.Write(p)  //nolint:errcheck // it never fails
	c.total.Write(p) //nolint:errcheck // it never fails
}

// peek reads one byte ahead, to know whether there is one.
func (c *cutter) peek() error {
	for !c.peeky && !c.ended {
		n, err := c.readOnce(c.ahead[:])
		if err != nil {
			return err
		}
		c.peeky = n == 1
	}
	return nil
}

// readOnce calls the reader, whose end is no error but noted.
func (c *cutter) readOnce(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.callReader(p)
	if n < 0 || n > len(p) {
		return 0, fmt.Errorf("%w: %d for %d bytes", ErrReader, n, len(p))
	}
	c.read += int64(n)
	c.ended = err == io.EOF //nolint:errorlint // a wrapped io.EOF is a failure of the reader, not its end
	switch {
	case err != nil && !c.ended:
		return 0, err
	case c.source.Size >= 0 && (c.read > c.source.Size || c.ended && c.read < c.source.Size):
		return 0, fmt.Errorf("%w: %d bytes, although %d are declared", ErrReader, c.read, c.source.Size)
	case n > 0:
		c.empty = 0
	default:
		c.empty++
	}
	if c.empty >= maxEmptyReads && !c.ended {
		return 0, io.ErrNoProgress
	}
	return n, nil
}

// callReader calls the reader unless the source was interrupted.
func (c *cutter) callReader(p []byte) (int, error) {
	if err := c.enter(); err != nil {
		return 0, err
	}
	defer c.leave()
	return c.source.Reader.Read(p)
}

func (c *cutter) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupted {
		return context.Cause(c.ctx)
	}
	c.reading = true
	return nil
}

func (c *cutter) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false
}

// interrupt ends a Read that runs, if it can, and lets none follow. The context has ended already.
func (c *cutter) interrupt() {
	c.mu.Lock()
	due := c.reading && !c.interrupted && c.source.Interrupt != nil
	c.interrupted = true
	c.mu.Unlock()
	if due { // without the lock, since it may wait for the Read
		c.source.Interrupt()
	}
}
