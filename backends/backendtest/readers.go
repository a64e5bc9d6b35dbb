package backendtest

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing/iotest"

	"github.com/dossier-go/dossier"
)

// errSender is the failure of a source.
var errSender = errors.New("the sender's disk failed")

// failing gives content and then err.
func failing(content string, err error) io.Reader {
	return io.MultiReader(strings.NewReader(content), iotest.ErrReader(err))
}

// plain is a reader without any other method.
func plain(content string) io.Reader { return struct{ io.Reader }{strings.NewReader(content)} }

// panicking gives content and then panics.
type panicking struct{ rest io.Reader }

func (p panicking) Read(b []byte) (int, error) {
	n, err := p.rest.Read(b)
	if err != nil {
		panic("a bug in the sender")
	}
	return n, nil
}

// hesitant returns no bytes and no error before each byte.
type hesitant struct {
	rest io.Reader
	now  bool
}

func (h *hesitant) Read(b []byte) (int, error) {
	if h.now = !h.now; h.now || len(b) == 0 {
		return 0, nil
	}
	return h.rest.Read(b[:1])
}

// idle returns no bytes and no error forever.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// lying returns a count that is not true.
type lying struct{ count int }

func (l lying) Read([]byte) (int, error) { return l.count, nil }

// calling calls a function before each read but the first.
type calling struct {
	rest   io.Reader
	before func()
	begun  bool
}

func (c *calling) Read(b []byte) (int, error) {
	if c.begun {
		c.before()
	}
	c.begun = true
	return c.rest.Read(b)
}

// watched is a source that knows how it was used.
type watched struct {
	content string
	end     error // instead of io.EOF; nil: io.EOF
	over    atomic.Bool
	late    atomic.Int32 // reads after the Put returned
	opened  atomic.Int32
	open    atomic.Int32
}

// source returns a source that can be opened again, of unknown size.
func (w *watched) source() dossier.Source {
	return dossier.OpenerSource(func() (io.ReadCloser, error) {
		w.opened.Add(1)
		w.open.Add(1)
		end := w.end
		if end == nil {
			end = io.EOF
		}
		return &watchedReader{w, failing(w.content, end)}, nil
	}, -1)
}

type watchedReader struct {
	*watched
	rest io.Reader
}

func (r *watchedReader) Read(b []byte) (int, error) {
	if r.over.Load() {
		r.late.Add(1)
	}
	return r.rest.Read(b)
}

func (r *watchedReader) Close() error {
	r.open.Add(-1)
	return nil
}
