package local_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// TestObjectOffersItsFile at the beginning of the range, so that a server can let the kernel send it.
func TestObjectOffersItsFile(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, b *local.Backend, _ string) {
		t.Helper()
		put(t, b, "key", "0123456789")
		object, err := b.Get(t.Context(), "key", dossier.GetOptions{Range: dossier.Range{Offset: 3, Length: 4}})
		if err != nil {
			t.Fatal(err)
		}
		defer object.Close()
		file, ok := object.File()
		if !ok || object.From != 3 || object.To != 7 || object.Size != 10 {
			t.Fatalf("file %v, bytes %d to %d of %d", ok, object.From, object.To, object.Size)
		}
		if at, err := file.Seek(0, io.SeekCurrent); err != nil || at != 3 {
			t.Errorf("the file is at %d, %v", at, err)
		}
		if got, err := io.ReadAll(object); err != nil || string(got) != "3456" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestFailingSourceChangesNothing, at whatever byte it fails.
func TestFailingSourceChangesNothing(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	before := put(t, b, "key", "old")
	broke := errors.New("the source broke")
	for _, size := range []int{0, 1, 1 << 18, 1<<18 + 1, 1 << 20} {
		_, err := b.Put(t.Context(), "key", failing(strings.Repeat("x", size), broke), dossier.PutOptions{})
		if !errors.Is(err, broke) || errors.Is(err, dossier.ErrUnavailable) {
			t.Errorf("%d bytes: %v", size, err)
		}
		_, err = b.Put(t.Context(), "new/key", failing(strings.Repeat("x", size), broke), dossier.PutOptions{})
		if !errors.Is(err, broke) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if now, err := b.Stat(t.Context(), "key"); err != nil || now.Version != before.Version {
		t.Errorf("%+v, %v", now, err)
	}
	wantNothingLeft(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a folder was made for nothing")
	}
}

// TestPanicOfASourceLeavesNothing: the caller may recover, and the disk would fill.
func TestPanicOfASourceLeavesNothing(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	func() {
		defer func() { _ = recover() }()
		_, err := b.Put(background(), "key", dossier.ReaderSource(panicking{}, -1), dossier.PutOptions{})
		t.Errorf("no panic, but %v", err)
	}()
	wantNothingLeft(t, dir)
	wantAbsent(t, b, "key")
	put(t, b, "key", "the lock is free")
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("source") }

// noise is a source of random bytes that takes no memory.
type noise struct{ left int }

func (n *noise) Read(p []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	size := min(len(p), n.left)
	for i := range size {
		p[i] = byte(i)
	}
	n.left -= size
	return size, nil
}

// TestMemoryDoesNotGrowWithTheObject: not parallel, because it counts what the whole process allocates.
func TestMemoryDoesNotGrowWithTheObject(t *testing.T) {
	b, _ := openFast(t)
	const size, most = 48 << 20, 4 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := b.Put(t.Context(), "key", dossier.ReaderSource(&noise{left: size}, -1), dossier.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Copy(t.Context(), "copy", "key", dossier.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	object, err := b.Get(t.Context(), "copy", dossier.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if n, err := io.Copy(io.Discard, object); err != nil || n != size {
		t.Errorf("%d bytes, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > most {
		t.Errorf("%d bytes were allocated for %d", used, size)
	}
}

// TestHeaderTooLargeForTheFileSystemIsRefused before anything is read: cut metadata would be silent loss.
func TestHeaderTooLargeForTheFileSystemIsRefused(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	long := strings.Repeat("x", 1000)
	header := dossier.Header{ContentDisposition: long, ContentLanguage: long, CacheControl: long, ContentEncoding: long}
	metadata := map[string]string{"a": strings.Repeat("ü", 1000)}
	src := dossier.OpenerSource(func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("x")), nil
	}, 1)
	info, err := b.Put(t.Context(), "key", src, dossier.PutOptions{Header: header, Metadata: metadata})
	if err != nil { // as on ext4, which keeps less than 4 KiB
		wantError(t, err, dossier.ErrInvalid)
		wantAbsent(t, b, "key")
		return
	}
	if info.Header != header || info.Metadata["a"] != metadata["a"] {
		t.Errorf("%+v", info)
	}
}

// TestAllPortableMetadataIsKept: the two KiB that every store promises fit beside a usual header.
func TestAllPortableMetadataIsKept(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	opts := dossier.PutOptions{
		PutID:    strings.Repeat("p", 36),
		Header:   dossier.Header{ContentType: "text/html; charset=utf-8", ContentDisposition: `attachment; filename="a.html"`},
		Metadata: map[string]string{"name": strings.Repeat("<", dossier.MaxMetadata-4)},
	}
	info, err := b.Put(t.Context(), "key", source("x"), opts)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := b.Stat(t.Context(), "key")
	if err != nil || stat.Metadata["name"] != opts.Metadata["name"] || stat.PutID != opts.PutID || stat.Header != info.Header {
		t.Errorf("%+v, %v", stat, err)
	}
}
