package faultkit

import (
	"io"
	"sync"

	"github.com/dossier-go/dossier"
)

// stream is content on its way: it counts what flows and can be cut.
type stream struct {
	io.ReadCloser
	count func(bytes int64)
	cut   *cut // nil: as it is
	left  int64
}

func (b *Backend) stream(operation string, r io.ReadCloser, c *cut) *stream {
	s := &stream{ReadCloser: r, cut: c, count: func(n int64) { b.add(operation, 0, n) }}
	if c != nil {
		s.left = c.after
	}
	return s
}

// Read implements [io.Reader].
func (s *stream) Read(p []byte) (int, error) {
	if s.cut != nil {
		if s.left == 0 {
			return 0, s.cut.err
		}
		p = s.limit(p)
	}
	n, err := s.ReadCloser.Read(p)
	s.count(int64(n))
	if s.cut != nil && s.cut.after >= 0 {
		s.left -= int64(n)
	}
	return n, err
}

// limit shortens p to what may flow now.
func (s *stream) limit(p []byte) []byte {
	if s.cut.chunk > 0 {
		p = p[:min(len(p), s.cut.chunk)]
	}
	if s.cut.after >= 0 {
		p = p[:min(int64(len(p)), s.left)]
	}
	return p
}

// source wraps the streams of src. What it says of itself, size and whether it can be read again, stays; it is not read
// in parts any more.
func (b *Backend) source(operation string, src dossier.Source, c *cut) (wrapped dossier.Source, end func()) {
	if src.Replayable() {
		open := func() (io.ReadCloser, error) {
			r, err := src.Open()
			if err != nil {
				return nil, err
			}
			return b.stream(operation, r, c), nil
		}
		return dossier.OpenerSource(open, src.Size()), func() {}
	}
	r := &lateReader{open: src.Open}
	return dossier.ReaderSource(b.stream(operation, r, c), src.Size()), r.end
}

// lateReader opens a source that can be read once when it is first read. Its end may come while a Read blocks: then
// that Read closes the source.
type lateReader struct {
	open func() (io.ReadCloser, error)

	mu      sync.Mutex
	reading bool
	ended   bool
	r       io.ReadCloser
}

// Read implements [io.Reader].
func (l *lateReader) Read(p []byte) (int, error) {
	r, err := l.start()
	if err != nil {
		return 0, err
	}
	defer l.stop()
	return r.Read(p)
}

func (l *lateReader) start() (io.ReadCloser, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil, dossier.ErrClosed
	}
	if l.r == nil {
		r, err := l.open()
		if err != nil {
			return nil, err
		}
		l.r = r
	}
	l.reading = true
	return l.r, nil
}

func (l *lateReader) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = false
	if l.ended {
		_ = l.r.Close() // the operation is over and has its own error
	}
}

func (l *lateReader) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.r != nil && !l.reading {
		_ = l.r.Close() // it was only read
	}
}

// Close implements [io.Closer]; the source stays open until the operation ends.
func (l *lateReader) Close() error { return nil }
