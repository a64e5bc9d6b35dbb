package s3_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// noLimit lets every test retry as often as it wants.
type noLimit struct{}

func (noLimit) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (noLimit) AddTokens(uint) error { return nil }

// answer is what is done instead of serving a request; serve would.
type answer = func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

// fault may do that, and says whether it has.
type fault = func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool

// once makes a fault of the first request that satisfies the condition.
func once(is func(*http.Request) bool, then answer) fault {
	return times(1, is, then)
}

// times makes a fault of the first n requests that satisfy the condition.
func times(n int, is func(*http.Request) bool, then answer) fault {
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool {
		if !is(r) {
			return false
		}
		select {
		case <-left:
			then(w, r, serve)
			return true
		default:
			return false
		}
	}
}

func put(t testing.TB, b dossier.Backend, key, content string, opts dossier.PutOptions) (dossier.Info, error) {
	t.Helper()
	return b.Put(t.Context(), key, dossier.BytesSource([]byte(content)), opts)
}

// mustPut stores an object.
func mustPut(t testing.TB, b dossier.Backend, key, content string) dossier.Info {
	t.Helper()
	info, err := put(t, b, key, content, dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

var createOnly = dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}

// A write whose answer is lost, or that is answered with 500 although it was carried out, is found by its put-id: it is
// never reported as "exists already" or as a lost race.
func TestOwnWriteIsNeverTakenForAnothers(t *testing.T) {
	faults := map[string]func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc){
		"answer lost": func(_ http.ResponseWriter, r *http.Request, serve http.HandlerFunc) { lose(r, serve) },
		"500 after the write": func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			serve(discardAnswer{}, r)
			refuse(w, http.StatusInternalServerError, "InternalError")
		},
	}
	for name, fault := range faults {
		for kind, large := range map[string]bool{"in one request": false, "in parts": true} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				m := newModel(t)
				b := m.backend(t, s3.Config{})
				s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
				content := "content"
				writes := func(r *http.Request) bool {
					return r.Method == http.MethodPut || r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
				}
				if large {
					content = strings.Repeat("content", 20<<10)
					writes = func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }
				}
				for what, opts := range map[string]dossier.PutOptions{
					"plain": {}, "create-only": createOnly,
				} {
					m.breaks(once(writes, fault))
					info, err := put(t, b, what, content, opts)
					if err != nil || info.Size != int64(len(content)) || m.content(what) != content {
						t.Errorf("%s: %+v, %v", what, info, err)
					}
				}
				before := mustPut(t, b, "swap", "before")
				m.breaks(once(writes, fault))
				_, err := put(t, b, "swap", content, dossier.PutOptions{If: dossier.Condition{Match: before.Version}})
				if err != nil || m.content("swap") != content {
					t.Errorf("compare-and-swap: %v", err)
				}
			})
		}
	}
}

// discardAnswer is a client that hears nothing.
type discardAnswer struct{}

func (discardAnswer) Header() http.Header         { return http.Header{} }
func (discardAnswer) Write(p []byte) (int, error) { return len(p), nil }
func (discardAnswer) WriteHeader(int)             {}

// When the object that is there after a lost answer is another's, the write has lost, and says so.
func TestLostRaceAfterLostAnswer(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "a", "another's")
	m.breaks(once(method(http.MethodPut), func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		refuse(w, http.StatusInternalServerError, "InternalError")
	}))
	_, err := put(t, b, "a", "mine", createOnly)
	if !errors.Is(err, dossier.ErrExist) || dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
		t.Errorf("%v; want ErrExist", err)
	}
	if m.content("a") != "another's" {
		t.Error("the object was replaced")
	}
}

