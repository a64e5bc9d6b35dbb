package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

func isCompletion(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}

// meaningless are ways to answer 200 without the answer: of proxies, of portals, and of servers that die.
var meaningless = map[string]func(w http.ResponseWriter){
	"empty": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
	"a web page": func(w http.ResponseWriter) {
		fmt.Fprint(w, "<html><body>Please log in</body></html>")
	},
	"cut off in chunks": func(w http.ResponseWriter) {
		fmt.Fprint(w, "  ")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	},
	"shorter than announced": func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "500")
		fmt.Fprint(w, "<DeleteResult>")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	},
	"of the length of the connection": func(w http.ResponseWriter) {
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = buffer.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n   ")
		_ = buffer.Flush()
		_ = conn.Close()
	},
}

// A status of 200 is no answer while its body says nothing: the write may have taken effect or not. When it has, the put-id
// tells; else whoever takes it for done loses data, and whoever takes it for not done compensates what is there.
func TestStatusWithoutAnswerIsNoAnswer(t *testing.T) {
	large := strings.Repeat("content", 20<<10)
	writes := map[string]struct {
		is   func(*http.Request) bool
		call func(b *s3.Backend) error
	}{
		"put": {isPut, func(b *s3.Backend) error { _, err := put(t, b, "a", "content", dossier.PutOptions{}); return err }},
		"completion": {isCompletion, func(b *s3.Backend) error {
			_, err := put(t, b, "a", large, dossier.PutOptions{})
			return err
		}},
		"copy": {isCopy, func(b *s3.Backend) error {
			_, err := b.Copy(t.Context(), "a", "source", dossier.CopyOptions{})
			return err
		}},
	}
	for how, answer := range meaningless {
		for name, write := range writes {
			for _, served := range []bool{true, false} {
				m := newModel(t)
				b := m.backend(t, s3.Config{})
				s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
				mustPut(t, b, "source", "content")
				m.breaks(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool {
					if !write.is(r) {
						return false
					}
					if served {
						serve(httptest.NewRecorder(), r)
					}
					answer(w)
					return true
				})
				err := write.call(b)
				if served && err != nil {
					t.Errorf("%s, answer %s: %v, although it was carried out", name, how, err)
				}
				if !served && dossier.OutcomeOf(err) != dossier.OutcomeUnknown {
					t.Errorf("%s, answer %s: %v; want an unknown outcome", name, how, err)
				}
			}
		}
	}
}

// A batch whose answer says nothing has deleted nobody knows what.
func TestBatchWithoutAnswerIsUnknown(t *testing.T) {
	for how, answer := range meaningless {
		m := newModel(t)
		b := m.backend(t, s3.Config{})
		m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
			answer(w)
			return true
		})
		for key, err := range b.DeleteBatch(t.Context(), slices.Values([]string{"a", "b"})) {
			if dossier.OutcomeOf(err) != dossier.OutcomeUnknown {
				t.Errorf("answer %s: %s: %v; want an unknown outcome", how, key, err)
			}
		}
	}
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	m.breaks(func(_ http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
		return true
	})
	for _, err := range b.DeleteBatch(ctx, slices.Values([]string{"a"})) {
		if dossier.OutcomeOf(err) != dossier.OutcomeUnknown || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v; want context.Canceled and an unknown outcome", err)
		}
	}
}

// The server says of one key of a batch what it would say of a delete alone: after an internal error nobody knows.
func TestInternalErrorOfOneKeyIsUnknown(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	m.breaks(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
		fmt.Fprint(w, `<DeleteResult><Error><Key>a</Key><Code>InternalError</Code></Error>`+
			`<Error><Key>b</Key><Code>ServiceUnavailable</Code></Error><Error><Key>c</Key><Code>AccessDenied</Code></Error></DeleteResult>`)
		return true
	})
	for key, err := range b.DeleteBatch(t.Context(), slices.Values([]string{"a", "b", "c"})) {
		unknown := dossier.OutcomeOf(err) == dossier.OutcomeUnknown
		if unknown != (key != "c") || errors.Is(err, dossier.ErrUnavailable) != (key != "c") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// Deletes that were not begun when the context ended have no unknown outcome: they make no request.
func TestCancelledSingleDeletesStop(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{Parallel: 1})
	ctx, cancel := context.WithCancel(t.Context())
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if isBatch(r) {
			refuse(w, http.StatusNotImplemented, "NotImplemented")
			return true
		}
		cancel()
		return false
	})
	for key, err := range b.DeleteBatch(ctx, slices.Values([]string{"a", "b", "c", "d"})) {
		if key != "a" && (dossier.OutcomeOf(err) != dossier.OutcomeNotApplied || !errors.Is(err, context.Canceled)) {
			t.Errorf("%s: %v; it was not begun", key, err)
		}
	}
}

