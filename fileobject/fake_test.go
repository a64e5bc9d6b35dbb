package fileobject_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// shelf is a small honest backend with the five required methods and nothing else. It counts, and its function fields
// make it dishonest where a test needs that.
type shelf struct {
	capabilities dossier.Capabilities
	put          func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error)
	stat         func(info dossier.Info) dossier.Info   // changes what Stat says
	body         func(body io.ReadCloser) io.ReadCloser // stands between store and reader

	mu      sync.Mutex
	objects map[string]shelved
	version int
	puts    int
	gets    int
	deletes int
	sent    atomic.Int64 // bytes that Get delivered
}

type shelved struct {
	info    dossier.Info
	content []byte
}

const full = dossier.PutIfAbsent | dossier.GetMatch | dossier.StoresHeader | dossier.StoresCRC32C | dossier.VerifiesChecksums

// shelfTime has nanoseconds, which a row does not keep.
var shelfTime = time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)

func (s *shelf) Describe() dossier.Description {
	return dossier.Description{Scheme: "shelf", Store: fmt.Sprintf("%p", s), Capabilities: s.capabilities}
}

// refuses reports what is asked for without its capability.
func (s *shelf) refuses(opts dossier.PutOptions) bool {
	lacks := func(c dossier.Capabilities) bool { return !s.capabilities.Has(c) }
	return opts.If.IfAbsent && lacks(dossier.PutIfAbsent) || opts.Header != (dossier.Header{}) && lacks(dossier.StoresHeader) ||
		(opts.Expect.CRC32C != nil || opts.Expect.SHA256 != nil) && lacks(dossier.VerifiesChecksums)
}

func (s *shelf) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	s.mu.Lock()
	s.puts++
	s.mu.Unlock()
	if s.refuses(opts) {
		return dossier.Info{}, &dossier.Error{Op: "put", Key: key, Kind: errors.ErrUnsupported}
	}
	if s.put != nil {
		return s.put(ctx, key, src, opts)
	}
	return s.keep(ctx, key, src, opts)
}

func (s *shelf) keep(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return dossier.Info{}, &dossier.Error{Op: "put", Key: key, Err: err}
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return dossier.Info{}, &dossier.Error{Op: "put", Key: key, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.objects[key]; taken && opts.If.IfAbsent {
		return dossier.Info{}, &dossier.Error{Op: "put", Key: key, Kind: dossier.ErrExist}
	}
	return s.set(key, content, opts.Header), nil
}

// set stores content; the lock is held.
func (s *shelf) set(key string, content []byte, header dossier.Header) dossier.Info {
	s.version++
	info := dossier.Info{
		Key: key, Size: int64(len(content)), Version: dossier.Version(fmt.Sprint("v", s.version)),
		ETag: fmt.Sprintf("%q", fmt.Sprint("e", s.version)), ModTime: shelfTime, Header: header,
	}
	if s.capabilities.Has(dossier.StoresCRC32C) {
		info.Checksums.CRC32C = crc32c(content)
	}
	if s.objects == nil {
		s.objects = map[string]shelved{}
	}
	s.objects[key] = shelved{info, content}
	return info
}

func (s *shelf) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	found, ok := s.objects[key]
	if !ok {
		return nil, &dossier.Error{Op: "get", Key: key, Kind: dossier.ErrNotExist}
	}
	if opts.If.Match != "" && !s.capabilities.Has(dossier.GetMatch) {
		return nil, &dossier.Error{Op: "get", Key: key, Kind: errors.ErrUnsupported}
	}
	if opts.If.Match != "" && opts.If.Match != found.info.Version {
		return nil, &dossier.Error{Op: "get", Key: key, Kind: dossier.ErrPrecondition}
	}
	from, to, err := opts.Range.Resolve(found.info.Size)
	if err != nil {
		return nil, &dossier.Error{Op: "get", Key: key, Err: err}
	}
	body := io.NopCloser(&counted{bytes.NewReader(found.content[from:to]), &s.sent})
	if s.body != nil {
		body = s.body(body)
	}
	return dossier.NewObject(found.info, from, to, body), ctx.Err()
}

func (s *shelf) Stat(_ context.Context, key string) (dossier.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.objects[key]
	if !ok {
		return dossier.Info{}, &dossier.Error{Op: "stat", Key: key, Kind: dossier.ErrNotExist}
	}
	if s.stat != nil {
		return s.stat(found.info), nil
	}
	return found.info, nil
}

func (s *shelf) Delete(_ context.Context, key string, _ dossier.DeleteOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deletes++
	delete(s.objects, key)
	return nil
}

// count is how many objects there are.
func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.objects)
}

func (s *shelf) calls() (puts, gets int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts, s.gets
}

// exchange puts other content under key, as another program might.
func (s *shelf) exchange(key, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(key, []byte(content), dossier.Header{})
}

// damage changes the content but not what the store believes of it.
func (s *shelf) damage(key, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = shelved{s.objects[key].info, []byte(content)}
}

