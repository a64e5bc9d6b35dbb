package fileobject_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
)

// onEachBackend runs a test on the stores of this module that need no server, each as "uploads" and once more as
// "archive".
func onEachBackend(t *testing.T, test func(t *storeTest)) {
	t.Helper()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "k", Secret: bytes.Repeat([]byte("s"), 32)})
	if err != nil {
		t.Fatal(err)
	}
	makers := map[string]func(t *testing.T) dossier.Backend{
		"memory": func(*testing.T) dossier.Backend { return memory.New(memory.Config{Signer: signer, BaseURL: "/files"}) },
		"local": func(t *testing.T) dossier.Backend {
			t.Helper()
			return openLocal(t, t.TempDir(), local.Config{Durability: local.Fast, Signer: signer, BaseURL: "/files"})
		},
		"local without attributes": func(t *testing.T) dossier.Backend {
			t.Helper()
			return openLocal(t, t.TempDir(), local.Config{Durability: local.Fast, Attributes: local.AttributesNone})
		},
	}
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uploads := make(t)
			test(&storeTest{t, with(t, map[string]dossier.Backend{"uploads": uploads, "archive": make(t)}), uploads})
		})
	}
}

// storeTest is a test on one backend.
type storeTest struct {
	*testing.T
	ctx     context.Context // its registry has the backend
	uploads dossier.Backend
}

