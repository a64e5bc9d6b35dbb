package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/dossier-go/dossier"
)

// response holds the status line back until the session is committed. It implements what would otherwise reach the
// writer below it past the decision.
type response struct {
	http.ResponseWriter
	r      *http.Request
	cfg    Autocommit
	rs     *requestSession
	before http.Header // as it was before the handler
	failed bool        // the commit failed, and the answer is not the handler's
}

var errAnswered = fmt.Errorf("session: %w: the commit failed and the request was answered", dossier.ErrClosed)

// WriteHeader decides, and then passes the status on. Informational statuses decide nothing.
func (a *response) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		a.ResponseWriter.WriteHeader(status)
		return
	}
	if a.decide(status) {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write decides as for status 200.
func (a *response) Write(b []byte) (int, error) {
	if !a.decide(http.StatusOK) {
		return 0, errAnswered
	}
	return a.ResponseWriter.Write(b)
}

// ReadFrom decides as for status 200, and keeps the fast path of the writer below.
func (a *response) ReadFrom(r io.Reader) (int64, error) {
	if !a.decide(http.StatusOK) {
		return 0, errAnswered
	}
	return io.Copy(a.ResponseWriter, r)
}

// FlushError decides as for status 200.
func (a *response) FlushError() error {
	if !a.decide(http.StatusOK) {
		return errAnswered
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Flush is FlushError without the error.
func (a *response) Flush() { _ = a.FlushError() }

// Hijack rolls back: what follows is not HTTP.
func (a *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !a.rs.decided {
		a.rs.decided = true
		if a.rs.s != nil {
			ctx := context.WithoutCancel(a.r.Context())
			if err := a.rs.s.Rollback(ctx); err != nil && !errors.Is(err, dossier.ErrClosed) {
				return nil, nil, err
			}
		}
	}
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController set deadlines.
func (a *response) Unwrap() http.ResponseWriter { return a.ResponseWriter }