// When nobody answers any more it is unknown whether the write took effect, and the error says so: whoever compensates for
// a write that took effect destroys data.
func TestUnknownOutcomeIsSaid(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	m.breaks(func(_ http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool {
		if r.Method == http.MethodPut {
			lose(r, serve)
		}
		panic(http.ErrAbortHandler)
	})
	_, err := put(t, b, "a", "content", dossier.PutOptions{})
	if dossier.OutcomeOf(err) != dossier.OutcomeUnknown || !errors.Is(err, dossier.ErrUnavailable) {
		t.Errorf("%v; want ErrUnavailable with an unknown outcome", err)
	}
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	m.breaks(func(_ http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool {
		if r.Method == http.MethodHead || r.Method == http.MethodGet {
			panic(http.ErrAbortHandler)
		}
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	_, err = put(t, b, "a", strings.Repeat("x", 100<<10), dossier.PutOptions{})
	var e *dossier.Error
	if !errors.As(err, &e) || e.Outcome != dossier.OutcomeUnknown || e.Leaked == nil || m.pending() != 1 {
		t.Errorf("completion without an answer: %+v; want an unknown outcome and the upload that may be left", err)
	}
}

// A write whose body did not arrive whole, or that never got through, has not taken effect.
func TestOutcomeOfWhatNeverArrivedIsKnown(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	m.breaks(func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		panic(http.ErrAbortHandler) // before the body was read
	})
	_, err := put(t, b, "a", strings.Repeat("x", 7<<20), dossier.PutOptions{})
	if err == nil || dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
		t.Errorf("%v; a body that was not sent whole cannot be stored", err)
	}
}

// The three refusals of a conditional write are three errors; a race that the server wants to be run again is run again.
func TestRefusalsOfConditionsAreToldApart(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	present := mustPut(t, b, "present", "content")
	swap := dossier.PutOptions{If: dossier.Condition{Match: present.Version}}
	if _, err := put(t, b, "present", "x", createOnly); !errors.Is(err, dossier.ErrExist) {
		t.Errorf("412 of a create-only write: %v", err)
	}
	mustPut(t, b, "present", "changed")
	if _, err := put(t, b, "present", "x", swap); !errors.Is(err, dossier.ErrPrecondition) {
		t.Errorf("412 of a swap: %v", err)
	}
	if err := b.Delete(t.Context(), "present", dossier.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t, b, "present", "x", swap); !errors.Is(err, dossier.ErrPrecondition) || errors.Is(err, dossier.ErrNotExist) {
		t.Errorf("404 of a swap: %v; want ErrPrecondition", err)
	}
	conflict := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		refuse(w, http.StatusConflict, "ConditionalRequestConflict")
	}
	m.breaks(times(2, method(http.MethodPut), conflict))
	if _, err := put(t, b, "raced", "content", createOnly); err != nil || m.content("raced") != "content" {
		t.Errorf("409 twice: %v; want another try", err)
	}
	m.breaks(times(100, method(http.MethodPut), conflict))
	_, err := put(t, b, "always", "content", createOnly)
	var e *dossier.Error
	if !errors.As(err, &e) || e.Kind != dossier.ErrConflict || !e.Retryable {
		t.Errorf("409 for ever: %+v; want ErrConflict that may be retried", err)
	}
}

// S3 answers 200 before it knows whether a completion or copy succeeds; the body may be an error.
func TestSuccessStatusWithErrorBody(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	mustPut(t, b, "source", "content")
	failing := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		refuse(w, http.StatusOK, "InternalError")
	}
	m.breaks(times(100, func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") }, failing))
	if _, err := put(t, b, "a", strings.Repeat("x", 100<<10), dossier.PutOptions{}); !errors.Is(err, dossier.ErrUnavailable) {
		t.Errorf("completion: %v; want ErrUnavailable", err)
	}
	if m.pending() != 0 {
		t.Error("the upload was not aborted")
	}
	m.breaks(times(100, func(r *http.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" }, failing))
	if _, err := b.Copy(t.Context(), "copy", "source", dossier.CopyOptions{}); !errors.Is(err, dossier.ErrUnavailable) {
		t.Errorf("copy: %v; want ErrUnavailable", err)
	}
}