type counted struct {
	io.Reader
	bytes *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// copyingShelf can copy inside the store.
type copyingShelf struct {
	shelf
	copies int
}

func (s *copyingShelf) Copy(_ context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if opts.If.IfAbsent && !s.capabilities.Has(dossier.CopyIfAbsent) || opts.Replace != nil && !s.capabilities.Has(dossier.StoresHeader) {
		return dossier.Info{}, &dossier.Error{Op: "copy", Key: src, Kind: errors.ErrUnsupported}
	}
	found, ok := s.objects[src]
	if !ok {
		return dossier.Info{}, &dossier.Error{Op: "copy", Key: src, Kind: dossier.ErrNotExist}
	}
	s.copies++
	header := found.info.Header
	if opts.Replace != nil {
		header = opts.Replace.Header
	}
	return s.set(dst, found.content, header), nil
}

// signingShelf signs URLs, but not for one key.
type signingShelf struct {
	shelf
	signer  *dossier.Signer
	refused string
	batches atomic.Int64
}

func newSigningShelf(tb testing.TB) *signingShelf {
	tb.Helper()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "k", Secret: bytes.Repeat([]byte("s"), 32)})
	if err != nil {
		tb.Fatal(err)
	}
	return &signingShelf{shelf: shelf{capabilities: full | dossier.SignGet}, signer: signer}
}

func (s *signingShelf) SignURLs(_ context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	s.batches.Add(1)
	var signed []dossier.SignedRequest
	for _, req := range reqs {
		if s.refused != "" && req.Key == s.refused {
			return nil, &dossier.Error{Op: "sign", Key: req.Key, Kind: dossier.ErrPermission}
		}
		one, err := s.signer.SignURL("https://files.example/", "store", req)
		if err != nil {
			return nil, err
		}
		signed = append(signed, one)
	}
	return signed, nil
}

// PublicURL makes every object public.
func (s *signingShelf) PublicURL(key string) (string, error) {
	return "https://public.example/" + key, nil
}

// newStore registers a shelf as "uploads" in a registry of its own, which the context carries.
func newStore(tb testing.TB) (*shelf, context.Context) {
	tb.Helper()
	s := &shelf{capabilities: full}
	return s, with(tb, map[string]dossier.Backend{"uploads": s})
}

// with returns a context whose registry holds these backends.
func with(tb testing.TB, backends map[string]dossier.Backend) context.Context {
	tb.Helper()
	registry := &dossier.Registry{}
	for name, b := range backends {
		if err := registry.Register(name, b); err != nil {
			tb.Fatal(err)
		}
	}
	return fileobject.WithRegistry(tb.Context(), registry)
}

// target is the column documents.file with this tag.
func target(tb testing.TB, tag string) fileobject.Target {
	tb.Helper()
	policy, err := fileobject.ParsePolicy(tag)
	if err != nil {
		tb.Fatal(err)
	}
	return fileobject.Target{Policy: policy, Values: dossier.KeyValues{Table: "documents", Field: "file"}}
}

// begin starts an upload and closes it with the test.
func begin(ctx context.Context, tb testing.TB, f *fileobject.FileObject, tag string) *fileobject.Transfer {
	tb.Helper()
	transfer, err := fileobject.Begin(ctx, f, target(tb, tag))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = transfer.Close() })
	return transfer
}

// stage uploads f; no row has it yet.
func stage(ctx context.Context, tb testing.TB, f *fileobject.FileObject, tag string) *fileobject.Transfer {
	tb.Helper()
	transfer := begin(ctx, tb, f, tag)
	if err := errors.Join(transfer.Put(ctx, nil), transfer.Close()); err != nil {
		tb.Fatal(err)
	}
	return transfer
}

// commit uploads f as if a row with it had been committed, and returns it.
func commit(ctx context.Context, tb testing.TB, f *fileobject.FileObject, tag string) *fileobject.FileObject {
	tb.Helper()
	transfer := stage(ctx, tb, f, tag)
	transfer.Adopt()
	transfer.Settle()
	return f
}

// upload tries to upload f and returns what failed, in whichever step.
func upload(ctx context.Context, tb testing.TB, f *fileobject.FileObject, tag string) error {
	tb.Helper()
	transfer, err := fileobject.Begin(ctx, f, target(tb, tag))
	if err != nil {
		return err
	}
	return errors.Join(transfer.Put(ctx, nil), transfer.Close())
}

// content reads f.
func content(ctx context.Context, tb testing.TB, f *fileobject.FileObject) string {
	tb.Helper()
	b, err := f.Content(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// wantIs fails unless err Is want.
func wantIs(tb testing.TB, what string, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("%s: %v, want an error that is %q", what, err, want)
	}
}

func crc32c(b []byte) []byte {
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
}

// long is content of n bytes that is not repetitive.
func long(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + (i*7+i/251)%26)
	}
	return string(b)
}

const png = "\x89PNG\x0D\x0A\x1A\x0A\x00\x00\x00\x0DIHDR"
