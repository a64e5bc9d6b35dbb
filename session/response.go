package session

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/dossier-go/dossier"
)

// response holds the status line back until the session is committed. It implements what would otherwise reach the
// writer below it past the decision; http.ResponseController finds the rest by Unwrap.
type response struct {
	http.ResponseWriter
	r      *http.Request
	rs     *requestSession
	before http.Header // as it was before the handler
	state  answerState
	sent   bool // the handler's final status went out
}

var errAnswered = fmt.Errorf("session: %w: the commit failed and the request was answered", dossier.ErrClosed)

// informational reports whether a status is one before the final one.
func informational(status int) bool {
	return status >= 100 && status < 200 && status != http.StatusSwitchingProtocols
}

// WriteHeader decides, and then passes the status on. A second final status is dropped: a writer below that sends its
// header late would answer with it, and it is not the one that was decided by.
func (a *response) WriteHeader(status int) {
	switch {
	case a.sent:
		a.rs.m.opts.Logger.WarnContext(a.r.Context(), "dossier: a status after the answer began is dropped", "status", status)
	case informational(status):
		if a.state != failed {
			a.ResponseWriter.WriteHeader(status)
		}
	case a.decide(status):
		a.sent = true
		a.ResponseWriter.WriteHeader(status)
		if status == http.StatusSwitchingProtocols {
			a.rs.end(a.r.Context())
		}
	}
}

// Write decides as for status 200.
func (a *response) Write(b []byte) (int, error) {
	if !a.decide(http.StatusOK) {
		return 0, errAnswered
	}
	a.sent = true
	return a.ResponseWriter.Write(b)
}

// WriteString is Write that lets the writer below do without a copy.
func (a *response) WriteString(text string) (int, error) {
	if !a.decide(http.StatusOK) {
		return 0, errAnswered
	}
	a.sent = true
	return io.WriteString(a.ResponseWriter, text)
}

// firstBytes is how much of a copy goes the slow way while nothing is decided: as much as net/http looks at.
const firstBytes = 512

// ReadFrom decides as for status 200 when there is a first byte, so that a source which fails at once can still become an
// error's answer. Once decided it is the ReadFrom of the writer below, which may be sendfile(2).
func (a *response) ReadFrom(r io.Reader) (int64, error) {
	var first int64
	if a.state == undecided {
		var err error
		first, err = io.Copy(writerOnly{a}, io.LimitReader(r, firstBytes))
		if err != nil || first < firstBytes {
			return first, err
		}
	}
	if !a.decide(http.StatusOK) {
		return first, errAnswered
	}
	a.sent = true
	below, ok := a.ResponseWriter.(io.ReaderFrom)
	if !ok {
		n, err := io.Copy(writerOnly{a.ResponseWriter}, r)
		return first + n, err
	}
	n, err := below.ReadFrom(r)
	return first + n, err
}

// writerOnly hides every method but Write.
type writerOnly struct{ io.Writer }

// FlushError decides as for status 200.
func (a *response) FlushError() error {
	if !a.decide(http.StatusOK) {
		return errAnswered
	}
	err := http.NewResponseController(a.ResponseWriter).Flush()
	a.sent = a.sent || err == nil
	return err
}

// Flush is FlushError without the error.
func (a *response) Flush() { _ = a.FlushError() }

// Hijack rolls back and ends the session: what follows is not HTTP. When the connection cannot be had, as with HTTP/2, the
// session is as it was.
func (a *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if a.state == failed || a.state == broken {
		return nil, nil, errAnswered
	}
	conn, buffered, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	a.state, a.sent = passed, true
	a.rs.end(a.r.Context())
	return conn, buffered, nil
}

// CloseNotify is for older code, such as the streams of gin, that asks for it without looking whether it is there.
func (a *response) CloseNotify() <-chan bool {
	gone := make(chan bool, 1)
	context.AfterFunc(a.r.Context(), func() { gone <- true })
	return gone
}

// Unwrap lets http.ResponseController set deadlines and full duplex.
func (a *response) Unwrap() http.ResponseWriter { return a.ResponseWriter }
