package backendtest

import "net/http"

// FaultKind says what happens to a request.
type FaultKind int

// The kinds of faults.
const (
	// NoFault passes the request on.
	NoFault FaultKind = iota
	// ResetRequest resets the connection; the server sees nothing of the request.
	ResetRequest
	// ResetUpload sends After bytes of the body to the server, then resets both connections.
	ResetUpload
	// LoseAnswer lets the server do what it is asked and resets the connection to the client instead of answering.
	LoseAnswer
	// CutAnswer closes the connection after After bytes of the answer's body.
	CutAnswer
	// Answer gives Status, Header and Body instead of asking the server.
	Answer
	// Duplicate sends the request to the server twice, one after the other, and gives the first answer.
	Duplicate
	// StallRequest holds the request until Release, then passes it on if the client is still there.
	StallRequest
	// StallAnswer lets the server do what it is asked, holds the answer until Release, and loses it.
	StallAnswer
)

// Fault is what happens to one request.
type Fault struct {
	// Kind of fault. Default: NoFault.
	Kind FaultKind
	// After how many bytes of a body, for ResetUpload and CutAnswer. Default: 0, none.
	After int64
	// Status, Header and Body of an Answer. Default: none.
	Status int
	Header http.Header
	Body   string
	// Held is closed when a stalled request is held. Default: nil, nobody is told.
	Held chan struct{}
	// Release ends a stall when it is closed; the end of the client's request does so too. Default: nil, never.
	Release <-chan struct{}
}

// wait holds a stalled request.
func (f *Fault) wait(r *http.Request) {
	if f.Kind != StallRequest && f.Kind != StallAnswer {
		return
	}
	if f.Held != nil {
		close(f.Held)
	}
	select {
	case <-f.Release:
	case <-r.Context().Done():
		reset(r)
	}
}
