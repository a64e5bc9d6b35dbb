package filehttp_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

var written = time.Date(2024, time.May, 6, 7, 8, 9, 123456000, time.UTC)

// fakeStore is a backend in memory that counts what it is asked. Objects of folder are real files.
type fakeStore struct {
	overridesNoCache bool // as Google Cloud Storage, which overrides type and disposition alone

	name   string
	signer *dossier.Signer
	folder string // "" keeps bytes in memory

	mu      sync.Mutex
	objects map[string]fakeObject
	gets    []dossier.Range
	stats   int
	read    int64
	version int
	fail    error                     // of Get
	wrap    func(io.Reader) io.Reader // around bodies
}

type fakeObject struct {
	info    dossier.Info
	content string
}

var _ dossier.URLSigner = (*fakeStore)(nil)

func newStore(tb testing.TB) *fakeStore {
	tb.Helper()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "test", Secret: []byte(strings.Repeat("k", 32))})
	if err != nil {
		tb.Fatal(err)
	}
	return &fakeStore{name: "mem:test", signer: signer, objects: map[string]fakeObject{}}
}

func (s *fakeStore) Describe() dossier.Description {
	const can = dossier.GetMatch | dossier.PutIfAbsent | dossier.StoresHeader | dossier.StoresMetadata
	return dossier.Description{Scheme: "mem", Store: s.name, Capabilities: can}
}

func (s *fakeStore) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if s.has(key) && opts.If.IfAbsent {
		return dossier.Info{}, &dossier.Error{Op: "put", Key: key, Kind: dossier.ErrExist}
	}
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return dossier.Info{}, err
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return dossier.Info{}, &dossier.Error{Op: "put", Backend: "secret-backend", Key: key, Err: err}
	}
	return s.set(key, string(content), opts), nil
}

// set stores an object without looking at it.
func (s *fakeStore) set(key, content string, opts dossier.PutOptions) dossier.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	sum := crc32.Checksum([]byte(content), crc32.MakeTable(crc32.Castagnoli))
	info := dossier.Info{
		Key: key, Size: int64(len(content)), Version: dossier.Version(fmt.Sprint(s.version)), ModTime: written,
		ETag: fmt.Sprintf(`"%d"`, s.version), Header: opts.Header, Metadata: opts.Metadata,
		Checksums: dossier.Checksums{CRC32C: []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}},
	}
	s.objects[key] = fakeObject{info, content}
	return info
}

func (s *fakeStore) has(key string) bool { _, ok := s.object(key); return ok }

func (s *fakeStore) object(key string) (fakeObject, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object, ok := s.objects[key]
	return object, ok
}

func (s *fakeStore) Get(_ context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets = append(s.gets, opts.Range)
	object, ok := s.objects[key]
	switch {
	case s.fail != nil:
		return nil, s.fail
	case !ok:
		return nil, &dossier.Error{Op: "get", Key: key, Kind: dossier.ErrNotExist}
	case opts.If.Match != "" && opts.If.Match != object.info.Version:
		return nil, &dossier.Error{Op: "get", Key: key, Kind: dossier.ErrPrecondition}
	}
	from, to, err := opts.Range.Resolve(object.info.Size)
	if err != nil {
		return nil, err
	}
	body, err := s.body(object.content[from:to], from)
	return dossier.NewObject(object.info, from, to, body), err
}

func (s *fakeStore) body(content string, from int64) (io.ReadCloser, error) {
	if s.folder == "" {
		var r io.Reader = &countingReader{store: s, r: strings.NewReader(content)}
		if s.wrap != nil {
			r = s.wrap(r)
		}
		return io.NopCloser(r), nil
	}
	path := filepath.Join(s.folder, "object")
	if err := os.WriteFile(path, append(make([]byte, from), content...), 0o600); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	_, err = f.Seek(from, io.SeekStart)
	return f, err
}

type countingReader struct {
	store *fakeStore
	r     io.Reader
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.read += int64(n)
	return n, err
}

func (s *fakeStore) Stat(_ context.Context, key string) (dossier.Info, error) {
	s.mu.Lock()
	s.stats++
	s.mu.Unlock()
	object, ok := s.object(key)
	if !ok {
		return dossier.Info{}, &dossier.Error{Op: "stat", Backend: "secret-backend", Key: key, Kind: dossier.ErrNotExist}
	}
	return object.info, nil
}

func (s *fakeStore) Delete(_ context.Context, key string, _ dossier.DeleteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

func (s *fakeStore) SignURLs(_ context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	signed := make([]dossier.SignedRequest, len(reqs))
	for i, req := range reqs {
		if s.overridesNoCache && req.Respond.CacheControl != "" {
			return nil, &dossier.Error{Op: "sign", Key: req.Key, Kind: errors.ErrUnsupported}
		}
		var err error
		if signed[i], err = s.signer.SignURL("/files", s.name, req); err != nil {
			return nil, err
		}
	}
	return signed, nil
}

// requests returns the ranges of all Gets so far.
func (s *fakeStore) requests() []dossier.Range {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.gets)
}

// row stores content and returns the file of a row that describes it.
func (s *fakeStore) row(tb testing.TB, record dossier.Record, content string) *fileobject.FileObject {
	tb.Helper()
	info := s.set("key", content, dossier.PutOptions{})
	record.Backend, record.Key = "files", "key"
	if record.Size == 0 {
		record.Size = info.Size
	}
	record.LastModified = written
	if record.Checksum == "" {
		record.Checksum = fmt.Sprintf("crc32c:%x", info.Checksums.CRC32C)
	}
	registry := &dossier.Registry{}
	if err := registry.Register("files", s); err != nil {
		tb.Fatal(err)
	}
	return (&fileobject.FileObject{Record: record}).Bind(registry)
}

// serveRow returns a handler for one file.
func serveRow(file *fileobject.FileObject, cfg filehttp.Config) http.Handler {
	cfg.Lookup = func(*http.Request) (*fileobject.FileObject, error) { return file, nil }
	return filehttp.NewHandler(cfg)
}

// send answers one request without a network. header holds names and values in turn.
func send(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func wantStatus(t *testing.T, w *httptest.ResponseRecorder, want int) {
	t.Helper()
	if w.Code != want {
		t.Errorf("status %d, want %d; body %q", w.Code, want, w.Body)
	}
}

func wantHeader(t *testing.T, h http.Header, name, want string) {
	t.Helper()
	if got := h.Get(name); got != want {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
}
