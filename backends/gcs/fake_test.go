package gcs_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
)

// fake is the part of the store that the tests of faults need: the bucket "bucket", uploads of both kinds, reads by
// generation, conditions, deletes and listings.
type fake struct {
	*httptest.Server
	// before may answer a request itself; after is called when the effect is there and may break the connection.
	before, after func(w http.ResponseWriter, r *http.Request) bool

	mu         sync.Mutex
	generation int64
	objects    map[string]*fakeObject
	sessions   map[string]*fakeObject
	requests   []*http.Request
}

type fakeObject struct {
	resource map[string]any
	content  []byte
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{generation: 1000, objects: map[string]*fakeObject{}, sessions: map[string]*fakeObject{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// backend has parts of 256 KiB.
func (f *fake) backend(t *testing.T, change func(*gcs.Config)) *gcs.Backend {
	t.Helper()
	return newBackend(t, f.URL, http.DefaultTransport, change)
}

func newBackend(t *testing.T, endpoint string, transport http.RoundTripper, change func(*gcs.Config)) *gcs.Backend {
	t.Helper()
	client, err := storage.NewClient(t.Context(), option.WithEndpoint(endpoint+"/storage/v1/"),
		option.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	cfg := gcs.Config{Endpoint: endpoint, PartSize: 256 << 10, Memory: 1 << 20}
	if change != nil {
		change(&cfg)
	}
	b, err := gcs.New(client, "bucket", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r.Clone(r.Context()))
	f.mu.Unlock()
	if f.before != nil && f.before(w, r) {
		return
	}
	status, answer, header := f.answer(r)
	if f.after != nil && f.after(w, r) {
		return
	}
	for name, value := range header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func failure(status int, reason, message string) (int, []byte, map[string]string) {
	text, _ := json.Marshal(map[string]any{"error": map[string]any{
		"code": status, "message": message, "errors": []any{map[string]string{"reason": reason, "message": message}},
	}})
	return status, text, map[string]string{"Content-Type": "application/json"}
}

func (f *fake) answer(r *http.Request) (int, []byte, map[string]string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path, query := r.URL.Path, r.URL.Query()
	const objects = "/storage/v1/b/bucket/o/"
	switch {
	case query.Get("upload_id") != "":
		return f.chunk(r, query.Get("upload_id"), body)
	case strings.HasPrefix(path, "/upload/"):
		return f.insert(r, query, body)
	case path == strings.TrimSuffix(objects, "/"):
		return f.list(query)
	case strings.Contains(path, "/rewriteTo/b/bucket/o/"):
		return f.rewrite(strings.TrimPrefix(path, objects), query, body)
	case strings.HasPrefix(path, objects) && r.Method == http.MethodDelete:
		return f.remove(strings.TrimPrefix(path, objects), query)
	case strings.HasPrefix(path, objects):
		return f.stat(strings.TrimPrefix(path, objects))
	case strings.HasPrefix(path, "/bucket/"):
		return f.read(r, strings.TrimPrefix(path, "/bucket/"), query)
	}
	return failure(http.StatusNotFound, "notFound", "The specified bucket does not exist.")
}

func (f *fake) insert(r *http.Request, query url.Values, body []byte) (int, []byte, map[string]string) {
	o := &fakeObject{resource: map[string]any{}}
	if query.Get("uploadType") == "resumable" {
		_ = json.Unmarshal(body, &o.resource)
		o.resource["condition"] = query.Get("ifGenerationMatch")
		o.resource["name"] = orText(query.Get("name"), o.resource["name"])
		id := fmt.Sprint("session", len(f.sessions))
		f.sessions[id] = o
		return http.StatusOK, nil, map[string]string{"Location": f.URL + "/upload/bucket?upload_id=" + id}
	}
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	parts := multipart.NewReader(strings.NewReader(string(body)), params["boundary"])
	description, err := parts.NextPart()
	if err != nil {
		return failure(http.StatusBadRequest, "invalid", "no multipart body")
	}
	_ = json.NewDecoder(description).Decode(&o.resource)
	media, err := parts.NextPart()
	if err == nil {
		o.content, err = io.ReadAll(media)
	}
	if err != nil {
		return failure(http.StatusBadRequest, "invalid", "the multipart body ended early")
	}
	o.resource["name"] = orText(query.Get("name"), o.resource["name"])
	return f.keep(o, query.Get("ifGenerationMatch"))
}

func orText(text string, other any) any {
	if text != "" {
		return text
	}
	return other
}

func (f *fake) chunk(r *http.Request, id string, body []byte) (int, []byte, map[string]string) {
	o := f.sessions[id]
	if o == nil {
		return failure(http.StatusNotFound, "notFound", "no such session")
	}
	o.content = append(o.content, body...)
	if strings.HasSuffix(r.Header.Get("Content-Range"), "/*") {
		return http.StatusOK, nil, map[string]string{"X-Http-Status-Code-Override": "308", "Range": fmt.Sprintf("bytes=0-%d", len(o.content)-1)}
	}
	if sum, found := strings.CutPrefix(r.Header.Get("X-Goog-Hash"), "crc32c="); found {
		o.resource["crc32c"] = sum
	}
	condition, _ := o.resource["condition"].(string)
	return f.keep(o, condition)
}

func sumText(content []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))))
}

// keep makes an object visible if its condition and checksum hold.
func (f *fake) keep(o *fakeObject, condition string) (int, []byte, map[string]string) {
	name, _ := o.resource["name"].(string)
	present := "0"
	if old := f.objects[name]; old != nil {
		present = old.resource["generation"].(string)
	}
	if condition != "" && condition != present {
		return failure(http.StatusPreconditionFailed, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
	}
	sum := sumText(o.content)
	if want, given := o.resource["crc32c"]; given && want != sum {
		return failure(http.StatusBadRequest, "invalid", fmt.Sprintf("Provided CRC32C %q doesn't match calculated CRC32C %q.", want, sum))
	}
	f.generation++
	o.resource["generation"], o.resource["crc32c"] = strconv.FormatInt(f.generation, 10), sum
	o.resource["size"], o.resource["timeCreated"] = strconv.Itoa(len(o.content)), time.Now().UTC().Format(time.RFC3339Nano)
	f.objects[name] = o
	return f.stat(name)
}

func (f *fake) stat(name string) (int, []byte, map[string]string) {
	o := f.objects[name]
	if o == nil {
		return failure(http.StatusNotFound, "notFound", "No such object: bucket/"+name)
	}
	text, _ := json.Marshal(o.resource)
	return http.StatusOK, text, map[string]string{"Content-Type": "application/json"}
}

func (f *fake) remove(name string, query url.Values) (int, []byte, map[string]string) {
	o, condition := f.objects[name], query.Get("ifGenerationMatch")
	switch {
	case o == nil:
		return f.stat(name)
	case condition != "" && condition != o.resource["generation"]:
		return failure(http.StatusPreconditionFailed, "conditionNotMet", "precondition")
	}
	delete(f.objects, name)
	return http.StatusNoContent, nil, nil
}

// rewrite takes all metadata from the request, as the store does when there are any.
func (f *fake) rewrite(path string, query url.Values, body []byte) (int, []byte, map[string]string) {
	src, dst, _ := strings.Cut(path, "/rewriteTo/b/bucket/o/")
	from := f.objects[src]
	if from == nil || query.Get("sourceGeneration") != from.resource["generation"] {
		return failure(http.StatusNotFound, "notFound", "No such object: bucket/"+src)
	}
	to := &fakeObject{resource: map[string]any{}, content: from.content}
	_ = json.Unmarshal(body, &to.resource)
	to.resource["name"] = dst
	status, text, header := f.keep(to, query.Get("ifGenerationMatch"))
	if status != http.StatusOK {
		return status, text, header
	}
	text, _ = json.Marshal(map[string]any{"done": true, "resource": to.resource})
	return status, text, header
}

func (f *fake) read(r *http.Request, name string, query url.Values) (int, []byte, map[string]string) {
	o := f.objects[name]
	if o == nil || query.Get("generation") != o.resource["generation"] {
		return http.StatusNotFound, []byte("<Error><Code>NoSuchKey</Code></Error>"), nil
	}
	header := map[string]string{"X-Goog-Generation": o.resource["generation"].(string), "X-Goog-Hash": "crc32c=" + o.resource["crc32c"].(string)}
	var from, to int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n == 0 {
		return http.StatusOK, o.content, header
	} else if n == 1 {
		to = len(o.content) - 1
	}
	header["Content-Range"] = fmt.Sprintf("bytes %d-%d/%d", from, to, len(o.content))
	return http.StatusPartialContent, o.content[from : to+1], header
}

func (f *fake) list(query url.Values) (int, []byte, map[string]string) {
	var items []any
	var found []string
	for name := range f.objects {
		if strings.HasPrefix(name, query.Get("prefix")) && name >= query.Get("startOffset") {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	for _, name := range found {
		items = append(items, f.objects[name].resource)
	}
	text, _ := json.Marshal(map[string]any{"items": items})
	return http.StatusOK, text, map[string]string{"Content-Type": "application/json"}
}

// replace is another writer.
func (f *fake) replace(name, content string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep(&fakeObject{resource: map[string]any{"name": name}, content: []byte(content)}, "")
}

// has returns the content of an object.
func (f *fake) has(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o := f.objects[name]; o != nil {
		return string(o.content)
	}
	return "(nothing)"
}

// count returns how many requests there were that the condition holds for.
func (f *fake) count(is func(*http.Request) bool) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if is(r) {
			n++
		}
	}
	return n
}

func isUpload(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/upload/") }

func isCopy(r *http.Request) bool { return strings.Contains(r.URL.Path, "/rewriteTo/") }

func isMedia(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/bucket/") }

// first is true for the first n calls.
func first(n int) func() bool {
	var mu sync.Mutex
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		n--
		return n >= 0
	}
}

// cut breaks the connection, so that the answer is lost.
func cut() bool { panic(http.ErrAbortHandler) }

func put(t *testing.T, b dossier.Backend, key, content string, opts dossier.PutOptions) (dossier.Info, error) {
	t.Helper()
	return b.Put(t.Context(), key, dossier.BytesSource([]byte(content)), opts)
}

func wantError(t *testing.T, err error, want ...error) {
	t.Helper()
	for _, kind := range want {
		if !errors.Is(err, kind) {
			t.Errorf("error %v; want one that Is %v", err, kind)
		}
	}
	var known *dossier.Error
	if !errors.As(err, &known) || known.Backend != "gs" {
		t.Errorf("error %v is no *dossier.Error of this backend", err)
	}
}
