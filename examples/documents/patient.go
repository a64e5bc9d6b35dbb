package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// patiently lets uploads take any time, as long as something comes: a client that sends nothing for a while is cut off
// with os.ErrDeadlineExceeded, also where the server reads what a handler left.
func patiently(stall time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			body := &patient{ReadCloser: r.Body, control: http.NewResponseController(w), stall: stall}
			body.limit()
			r.Body = body
		}
		next.ServeHTTP(w, r)
	})
}

type patient struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	stalled atomic.Bool
}

// Read implements [io.Reader].
func (p *patient) Read(b []byte) (int, error) {
	p.limit()
	n, err := p.ReadCloser.Read(b)
	if err == io.EOF {
		// All is there. The server now watches the connection, which may be silent until the request is answered.
		_ = p.control.SetReadDeadline(time.Time{})
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.stalled.Store(true)
	}
	return n, err
}

// hasStalled reports whether a request was cut off: for the handler that looks like a client that left.
func hasStalled(r *http.Request) bool {
	body, ok := r.Body.(*patient)
	return ok && body.stalled.Load()
}

// limit begins to wait anew. What has no connection, such as a test's recorder, does not stall.
func (p *patient) limit() { _ = p.control.SetReadDeadline(time.Now().Add(p.stall)) }
