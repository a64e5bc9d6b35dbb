package uploader

import (
	"io"
	"io/fs"
	"sync"
)

// part is the content of one request, with the memory that holds it.
type part struct {
	pool    *Pool
	scratch *buffer   // or
	buffers []*buffer // or neither, when it is read from Source.At
	content *content
	body    *Body
	last    bool // the source has no more
}

// release gives the memory back. It may be called twice.
func (p *part) release() {
	if p.content != nil {
		p.content.close()
	}
	if p.scratch != nil {
		p.pool.releaseScratch(p.scratch)
	}
	p.pool.release(p.buffers)
	p.scratch, p.buffers = nil, nil
}

// content is read by one request. An HTTP transport may go on reading a body when the request has been answered
// already, but then the memory belongs to someone else: once closed, it can no longer be read.
type content struct {
	mu     sync.Mutex
	reader *io.SectionReader // nil when closed
}

func (c *content) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reader == nil {
		return 0, fs.ErrClosed
	}
	return c.reader.Read(p)
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reader == nil {
		return 0, fs.ErrClosed
	}
	return c.reader.Seek(offset, whence)
}

func (c *content) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reader = nil
}

// segments reads buffers of equal size as one.
type segments []*buffer

func (s segments) ReadAt(p []byte, offset int64) (int, error) {
	size := int64(len(s[0].bytes))
	n := 0
	for n < len(p) {
		i := int(offset / size)
		if i >= len(s) {
			return n, io.EOF
		}
		copied := copy(p[n:], s[i].bytes[offset%size:])
		n += copied
		offset += int64(copied)
	}
	return n, nil
}
