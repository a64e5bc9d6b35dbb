package backendtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/dossier-go/dossier"
)

func networkWriteCases() []contractCase {
	return []contractCase{
		{
			name: "network/writes", groups: []int{14, 86}, network: true, run: networkWrites,
			sentence: "Whichever request of a write is broken, the object is the old or the new one, whole, and the error says which if one can know.",
		},
		{
			name: "network/writes cancelled", groups: []int{7, 83, 86}, network: true, run: networkCancelled,
			sentence: "A write that hangs in any of its requests ends with its context; the error says truly what became of the object.",
		},
		{
			name: "network/errors in answers", groups: []int{15}, network: true, run: networkErrorBody,
			sentence: "A successful status with an error in its body is no success.",
		},
	}
}

// mostRequests is how many requests of one operation are broken in turn.
const mostRequests = 12

// writeFaults are what can happen to one request of a write.
func writeFaults(large bool) map[string]Fault {
	faults := map[string]Fault{
		"reset": {Kind: ResetRequest}, "answer lost": {Kind: LoseAnswer}, "503": unavailable(),
	}
	if large {
		return faults
	}
	faults["reset while uploading"] = Fault{Kind: ResetUpload, After: 4}
	faults["answer cut"] = Fault{Kind: CutAnswer, After: 1}
	faults["sent twice"] = Fault{Kind: Duplicate}
	faults["500"] = Fault{Kind: Answer, Status: http.StatusInternalServerError}
	faults["429"] = Fault{Kind: Answer, Status: http.StatusTooManyRequests}
	return faults
}

// unavailable is the answer of a store that has too much to do, in the words that most of them use.
func unavailable() Fault {
	return Fault{
		Kind: Answer, Status: http.StatusServiceUnavailable,
		Header: http.Header{"Content-Type": {"application/xml"}, "Retry-After": {"0"}},
		Body:   `<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`,
	}
}

// only is the plan to break the request of this index.
func only(index int, fault Fault) Plan {
	return func(i int, _ *http.Request) *Fault {
		if i != index {
			return nil
		}
		return &fault
	}
}

// from is the plan to break the request of this index and all that follow.
func from(index int, fault Fault) Plan {
	return func(i int, _ *http.Request) *Fault {
		if i < index {
			return nil
		}
		return &fault
	}
}

func networkWrites(t *trial) {
	t.begin()
	for _, w := range t.writings() {
		if !w.possible(t) {
			continue
		}
		for name, fault := range writeFaults(w.large) {
			t.breakEach(w, fault, name, only)
		}
		t.breakEach(w, Fault{Kind: ResetRequest}, "reset for good", from)
	}
}

// breakEach does the write as often as it has requests, and breaks another one each time.
func (t *trial) breakEach(w writing, fault Fault, name string, plan func(int, Fault) Plan) {
	t.Helper()
	for index := range mostRequests {
		key := w.prepare(t, t.round())
		t.proxy.Follow(plan(index, fault))
		err := w.do(t, t.ctx, key)
		met := t.proxy.Requests() > index
		t.proxy.Follow(nil)
		t.judge(w, key, err, fault, fmt.Sprintf("%s in request %d", name, index))
		if !met {
			return
		}
	}
}

// begin puts what copies are made from.
func (t *trial) begin() {
	t.Helper()
	t.versions = map[string]dossier.Version{}
	t.put(copySource, copyContent)
}

// round numbers the attempts of a case.
func (t *trial) round() int {
	t.rounds++
	return t.rounds
}

// judge compares what became of the object with what the error says.
func (t *trial) judge(w writing, key string, err error, fault Fault, how string) {
	t.Helper()
	what := w.name + ", " + how
	before := oldContent
	if w.fresh {
		before = ""
	}
	now := t.contentOf(key)
	switch {
	case now != before && now != w.after:
		t.Errorf("%s: the object is neither the old nor the new one: %s (%v)", what, brief(now), err)
	case err == nil && now != w.after:
		t.Errorf("%s: success, but the object is %s", what, brief(now))
	case err != nil && now != before && dossier.OutcomeOf(err) == dossier.OutcomeNotApplied:
		t.Errorf("%s: the object is the new one, but the error says that nothing happened: %v", what, err)
	}
	t.truthful(what, err)
	lost := fault.Kind == LoseAnswer || fault.Kind == CutAnswer || fault.Kind == Duplicate || fault.Kind == StallAnswer
	t.noUploads(what, err, lost)
}

