package azure_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
)

// TestALostAnswerIsSettled: the SDK repeats a request whose answer was lost, and the service then says that the object
// exists, about the caller's own object.
func TestALostAnswerIsSettled(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"Put Blob": 100, "Put Block List": 200 << 10} {
		for what, repeated := range map[string]bool{"first answer": false, "every answer": true} {
			for condition, cond := range map[string]dossier.Condition{"plain": {}, "create-only": {IfAbsent: true}, "compare and swap": {Match: `"0x1"`}} {
				t.Run(name+", "+what+", "+condition, func(t *testing.T) {
					t.Parallel()
					f, b := newFake(t, nil)
					if cond.Match != "" {
						put(t, b, "a", "old content")
					}
					commits := func(r *http.Request) bool { return isPut(r) || isCommit(r) }
					if f.lose = commits; !repeated {
						f.lose = once(commits)
					}
					info, err := b.Put(t.Context(), "a", dossier.BytesSource(pattern(size)), dossier.PutOptions{If: cond})
					if err != nil || info.Size != int64(size) || !bytes.Equal(read(t, b, "a"), pattern(size)) {
						t.Errorf("%+v, %v", info, err)
					}
					if now := must[dossier.Info](t)(b.Stat(t.Context(), "a")); now.Version != info.Version {
						t.Errorf("version %s, but %s is there", info.Version, now.Version)
					}
				})
			}
		}
	}
}

// TestAnAnswerThatCannotBeSettledIsUnknown, and never said to be nothing.
func TestAnAnswerThatCannotBeSettledIsUnknown(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, nil)
	f.lose = func(*http.Request) bool { return true }
	_, err := b.Put(t.Context(), "a", dossier.BytesSource([]byte("content")), dossier.PutOptions{})
	wants(t, "put", err, dossier.ErrOutcomeUnknown)
	wants(t, "put", err, dossier.ErrUnavailable)
	err = b.Delete(t.Context(), "a", dossier.DeleteOptions{})
	wants(t, "delete", err, dossier.ErrOutcomeUnknown)
}

// TestBlocksDiscardedByAnotherWriterAreSentAgain, if the source can be read again; a part of an object must never become
// an object.
func TestBlocksDiscardedByAnotherWriterAreSentAgain(t *testing.T) {
	t.Parallel()
	content := pattern(200 << 10)
	for name, row := range map[string]struct {
		src  dossier.Source
		want error
	}{
		"replayable": {dossier.BytesSource(content), nil}, "read once": {plain(content), dossier.ErrConflict},
	} {
		f, b := newFake(t, nil)
		steal := once(isCommit)
		f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
			if steal(r) { // another writer finishes first
				f.store(httptest.NewRecorder(), &http.Request{}, "a", []byte("of another writer"))
			}
			return false
		}
		_, err := b.Put(t.Context(), "a", row.src, dossier.PutOptions{})
		wants(t, name, err, row.want)
		want := content
		if row.want != nil {
			want = []byte("of another writer")
			var typed *dossier.Error
			if !errors.As(err, &typed) || !typed.Retryable || dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
				t.Errorf("%s: %+v", name, typed)
			}
		}
		if !bytes.Equal(read(t, b, "a"), want) {
			t.Errorf("%s: another content", name)
		}
	}
}

// cut answers a read with half of what it announces.
func cut(content []byte, etag string) func(w http.ResponseWriter, r *http.Request) bool {
	first := once(func(r *http.Request) bool { return r.Method == http.MethodGet })
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !first(r) {
			return false
		}
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Length", "100000")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(content[:50000])
		panic(http.ErrAbortHandler)
	}
}

// TestAReadThatBreaksGoesOn with the bytes of its version, or fails: half an object must not pass for a whole one.
func TestAReadThatBreaksGoesOn(t *testing.T) {
	t.Parallel()
	content := pattern(100000)
	f, b := newFake(t, nil)
	info := put(t, b, "a", string(content))
	f.fault = cut(content, info.ETag)
	if !bytes.Equal(read(t, b, "a"), content) {
		t.Error("other bytes")
	}
	f.fault = cut(content, info.ETag)
	object := must[*dossier.Object](t)(b.Get(t.Context(), "a", dossier.GetOptions{}))
	replaced := put(t, b, "a", strings.Repeat("x", 100000))
	got, err := io.ReadAll(object)
	wants(t, "replaced meanwhile", err, dossier.ErrPrecondition)
	if !bytes.HasPrefix(content, got) {
		t.Error("bytes of two versions")
	}
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		return cut(content, replaced.ETag)(w, r)
	}
	object = must[*dossier.Object](t)(b.Get(t.Context(), "a", dossier.GetOptions{}))
	if _, err := io.ReadAll(object); err == nil {
		t.Error("a body that is always cut is read to its end")
	}
}

