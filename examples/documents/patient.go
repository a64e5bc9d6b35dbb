package main

import (
	"io"
	"net/http"
	"time"
)

// patiently lets uploads take any time, as long as something comes: a client that sends nothing for a while is cut off
// with os.ErrDeadlineExceeded.
func patiently(stall time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := patient{r.Body, http.NewResponseController(w), stall}
		defer body.endLimit()
		r.Body = body
		next.ServeHTTP(w, r)
	})
}

type patient struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
}

// Read implements [io.Reader].
func (p patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(p.stall)) // what cannot set one, a test's recorder, does not stall
	n, err := p.ReadCloser.Read(b)
	if err != nil {
		p.endLimit()
	}
	return n, err
}

// endLimit lets the connection live on: the server watches it until the request is answered.
func (p patient) endLimit() { _ = p.control.SetReadDeadline(time.Time{}) }