// contentOf is the content of an object, or nothing.
func (t *trial) contentOf(key string) string {
	t.Helper()
	content, err := dossier.ReadAll(t.ctx, t.backend, key, 0)
	if err != nil && !errors.Is(err, dossier.ErrNotExist) {
		t.Fatalf("read %q: %v", key, err)
	}
	return string(content)
}

// truthful fails when an error blames the object for what the network did.
func (t *trial) truthful(what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, kind := range []error{dossier.ErrNotExist, dossier.ErrExist, dossier.ErrPrecondition, dossier.ErrInvalidKey, dossier.ErrNoContainer, errors.ErrUnsupported} {
		if errors.Is(err, kind) {
			t.Errorf("%s: %v; a fault of the network is not %v", what, err, kind)
		}
	}
	var typed *dossier.Error
	if !errors.As(err, &typed) {
		t.Errorf("%s: %v is no *dossier.Error", what, err)
	}
}

// noUploads fails when an upload is left that the error does not name, and removes what is left. When the answer was lost
// nobody could know its id.
func (t *trial) noUploads(what string, err error, lost bool) {
	t.Helper()
	if !uploader.in(t.backend) || !t.can(dossier.Multipart) {
		return
	}
	left, problem := collect(t.parts().Uploads(t.ctx, "network/"))
	if problem != nil {
		t.Errorf("%s: uploads: %v", what, problem)
	}
	for _, upload := range left {
		var typed *dossier.Error
		known := errors.As(err, &typed) && (typed.Leaked != nil && *typed.Leaked == upload || typed.Outcome == dossier.OutcomeUnknown)
		if !known && !lost {
			t.Errorf("%s: the upload %v is left, and the error does not say so: %v", what, upload, err)
		}
		t.abort(upload)
	}
}

// networkCancelled holds each request of each write, before and behind the server, until the write's context ends.
func networkCancelled(t *trial) {
	t.begin()
	for _, w := range t.writings() {
		for _, kind := range []FaultKind{StallRequest, StallAnswer} {
			for index := range mostRequests {
				if !w.possible(t) || !t.cancelAt(w, kind, index) {
					break
				}
			}
		}
	}
}

// cancelAt holds one request of a write and cancels it; false means that there is no such request.
func (t *trial) cancelAt(w writing, kind FaultKind, index int) bool {
	t.Helper()
	key := w.prepare(t, t.round())
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	held, done := make(chan struct{}), make(chan error, 1)
	t.proxy.Follow(only(index, Fault{Kind: kind, Held: held}))
	go func() { done <- w.do(t, ctx, key) }()
	var err error
	met := false
	t.within(w.name+", cancelled", func() {
		select {
		case <-held:
			met = true
			cancel()
			err = <-done
		case err = <-done:
		}
	})
	t.proxy.Follow(nil)
	if !met {
		t.succeeds(w.name, err)
		return false
	}
	what := fmt.Sprintf("cancelled in request %d, server %v", index, kind == StallAnswer)
	t.judge(w, key, err, Fault{Kind: kind}, what)
	if err != nil { // a write that had been done may also say so
		t.wants(w.name+", "+what, err, context.Canceled)
	}
	return true
}

// networkErrorBody answers what joins and copies objects, which can take so long that a store begins to answer before it
// knows the end.
func networkErrorBody(t *trial) {
	t.begin()
	fault := unavailable()
	fault.Status = http.StatusOK
	met := false
	for _, w := range t.writings() {
		for _, most := range []int{1, mostRequests} {
			if !w.possible(t) {
				continue
			}
			key, answered := w.prepare(t, t.round()), 0
			t.proxy.Follow(func(_ int, r *http.Request) *Fault {
				joins := r.Method == http.MethodPost && r.URL.Query().Has("uploadId") || r.Header.Get("X-Amz-Copy-Source") != ""
				if !joins || answered == most {
					return nil
				}
				answered++
				return &fault
			})
			err := w.do(t, t.ctx, key)
			t.proxy.Follow(nil)
			met = met || answered > 0
			t.judge(w, key, err, fault, "an error inside a successful answer")
		}
	}
	if !met {
		t.Skip("capability: no request of this backend can be answered so")
	}
}