func openLocal(t *testing.T, dir string, cfg local.Config) *local.Backend {
	t.Helper()
	b, err := local.New(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// keys lists what a backend holds.
func keys(ctx context.Context, tb testing.TB, b dossier.Backend) []string {
	tb.Helper()
	var all []string
	for info, err := range dossier.List(ctx, b, dossier.ListOptions{}) {
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

func TestEverySourceReachesEveryBackend(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *storeTest) {
		ctx := t.ctx
		for _, n := range []int{0, 1, dossier.DetectLength, 300_000} {
			path := filepath.Join(t.TempDir(), "a.txt")
			if err := os.WriteFile(path, []byte(long(n)), 0o600); err != nil {
				t.Fatal(err)
			}
			for name, f := range map[string]*fileobject.FileObject{
				"bytes": fileobject.FromBytes("a.txt", []byte(long(n)), fileobject.Options{}), "path": fileobject.FromPath(path, fileobject.Options{}),
				"reader": fileobject.FromReader("a.txt", iotest.HalfReader(strings.NewReader(long(n))), fileobject.Options{}),
				"upload": fileobject.FromUpload(form(t, "a.txt", long(n)), fileobject.Options{}),
			} {
				for _, tag := range []string{"uploads", "uploads,checksum:sha256,disposition:attachment,cache:no-store"} {
					clone := f.Clone(fileobject.Options{})
					if name == "reader" {
						clone = fileobject.FromReader("a.txt", iotest.HalfReader(strings.NewReader(long(n))), fileobject.Options{})
					}
					commit(ctx, t, clone, tag)
					if err := clone.Verify(ctx); err != nil || content(ctx, t, clone) != long(n) || clone.Size != int64(n) {
						t.Errorf("%s of %d bytes, %s: %v, %v", name, n, tag, clone, err)
					}
				}
			}
		}
	})
}

func TestOpenSeeksOnEveryBackend(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *storeTest) {
		ctx := t.ctx
		f, r := openStored(ctx, t, long(200_000))
		if err := iotest.TestReader(r, []byte(long(200_000))); err != nil {
			t.Error(err)
		}
		ranged, err := f.OpenRange(ctx, -5, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(ranged); err != nil || string(got) != long(200_000)[199_995:] || ranged.Close() != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestClonesOnEveryBackend(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *storeTest) {
		ctx := t.ctx
		original := commit(ctx, t, fileobject.FromBytes("a.txt", []byte(long(100_000)), fileobject.Options{}), "uploads")
		for _, tag := range []string{"uploads", "archive", "uploads,checksum:sha256", "uploads,disposition:inline"} {
			clone := commit(ctx, t, original.Clone(fileobject.Options{}), tag)
			if err := clone.Verify(ctx); err != nil || content(ctx, t, clone) != long(100_000) || clone.Key == original.Key {
				t.Errorf("%s: %v, %v", tag, clone, err)
			}
		}
	})
}

// No object, no temporary file that looks like one, whatever the source does.
func TestNothingIsLeftOnAnyBackend(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *storeTest) {
		ctx, uploads := t.ctx, t.uploads
		broken := errors.New("broken")
		for name, test := range map[string]struct {
			file *fileobject.FileObject
			tag  string
			want error
		}{
			"broken":     {fileobject.FromReader("a", misbehaving(500_000, func([]byte) (int, error) { return 0, broken }), fileobject.Options{}), "uploads", broken},
			"panicking":  {fileobject.FromReader("a", misbehaving(500_000, func([]byte) (int, error) { panic(broken) }), fileobject.Options{}), "uploads", nil},
			"too long":   {fileobject.FromReader("a", endless{}, fileobject.Options{}), "uploads,max:1MiB", dossier.ErrTooLarge},
			"wrong sum":  {fileobject.FromBytes("a", []byte("x"), fileobject.Options{Checksum: "crc32c:00000000"}), "uploads", dossier.ErrChecksum},
			"wrong type": {fileobject.FromBytes("a.png", []byte("<html>"), fileobject.Options{}), "uploads,accept:image/*", dossier.ErrType},
		} {
			err := upload(ctx, t, test.file, test.tag)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		}
		if left := keys(ctx, t, uploads); len(left) != 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

func TestCancelOnEveryBackend(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *storeTest) {
		ctx, uploads := t.ctx, t.uploads
		inner, cancel := context.WithCancel(ctx)
		blocked, release := make(chan struct{}), make(chan struct{})
		defer close(release)
		f := fileobject.FromReader("a", misbehaving(100_000, func([]byte) (int, error) {
			close(blocked)
			<-release
			return 0, io.EOF
		}), fileobject.Options{})
		go func() {
			<-blocked
			cancel()
		}()
		wantIs(t, "upload", upload(inner, t, f, "uploads"), context.Canceled)
		if left := keys(ctx, t, uploads); len(left) != 0 {
			t.Errorf("left behind: %q", left)
		}
	})
}

func TestExchangedObjectIsNeverMixedOnAnyBackend(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *storeTest) {
		ctx, uploads := t.ctx, t.uploads
		f, r := openStored(ctx, t, strings.Repeat("a", 300_000))
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if _, err := uploads.Put(ctx, f.Key, dossier.BytesSource(bytes.Repeat([]byte("b"), 300_000)), dossier.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Seek(200_000, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		wantIs(t, "read", err, dossier.ErrPrecondition)
		if len(got) != 0 {
			t.Errorf("%q… was read of another version", got[:10])
		}
	})
}

// Bits rot, and administrators edit files: the row knows better.
func TestDamagedFileOnDiskIsFoundByVerify(t *testing.T) {
	t.Parallel()
	for _, attributes := range []local.Attributes{local.AttributesAuto, local.AttributesNone} {
		dir := t.TempDir()
		ctx := with(t, map[string]dossier.Backend{"uploads": openLocal(t, dir, local.Config{Attributes: attributes})})
		f := commit(ctx, t, fileobject.FromBytes("a.txt", []byte("the content"), fileobject.Options{}), "uploads")
		if err := f.Verify(ctx); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Key))
		if err := os.WriteFile(path, []byte("THE content"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantIs(t, "Verify", f.Verify(ctx), dossier.ErrChecksum)
		wantIs(t, "clone", upload(ctx, t, f.Clone(fileobject.Options{}), "uploads,checksum:sha256"), dossier.ErrChecksum)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		wantIs(t, "Verify", f.Verify(ctx), dossier.ErrNotExist)
	}
}

func TestManyHandlesAreUploadedAndReadAtOnce(t *testing.T) {
	t.Parallel()
	onEachBackend(t, func(t *storeTest) {
		ctx, uploads := t.ctx, t.uploads
		var group sync.WaitGroup
		original := commit(ctx, t, fileobject.FromBytes("a.txt", []byte(long(100_000)), fileobject.Options{}), "uploads")
		for range 16 {
			group.Go(func() {
				clone := original.Clone(fileobject.Options{})
				if err := upload(ctx, t, clone, "uploads"); err != nil {
					t.Error(err)
					return
				}
				if b, err := clone.Content(ctx); err != nil || string(b) != long(100_000) {
					t.Errorf("%d bytes, %v", len(b), err)
				}
				if _, err := fileobject.SignedURLs(ctx, time.Minute, original, clone); err != nil && !errors.Is(err, errors.ErrUnsupported) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := len(keys(ctx, t, uploads)); n != 17 {
			t.Errorf("%d objects, want 17", n)
		}
	})
}