// A listing that is none, as a web page is, is an error and not an empty listing: whoever deletes what is not listed would
// delete everything.
func TestListingIsNotTakenFromAnythingElse(t *testing.T) {
	for how, answer := range meaningless {
		m := newModel(t)
		b := m.backend(t, s3.Config{})
		m.breaks(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool { answer(w); return true })
		if keys, err := listed(t, b); !errors.Is(err, dossier.ErrUnavailable) {
			t.Errorf("%s: %q, %v; want ErrUnavailable", how, keys, err)
		}
	}
}

// An upload without an id is none: requests that name it would be about the object itself.
func TestUploadWithoutIDIsNotBegun(t *testing.T) {
	for how, answer := range map[string]string{"empty": "", "no id": "<InitiateMultipartUploadResult/>"} {
		m := newModel(t)
		b := m.backend(t, s3.Config{})
		s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
		m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
			if r.Method == http.MethodPost && r.URL.Query().Has("uploads") {
				fmt.Fprint(w, answer)
				return true
			}
			t.Errorf("%s: it goes on with %s %s", how, r.Method, r.URL)
			return false
		})
		if _, err := put(t, b, "a", numbers(50_000), dossier.PutOptions{}); !errors.Is(err, dossier.ErrUnavailable) {
			t.Errorf("%s: %v; want ErrUnavailable", how, err)
		}
		if upload, err := b.CreateUpload(t.Context(), "a", dossier.PutOptions{}); !errors.Is(err, dossier.ErrUnavailable) {
			t.Errorf("%s: %+v, %v; want ErrUnavailable", how, upload, err)
		}
	}
}

// A completion that is sent again and finds no upload does not say that nothing happened: the first may have made the
// object, which somebody has replaced since.
func TestCompletionThatLostItsUploadIsUnknown(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	m.breaks(once(isCompletion, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(discardAnswer{}, r)
		m.mu.Lock()
		m.store("a", "another's", http.Header{})
		m.mu.Unlock()
		refuse(w, http.StatusInternalServerError, "InternalError")
	}))
	_, err := put(t, b, "a", numbers(50_000), dossier.PutOptions{})
	if dossier.OutcomeOf(err) != dossier.OutcomeUnknown {
		t.Errorf("%v; want an unknown outcome", err)
	}
}

// A write that may have taken effect stays in doubt when the context ends while it waits to be made again.
func TestDoubtOutlivesThePause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	client := modelClient("http://127.0.0.1:1", func(o *awss3.Options) {
		o.HTTPClient = doing(func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			if n++; n != 2 {
				return nil, syscall.ECONNRESET
			}
			cancel()
			body := strings.NewReader("<Error><Code>ConditionalRequestConflict</Code></Error>")
			return &http.Response{StatusCode: http.StatusConflict, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
		})
	})
	b, err := s3.New(client, "bucket", s3.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Put(ctx, "a", dossier.BytesSource([]byte("content")), createOnly)
	if dossier.OutcomeOf(err) != dossier.OutcomeUnknown || !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want context.Canceled and an unknown outcome", err)
	}
}

// doing is an HTTP client.
type doing func(r *http.Request) (*http.Response, error)

func (f doing) Do(r *http.Request) (*http.Response, error) { return f(r) }

// The ETag of an object made of parts is what the server says, whatever other servers make of the parts.
func TestCompletedUploadHasTheServersETag(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	upload, err := b.CreateUpload(t.Context(), "a", dossier.PutOptions{Metadata: map[string]string{"name": "value"}})
	if err != nil {
		t.Fatal(err)
	}
	part, err := b.PutPart(t.Context(), upload, 1, dossier.BytesSource([]byte("content")))
	if err != nil {
		t.Fatal(err)
	}
	info, err := b.CompleteUpload(t.Context(), upload, []dossier.Part{part})
	have, statErr := b.Stat(t.Context(), "a")
	if err != nil || statErr != nil || info.Version != have.Version || info.Metadata["name"] != "value" {
		t.Errorf("%+v, %v; Stat says %+v, %v", info, err, have, statErr)
	}
}

