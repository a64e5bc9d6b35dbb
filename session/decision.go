package session

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"

	"github.com/dossier-go/dossier"
)

// answerState is how far the decision about a request's answer has come.
type answerState int

const (
	undecided answerState = iota
	broken                // the commit began and did not come back: it panicked
	passed                // the handler's answer goes out
	failed                // the commit failed, and the answer is not the handler's
)

var errBroken = errors.New("session commit: it panicked")

// decide commits or rolls back, once; it reports whether the handler's answer may go out.
func (a *response) decide(status int) bool {
	switch a.state {
	case undecided:
		a.state = broken
		if err := a.rs.settle(a.r.Context(), status); err != nil {
			a.fail(err)
		} else {
			a.state = passed
		}
	case broken:
		a.fail(errBroken)
	}
	return a.state == passed
}

// fail answers in place of the handler.
func (a *response) fail(err error) {
	a.state = failed
	a.undo()
	f := &failure{ResponseWriter: a.ResponseWriter, unknown: errors.Is(err, dossier.ErrOutcomeUnknown)}
	defer f.finish()
	if answer := a.rs.policy().OnError; answer != nil {
		answer(f, a.r, err)
		return
	}
	level := slog.LevelError
	if a.r.Context().Err() != nil {
		level = slog.LevelInfo // the client left
	}
	a.rs.m.opts.Logger.Log(a.r.Context(), level, "dossier: the commit of a request failed", "error", err)
}

// undo takes back what the handler did to the header.
func (a *response) undo() {
	header := a.ResponseWriter.Header()
	clear(header)
	maps.Copy(header, a.before)
}

// abandon is for a handler that panicked: whoever recovers must not send its cookies.
func (a *response) abandon() {
	if a.state == undecided || a.state == broken {
		a.undo()
	}
}

// failure keeps OnError from calling a failed commit a success.
type failure struct {
	http.ResponseWriter
	unknown  bool // whether it was committed
	answered bool
}

func (f *failure) WriteHeader(status int) {
	if f.answered || informational(status) {
		return
	}
	f.answered = true
	if status < 400 {
		status = http.StatusInternalServerError
	}
	if f.unknown {
		f.Header().Del("Retry-After")
	}
	f.ResponseWriter.WriteHeader(status)
}

func (f *failure) Write(b []byte) (int, error) {
	f.WriteHeader(http.StatusInternalServerError)
	return f.ResponseWriter.Write(b)
}

// finish answers what OnError did not.
func (f *failure) finish() {
	if !f.answered {
		http.Error(f, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}