// TestCorruptedBytesAreNoticed at the end of a full read.
func TestCorruptedBytesAreNoticed(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, nil)
	put(t, b, "a", "content")
	f.blobs["a"] = fakeBlob{content: []byte("CONTENT"), etag: `"0x1"`, header: f.blobs["a"].header}
	_, err := dossier.ReadAll(t.Context(), b, "a", 0)
	wants(t, "a full read", err, dossier.ErrChecksum)
	object := must[*dossier.Object](t)(b.Get(t.Context(), "a", dossier.GetOptions{SkipVerify: true}))
	if got, err := io.ReadAll(object); err != nil || string(got) != "CONTENT" {
		t.Errorf("without verification: %q, %v", got, err)
	}
}

// TestAnswersHaveTheirKind: an outage, a missing right or a missing container must not look like a missing object.
func TestAnswersHaveTheirKind(t *testing.T) {
	t.Parallel()
	for code, row := range map[string]struct {
		status int
		want   error
	}{
		"BlobNotFound": {404, dossier.ErrNotExist}, "ContainerNotFound": {404, dossier.ErrNoContainer}, "ContainerBeingDeleted": {409, dossier.ErrNoContainer},
		"ResourceNotFound": {404, dossier.ErrPermission}, "AuthenticationFailed": {403, dossier.ErrUnauthenticated},
		"InvalidAuthenticationInfo": {401, dossier.ErrUnauthenticated}, "NoAuthenticationInformation": {401, dossier.ErrUnauthenticated},
		"AuthorizationFailure": {403, dossier.ErrPermission}, "AuthorizationPermissionMismatch": {403, dossier.ErrPermission},
		"BlobImmutableDueToPolicy": {409, dossier.ErrPermission}, "LeaseIdMissing": {412, dossier.ErrConflict}, "InvalidBlobType": {409, dossier.ErrConflict},
		"BlobArchived": {409, dossier.ErrConflict}, "ServerBusy": {503, dossier.ErrThrottled}, "TooManyRequests": {429, dossier.ErrThrottled},
		"InternalError": {500, dossier.ErrUnavailable}, "OperationTimedOut": {500, dossier.ErrUnavailable}, "InvalidHeaderValue": {400, dossier.ErrInvalid},
		"": {404, nil},
	} {
		f, b := newFake(t, nil)
		f.fault = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "0")
			problem(w, row.status, code)
			return true
		}
		_, err := b.Stat(t.Context(), "a")
		var typed *dossier.Error
		if !errors.As(err, &typed) || typed.Kind != row.want || typed.Status != row.status || typed.RequestID != "request-1" ||
			typed.Retryable != (row.status == 429 || row.status >= 500 || code == "LeaseIdMissing") {
			t.Errorf("%s: %+v", code, typed)
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "http") {
			t.Errorf("%s: %s", code, err)
		}
	}
}

// TestRetryAfterIsPassedOn: whoever is asked to wait must know for how long.
func TestRetryAfterIsPassedOn(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, nil)
	f.fault = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusServiceUnavailable, "ServerBusy")
		return true
	}
	_, err := b.Put(t.Context(), "a", dossier.BytesSource(nil), dossier.PutOptions{})
	var typed *dossier.Error
	if !errors.As(err, &typed) || typed.RetryAfter != time.Second || !errors.Is(err, dossier.ErrThrottled) {
		t.Errorf("%+v", typed)
	}
}

// TestAnOutageIsUnavailable with its cause, and nothing was written.
func TestAnOutageIsUnavailable(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, row := range map[string]struct {
		url string
		as  any
	}{
		"refused": {closed.URL, new(*net.OpError)},
		"DNS":     {"http://host.invalid", new(*net.DNSError)},
		"TLS":     {server.URL, nil},
	} {
		b := newOver(t, row.url+"/account/container", nil)
		_, err := b.Stat(t.Context(), "a")
		wants(t, name, err, dossier.ErrUnavailable)
		_, err = b.Put(t.Context(), "a", dossier.BytesSource([]byte("x")), dossier.PutOptions{})
		wants(t, name, err, dossier.ErrUnavailable)
		if dossier.OutcomeOf(err) != dossier.OutcomeNotApplied || row.as != nil && !errors.As(err, row.as) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAStalledServiceEndsTheRequest: a connection that is open and dead would hold the caller forever.
func TestAStalledServiceEndsTheRequest(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, func(cfg *azure.Config) { cfg.StallTimeout = 50 * time.Millisecond })
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	f.fault = func(http.ResponseWriter, *http.Request) bool {
		<-release
		return true
	}
	_, err := b.Stat(t.Context(), "a")
	wants(t, "stat", err, dossier.ErrUnavailable)
	var timeout interface{ Timeout() bool }
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v is no time-out", err)
	}
}

