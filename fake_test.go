package dossier_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// fakeBackend is a backend of function fields. A method whose field is nil fails the test: it should not be reached.
type fakeBackend struct {
	t        *testing.T
	describe dossier.Description
	put      func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error)
	get      func(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error)
	stat     func(ctx context.Context, key string) (dossier.Info, error)
	delete   func(ctx context.Context, key string, opts dossier.DeleteOptions) error
}

func (f *fakeBackend) reached(method string, known bool) {
	if !known {
		f.t.Helper()
		f.t.Errorf("%s reached the backend", method)
	}
}

func (f *fakeBackend) Describe() dossier.Description { return f.describe }

func (f *fakeBackend) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if f.reached("Put", f.put != nil); f.put == nil {
		return dossier.Info{}, nil
	}
	return f.put(ctx, key, src, opts)
}

func (f *fakeBackend) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	if f.reached("Get", f.get != nil); f.get == nil {
		return dossier.NewObject(dossier.Info{}, 0, 0, io.NopCloser(strings.NewReader(""))), nil
	}
	return f.get(ctx, key, opts)
}

func (f *fakeBackend) Stat(ctx context.Context, key string) (dossier.Info, error) {
	if f.reached("Stat", f.stat != nil); f.stat == nil {
		return dossier.Info{}, nil
	}
	return f.stat(ctx, key)
}

func (f *fakeBackend) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	if f.reached("Delete", f.delete != nil); f.delete == nil {
		return nil
	}
	return f.delete(ctx, key, opts)
}

// shelf is a small honest backend with the five required methods and nothing else. It counts its calls.
type shelf struct {
	mu      sync.Mutex
	objects map[string]shelved
	version int
	gets    int
	puts    int
}

type shelved struct {
	info    dossier.Info
	content []byte
}

// shelfTime is the modification time of every shelved object.
var shelfTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const shelfCapabilities = dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch |
	dossier.SuffixRange | dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C |
	dossier.VerifiesChecksums | dossier.FlatKeys

func (s *shelf) Describe() dossier.Description {
	return dossier.Description{Scheme: "shelf", Store: "shelf", Capabilities: shelfCapabilities}
}

func (s *shelf) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (info dossier.Info, err error) {
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return info, &dossier.Error{Op: "put", Backend: "shelf", Key: key, Err: err}
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return info, &dossier.Error{Op: "put", Backend: "shelf", Key: key, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(key, opts.If); err != nil {
		return info, &dossier.Error{Op: "put", Backend: "shelf", Key: key, Kind: err}
	}
	s.version++
	s.puts++
	info = dossier.Info{
		Key: key, Size: int64(len(content)), Version: dossier.Version(fmt.Sprint("v", s.version)), ModTime: shelfTime,
		Header: opts.Header, Metadata: maps.Clone(opts.Metadata), Checksums: in.Checksums(),
	}
	if s.objects == nil {
		s.objects = map[string]shelved{}
	}
	s.objects[key] = shelved{info, content}
	return info, nil
}

func (s *shelf) check(key string, cond dossier.Condition) error {
	present, ok := s.objects[key]
	switch {
	case cond.IfAbsent && ok:
		return dossier.ErrExist
	case cond.Match != "" && present.info.Version != cond.Match:
		return dossier.ErrPrecondition
	case cond.NotMatch != "" && present.info.Version == cond.NotMatch:
		return dossier.ErrNotModified
	}
	return nil
}

func (s *shelf) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	found, ok := s.objects[key]
	if !ok {
		return nil, &dossier.Error{Op: "get", Backend: "shelf", Key: key, Kind: dossier.ErrNotExist}
	}
	if err := s.check(key, opts.If); err != nil {
		return nil, &dossier.Error{Op: "get", Backend: "shelf", Key: key, Kind: err}
	}
	from, to, err := opts.Range.Resolve(found.info.Size)
	if err != nil {
		return nil, &dossier.Error{Op: "get", Backend: "shelf", Key: key, Err: err}
	}
	return dossier.NewObject(found.info, from, to, io.NopCloser(bytes.NewReader(found.content[from:to]))), ctx.Err()
}

func (s *shelf) Stat(_ context.Context, key string) (dossier.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.objects[key]
	if !ok {
		return dossier.Info{}, &dossier.Error{Op: "stat", Backend: "shelf", Key: key, Kind: dossier.ErrNotExist}
	}
	return found.info, nil
}

func (s *shelf) Delete(_ context.Context, key string, opts dossier.DeleteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(key, opts.If); err != nil {
		return &dossier.Error{Op: "delete", Backend: "shelf", Key: key, Kind: err}
	}
	delete(s.objects, key)
	return nil
}

// indexedShelf is a shelf that can list.
type indexedShelf struct{ shelf }

func (s *indexedShelf) List(_ context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		last := opts.After
		for _, info := range s.sorted() {
			rest, ok := strings.CutPrefix(info.Key, opts.Prefix)
			if !ok {
				continue
			}
			if folder, _, deeper := strings.Cut(rest, "/"); deeper && opts.Delimiter != "" {
				info = dossier.Info{Key: opts.Prefix + folder + "/", IsPrefix: true}
			}
			if info.Key <= last {
				continue
			}
			if last = info.Key; !yield(info, nil) {
				return
			}
		}
	}
}

func (s *indexedShelf) sorted() []dossier.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []dossier.Info
	for _, found := range s.objects {
		all = append(all, found.info)
	}
	slices.SortFunc(all, func(a, b dossier.Info) int { return cmp.Compare(a.Key, b.Key) })
	return all
}

// must returns the value of a call that has to succeed.
func must[T any](t *testing.T) func(value T, err error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// store puts content under key.
func store(t *testing.T, b dossier.Backend, key, content string) dossier.Info {
	t.Helper()
	return must[dossier.Info](t)(b.Put(t.Context(), key, dossier.BytesSource([]byte(content)), dossier.PutOptions{}))
}

// read returns the content of key.
func read(t *testing.T, b dossier.Backend, key string) string {
	t.Helper()
	return string(must[[]byte](t)(dossier.ReadAll(t.Context(), b, key, 0)))
}

func crc32c(content string) []byte {
	sum := crc32.Checksum([]byte(content), crc32.MakeTable(crc32.Castagnoli))
	return []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
}