// An upload that parts go on arriving in, however often it is aborted, is not reported as gone.
func TestUploadThatStaysIsALeak(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		switch {
		case isCompletion(r):
			refuse(w, http.StatusForbidden, "AccessDenied")
		case r.Method == http.MethodDelete && r.URL.Query().Has("uploadId"):
			w.WriteHeader(http.StatusNoContent)
		default:
			return false
		}
		return true
	})
	_, err := put(t, b, "a", numbers(50_000), dossier.PutOptions{})
	var e *dossier.Error
	if !errors.As(err, &e) || e.Kind != dossier.ErrPermission || e.Leaked == nil {
		t.Errorf("%+v; want ErrPermission and the upload that is left", err)
	}
}

// The kind of an error is that of what went wrong first, and not of the cleaning up.
func TestCleanUpDoesNotNameTheError(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if r.Method == http.MethodDelete {
			refuse(w, http.StatusForbidden, "AccessDenied")
		}
		return r.Method == http.MethodDelete
	})
	failure := errors.New("the journal is full")
	_, err := put(t, b, "a", numbers(50_000), dossier.PutOptions{OnUploadID: func(string) error { return failure }})
	var e *dossier.Error
	if !errors.As(err, &e) || e.Kind != nil || e.Status != 0 || e.Leaked == nil || !errors.Is(err, failure) {
		t.Errorf("%+v; want no kind, and the upload that is left", e)
	}
}

// A server that answers every HEAD with 404, as some proxies do, does not make objects disappear.
func TestHeadAloneIsNoEvidence(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	for key, content := range map[string]string{"a": "content", "empty": ""} {
		m.breaks(nil)
		want := mustPut(t, b, key, content)
		m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
			if r.Method == http.MethodHead {
				w.WriteHeader(http.StatusNotFound)
			}
			return r.Method == http.MethodHead
		})
		info, err := b.Stat(t.Context(), key)
		if err != nil || info.Version != want.Version || info.Size != want.Size || info.PutID != want.PutID {
			t.Errorf("%s: %+v, %v; want %+v", key, info, err, want)
		}
	}
}

// Without an ETag the rest of a body cannot be asked for from the same version, so a broken one stays broken.
func TestBodyWithoutVersionIsNotResumed(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "a", strings.Repeat("x", 200_000))
	m.mu.Lock()
	m.objects["a"].etag = ""
	m.mu.Unlock()
	m.breaks(once(gets, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&truncating{ResponseWriter: w, left: 1000}, r)
		m.mu.Lock()
		m.store("a", strings.Repeat("y", 200_000), http.Header{}).etag = ""
		m.mu.Unlock()
		panic(http.ErrAbortHandler)
	}))
	if got, err := readAll(t, b, "a", dossier.GetOptions{SkipVerify: true}); err == nil || strings.Contains(got, "y") {
		t.Errorf("%d bytes, %v; want an error", len(got), err)
	}
}

// A batch stays as small as the server takes it when another call finds out meanwhile that it takes less.
func TestBatchDoesNotGrowWhenTheModeChanges(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if isBatch(r) {
			refuse(w, http.StatusNotImplemented, "NotImplemented")
		}
		return isBatch(r)
	})
	results, given := 0, 0
	keys := func(yield func(string) bool) {
		for ; given < 100; given++ {
			if given == 50 {
				for range b.DeleteBatch(t.Context(), slices.Values([]string{"other"})) {
				}
			}
			if results == 0 && given > 60 {
				t.Error("keys are gathered without end")
				return
			}
			if !yield(fmt.Sprint(given)) {
				return
			}
		}
	}
	for range b.DeleteBatch(t.Context(), keys) {
		results++
	}
}

// Reclaim waits for uploads that are just being created, but nobody has to wait for Reclaim, which ends with its context.
func TestReclaimHoldsUpNoUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var uploads s3.Busy
		proceed, waited := make(chan struct{}), false
		go func() {
			_, _ = s3.Create(&uploads, func() (string, error) { <-proceed; return "slow", nil })
		}()
		synctest.Wait()
		go func() { waited = s3.Wait(&uploads, t.Context()) == nil }()
		synctest.Wait()
		if id, err := s3.Create(&uploads, func() (string, error) { return "fast", nil }); id != "fast" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s3.Wait(&uploads, ctx); !errors.Is(err, context.Canceled) || waited {
			t.Errorf("%v, waited %v", err, waited)
		}
		close(proceed)
		synctest.Wait()
		if !waited {
			t.Error("it waits for ever")
		}
	})
}