// TestExpiredCredentialsSaySo: the remedy is another one than for wrong credentials.
func TestExpiredCredentialsSaySo(t *testing.T) {
	t.Parallel()
	for detail, expired := range map[string]bool{
		"Lifetime validation failed. The token is expired.": true, "Signature not valid in the specified time frame: Start []": true,
		"The MAC signature found in the HTTP request is not the same": false,
	} {
		f, b := newFake(t, nil)
		f.fault = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("x-ms-error-code", "AuthenticationFailed")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>"+detail+"</AuthenticationErrorDetail></Error>")
			return true
		}
		_, err := b.Put(t.Context(), "a", dossier.BytesSource(nil), dossier.PutOptions{})
		wants(t, detail, err, dossier.ErrUnauthenticated)
		if errors.Is(err, dossier.ErrExpired) != expired {
			t.Errorf("%s: %v", detail, err)
		}
	}
}

// TestABatchHasAResultForEachKey, also when some were refused and when the server knows no batches.
func TestABatchHasAResultForEachKey(t *testing.T) {
	t.Parallel()
	f, b := newFake(t, nil)
	put(t, b, "a", "content")
	put(t, b, "b", "content")
	keys := []string{"a", "missing", "b", "../bad"}
	results := func() map[string]error {
		got := map[string]error{}
		for key, err := range b.DeleteBatch(t.Context(), slices.Values(keys)) {
			got[key] = err
		}
		return got
	}
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("comp") != "batch" {
			return false
		}
		w.Header().Set("Content-Type", "multipart/mixed; boundary=x")
		w.WriteHeader(http.StatusAccepted)
		for id, status := range []string{"202 Accepted", "404 The specified blob does not exist.\r\nx-ms-error-code: BlobNotFound", "403 No\r\nx-ms-error-code: AuthorizationFailure"} {
			_, _ = fmt.Fprintf(w, "--x\r\nContent-Type: application/http\r\nContent-ID: %d\r\n\r\nHTTP/1.1 %s\r\nServer: x\r\n\r\n\r\n", id, status)
		}
		_, _ = io.WriteString(w, "--x--\r\n")
		return true
	}
	got := results()
	wants(t, "deleted", got["a"], nil)
	wants(t, "missing", got["missing"], nil)
	wants(t, "refused", got["b"], dossier.ErrPermission)
	wants(t, "a bad key", got["../bad"], dossier.ErrInvalidKey)
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("comp") != "batch" {
			return false
		}
		problem(w, http.StatusBadRequest, "InvalidQueryParameterValue")
		return true
	}
	for key, err := range results() {
		if key != "../bad" {
			wants(t, "one by one: "+key, err, nil)
		}
	}
	if len(f.blobs) != 0 {
		t.Errorf("%d objects are left", len(f.blobs))
	}
}

// TestLargeCopiesAreMadeOfBlocks that nobody sees before the last request, and of one version.
func TestLargeCopiesAreMadeOfBlocks(t *testing.T) {
	t.Parallel()
	const size = int64(600 << 20)
	f, b := newFake(t, nil)
	var ranges []string
	changed := false
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/source"): // larger than tests can hold
			w.Header().Set("ETag", `"0x1"`)
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("x-ms-meta-name", "value")
			w.WriteHeader(http.StatusOK)
			return true
		case r.Header.Get("x-ms-copy-source") != "" && changed:
			problem(w, http.StatusPreconditionFailed, "SourceConditionNotMet")
			return true
		case r.Header.Get("x-ms-copy-source") != "":
			if r.Header.Get("x-ms-source-if-match") != `"0x1"` || !strings.Contains(r.Header.Get("x-ms-copy-source"), "/source?") {
				t.Errorf("%v", r.Header)
			}
			ranges = append(ranges, r.Header.Get("x-ms-source-range"))
		}
		return false
	}
	info, err := b.Copy(t.Context(), "copy", "source", dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}})
	if err != nil || info.Size != size || info.Metadata["name"] != "value" || info.Header.ContentType != "text/plain" {
		t.Fatalf("%+v, %v", info, err)
	}
	slices.Sort(ranges)
	if want := []string{"bytes=0-268435455", "bytes=268435456-536870911", "bytes=536870912-629145599"}; !slices.Equal(ranges, want) {
		t.Errorf("blocks of %q", ranges)
	}
	_, err = b.Copy(t.Context(), "copy", "source", dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}})
	wants(t, "create-only over an object", err, dossier.ErrExist)
	changed = true
	_, err = b.Copy(t.Context(), "other", "source", dossier.CopyOptions{})
	wants(t, "the source changes all the time", err, dossier.ErrPrecondition)
}
