package fileobject_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// opened commits content and opens it.
func openStored(ctx context.Context, tb testing.TB, text string) (*fileobject.FileObject, io.ReadSeekCloser) {
	tb.Helper()
	f := commit(ctx, tb, fileobject.FromBytes("a.txt", []byte(text), fileobject.Options{}), "uploads")
	r, err := f.Open(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Close() })
	return f, r
}

// The reader is an ordinary io.ReadSeeker: http.ServeContent, archive/zip and image decoders depend on every detail.
func TestOpenIsAReadSeeker(t *testing.T) {
	t.Parallel()
	for _, capabilities := range []dossier.Capabilities{full, full &^ dossier.GetMatch, 0} {
		for _, n := range []int{0, 1, 100, 70_000} {
			s := &shelf{capabilities: capabilities}
			ctx := with(t, map[string]dossier.Backend{"uploads": s})
			_, r := openStored(ctx, t, long(n))
			if err := iotest.TestReader(r, []byte(long(n))); err != nil {
				t.Errorf("%d bytes, capabilities %q: %v", n, capabilities, err)
			}
		}
	}
}

// The end of a large object, where a ZIP or PDF keeps its directory, must not cost the whole object.
func TestReadingTheEndTransfersTheEnd(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	_, r := openStored(ctx, t, long(8<<20))
	if _, gets := s.calls(); gets != 0 {
		t.Errorf("Open made %d gets", gets)
	}
	if _, err := r.Seek(-10, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != long(8 << 20)[8<<20-10:] {
		t.Errorf("%q, %v", got, err)
	}
	if _, gets := s.calls(); gets != 1 || s.sent.Load() > 64<<10 {
		t.Errorf("%d gets transferred %d bytes", gets, s.sent.Load())
	}
}

// Asking a store costs a round trip: what lies just ahead is read over instead, what lies far is not.
func TestSmallSeeksForwardAskNothing(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	const n = 4 << 20
	_, r := openStored(ctx, t, long(n))
	at, buffer := int64(0), make([]byte, 100)
	for range 50 {
		if _, err := io.ReadFull(r, buffer); err != nil || string(buffer) != long(n)[at:at+100] {
			t.Fatalf("at %d: %q, %v", at, buffer, err)
		}
		at += 100 + 20_000
		if now, err := r.Seek(20_000, io.SeekCurrent); now != at || err != nil {
			t.Fatalf("%d, %v", now, err)
		}
	}
	if _, gets := s.calls(); gets != 1 {
		t.Errorf("%d gets for small steps forward", gets)
	}
	before := s.sent.Load()
	for _, to := range []int64{3 << 20, 10, 2 << 20} {
		if _, err := r.Seek(to, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, buffer); err != nil || string(buffer) != long(n)[to:to+100] {
			t.Fatalf("at %d: %q, %v", to, buffer, err)
		}
	}
	if _, gets := s.calls(); gets != 4 || s.sent.Load()-before > 1000 {
		t.Errorf("%d gets, %d bytes for three far reads of 100", gets, s.sent.Load()-before)
	}
}

func TestSeeksThatGoNowhereAreRefused(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	_, r := openStored(ctx, t, "12345")
	for _, seek := range []struct {
		offset int64
		whence int
	}{{-1, io.SeekStart}, {-6, io.SeekEnd}, {-1, io.SeekCurrent}, {0, 3}, {0, -1}, {1 << 62, 7}} {
		if _, err := r.Seek(seek.offset, seek.whence); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%+v: %v", seek, err)
		}
	}
	if at, err := r.Seek(100, io.SeekStart); at != 100 || err != nil {
		t.Errorf("%d, %v: seeking behind the end is allowed", at, err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%d, %v", n, err)
	}
	if _, gets := s.calls(); gets != 0 {
		t.Errorf("%d gets for no bytes", gets)
	}
}

func TestClosedReaderIsClosed(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	closed := 0
	s.body = func(body io.ReadCloser) io.ReadCloser { return &closing{body, func() { closed++ }} }
	_, r := openStored(ctx, t, "12345")
	if _, err := io.ReadFull(r, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil || closed != 1 {
		t.Errorf("%v; the body was closed %d times", err, closed)
	}
	_, err := r.Read(make([]byte, 1))
	wantIs(t, "read", err, dossier.ErrClosed)
	_, err = r.Seek(0, io.SeekStart)
	wantIs(t, "seek", err, dossier.ErrClosed)
}

// Bytes of two versions in one read are a file that never existed. Where the store cannot pin a version, the reader has
// to notice itself.
func TestExchangedObjectIsNeverMixed(t *testing.T) {
	t.Parallel()
	for _, capabilities := range []dossier.Capabilities{full, full &^ dossier.GetMatch} {
		s := &shelf{capabilities: capabilities}
		ctx := with(t, map[string]dossier.Backend{"uploads": s})
		f, r := openStored(ctx, t, strings.Repeat("a", 100_000))
		first := make([]byte, 10)
		if _, err := io.ReadFull(r, first); err != nil {
			t.Fatal(err)
		}
		s.exchange(f.Key, strings.Repeat("b", 100_000))
		if _, err := r.Seek(90_000, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		wantIs(t, "read after the exchange", err, dossier.ErrPrecondition)
		if len(got) != 0 {
			t.Errorf("capabilities %q: %q and %q were read of one object", capabilities, first, got[:10])
		}
	}
}

// A store that gives no versions at all still has sizes.
func TestShrunkObjectIsNoticedWithoutVersions(t *testing.T) {
	t.Parallel()
	s := &shelf{stat: func(info dossier.Info) dossier.Info { info.Version = ""; return info }}
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	f, r := openStored(ctx, t, "1234567890")
	s.exchange(f.Key, "12345")
	_, err := io.ReadAll(r)
	wantIs(t, "read", err, dossier.ErrPrecondition)
}

func TestMissingObjectIsSaidAtOpen(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f, r := openStored(ctx, t, "12345")
	if err := s.Delete(ctx, f.Key, dossier.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := r.Read(make([]byte, 1))
	wantIs(t, "read of a removed object", err, dossier.ErrNotExist)
	_, err = f.Open(ctx)
	wantIs(t, "open", err, dossier.ErrNotExist)
}

// A connection that breaks must not look like the end of the file.
func TestTruncatedBodyIsNoEnd(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f, r := openStored(ctx, t, long(1000))
	s.body = func(body io.ReadCloser) io.ReadCloser {
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(body, 500), body}
	}
	for name, read := range map[string]func() ([]byte, error){
		"Open":    func() ([]byte, error) { return io.ReadAll(r) },
		"Content": func() ([]byte, error) { return f.Content(ctx) },
		"Verify":  func() ([]byte, error) { return nil, f.Verify(ctx) },
		"a range": func() ([]byte, error) {
			r, err := f.OpenRange(ctx, 100, -1)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(r)
		},
	} {
		if _, err := read(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Damage in the store must reach whoever reads the whole file, through each of the ways to read it.
func TestDamageShowsAtTheEndOfAFullRead(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f, r := openStored(ctx, t, long(1000))
	s.damage(f.Key, strings.Repeat("x", 1000))
	got, err := io.ReadAll(r)
	wantIs(t, "Open", err, dossier.ErrChecksum)
	if len(got) != 1000 {
		t.Errorf("%d bytes came before the error", len(got))
	}
	_, err = f.Content(ctx)
	wantIs(t, "Content", err, dossier.ErrChecksum)
	_, err = f.CopyTo(ctx, io.Discard)
	wantIs(t, "CopyTo", err, dossier.ErrChecksum)
	wantIs(t, "Verify", f.Verify(ctx), dossier.ErrChecksum)
}

// A handle is shared by the goroutines of a server once it is stored.
func TestStoredHandleIsReadConcurrently(t *testing.T) {
	t.Parallel()
	s := newSigningShelf(t)
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	f := commit(ctx, t, fileobject.FromBytes("a.txt", []byte(long(50_000)), fileobject.Options{}), "uploads")
	copied := *f
	var row fileobject.FileObject
	if value, err := f.Value(); err != nil || row.Scan(value) != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for _, file := range []*fileobject.FileObject{f, &copied, &row} {
		for range 8 {
			group.Go(func() {
				r, err := file.Open(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				defer r.Close()
				if got, err := io.ReadAll(r); err != nil || string(got) != long(50_000) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				if urls, err := fileobject.SignedURLs(ctx, 60e9, file, nil, file); err != nil || urls[0] == "" || urls[1] != "" {
					t.Errorf("%v, %v", urls, err)
				}
				if view, err := file.View(ctx, 60e9); err != nil || view.Size != 50_000 || file.Verify(ctx) != nil || file.Origin() == nil {
					t.Errorf("%v, %v", view, err)
				}
			})
		}
	}
	group.Wait()
}
