package azure_test

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier/backends/azure"
)

// fakeService is as much of the service as the tests of faults need: objects with conditions, ranges and blocks.
type fakeService struct {
	mu       sync.Mutex
	blobs    map[string]fakeBlob
	blocks   map[string]map[string][]byte // of each key, by name
	versions int
	requests []string
	// fault may answer a request in the place of the service, when it returns true. Called with the lock held.
	fault func(w http.ResponseWriter, r *http.Request) bool
	// lose breaks the connection after the service has done what it was asked, when it returns true.
	lose func(r *http.Request) bool
}

type fakeBlob struct {
	content []byte
	etag    string
	header  http.Header // x-ms-meta-…
}

// newFake starts a service and returns a backend over it.
func newFake(t *testing.T, change func(*azure.Config)) (*fakeService, *azure.Backend) {
	t.Helper()
	f := &fakeService{blobs: map[string]fakeBlob{}, blocks: map[string]map[string][]byte{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, newOver(t, server.URL+"/account/container", change)
}

// newOver returns a backend over a URL.
func newOver(t *testing.T, containerURL string, change func(*azure.Config)) *azure.Backend {
	t.Helper()
	key := must[*container.SharedKeyCredential](t)(
		container.NewSharedKeyCredential("account", base64.StdEncoding.EncodeToString([]byte("secret"))))
	o := options(t)
	o.Retry = policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond}
	client := must[*container.Client](t)(container.NewClientWithSharedKeyCredential(containerURL, key, o))
	cfg := azure.Config{PartSize: 64 << 10, Memory: 1 << 20, SharedKey: key}
	if change != nil {
		change(&cfg)
	}
	return must[*azure.Backend](t)(azure.New(client, cfg))
}

// ServeHTTP implements [http.Handler].
func (f *fakeService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/account/container/")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, strings.TrimSpace(r.Method+" "+r.URL.Query().Get("comp")))
	if f.fault != nil && f.fault(w, r) {
		return
	}
	answer := httptest.NewRecorder()
	f.serve(answer, r, key, body)
	if f.lose != nil && f.lose(r) {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w)
}

func (f *fakeService) serve(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	present, there := f.blobs[key]
	comp := r.URL.Query().Get("comp")
	switch {
	case r.Method == http.MethodPut && comp == "block":
		if f.blocks[key] == nil {
			f.blocks[key] = map[string][]byte{}
		}
		f.blocks[key][r.URL.Query().Get("blockid")] = body
		w.WriteHeader(http.StatusCreated)
	case there && r.Header.Get("If-None-Match") == "*":
		problem(w, http.StatusConflict, "BlobAlreadyExists")
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != present.etag:
		problem(w, http.StatusPreconditionFailed, "ConditionNotMet")
	case r.Method == http.MethodPut && (comp == "properties" || comp == "metadata"):
		f.revise(w, r, key, comp)
	case r.Method == http.MethodPut && comp == "blocklist":
		f.commit(w, r, key, body)
	case r.Method == http.MethodPut:
		f.store(w, r, key, body)
	case !there:
		problem(w, http.StatusNotFound, "BlobNotFound")
	case r.Method == http.MethodDelete:
		delete(f.blobs, key)
		w.WriteHeader(http.StatusAccepted)
	default:
		f.read(w, r, present)
	}
}

func (f *fakeService) commit(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	var list struct{ Latest []string }
	_ = xml.Unmarshal(body, &list)
	var content []byte
	for _, name := range list.Latest {
		block, there := f.blocks[key][name]
		if !there {
			problem(w, http.StatusBadRequest, "InvalidBlockList")
			return
		}
		content = append(content, block...)
	}
	f.store(w, r, key, content)
}

// store makes the object and discards all blocks, as the service does.
func (f *fakeService) store(w http.ResponseWriter, r *http.Request, key string, content []byte) {
	f.versions++
	b := fakeBlob{content: content, etag: fmt.Sprintf(`"0x%X"`, f.versions), header: http.Header{}}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Ms-Meta-") {
			b.header[name] = values
		}
	}
	f.blobs[key] = b
	delete(f.blocks, key)
	w.Header().Set("ETag", b.etag)
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	w.WriteHeader(http.StatusCreated)
}

// revise changes the header or the metadata.
func (f *fakeService) revise(w http.ResponseWriter, r *http.Request, key, comp string) {
	f.versions++
	b := f.blobs[key]
	old := b.header
	b.etag, b.header = fmt.Sprintf(`"0x%X"`, f.versions), http.Header{}
	for name, values := range old {
		if strings.HasPrefix(name, "X-Ms-Meta-") == (comp == "properties") {
			b.header[name] = values
		}
	}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Ms-Meta-") && comp == "metadata" {
			b.header[name] = values
		}
	}
	if comp == "properties" {
		b.header.Set("Content-Type", r.Header.Get("x-ms-blob-content-type"))
	}
	f.blobs[key] = b
	w.Header().Set("ETag", b.etag)
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
}

func (f *fakeService) read(w http.ResponseWriter, r *http.Request, b fakeBlob) {
	for name, values := range b.header {
		w.Header()[name] = values
	}
	w.Header().Set("ETag", b.etag)
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	from, to, status := 0, len(b.content), http.StatusOK
	if span, ranged := strings.CutPrefix(r.Header.Get("x-ms-range"), "bytes="); ranged {
		first, last, _ := strings.Cut(span, "-")
		from, _ = strconv.Atoi(first)
		if n, err := strconv.Atoi(last); err == nil {
			to = min(to, n+1)
		}
		if from >= len(b.content) {
			problem(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(b.content)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(to-from))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(b.content[from:to])
	}
}

// problem answers with an error as the service has it.
func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("x-ms-error-code", code)
	w.Header().Set("x-ms-request-id", "request-1")
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>text</Message></Error>`, code)
}

// once is a hook that answers true the first time that is true.
func once(is func(r *http.Request) bool) func(r *http.Request) bool {
	done := false
	return func(r *http.Request) bool {
		if done || !is(r) {
			return false
		}
		done = true
		return true
	}
}

func isCommit(r *http.Request) bool {
	return r.URL.Query().Get("comp") == "blocklist" && r.Method == http.MethodPut
}

func isPut(r *http.Request) bool { return r.Method == http.MethodPut && r.URL.RawQuery == "" }
