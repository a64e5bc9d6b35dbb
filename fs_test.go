package dossier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/dossier-go/dossier"
)

func tree(t *testing.T, keys ...string) *indexedShelf {
	t.Helper()
	b := &indexedShelf{}
	for _, key := range keys {
		store(t, b, key, "content of "+key)
	}
	return b
}

// Templates, http.FS and everything else that takes an fs.FS relies on what TestFS tests.
func TestFSPassesTheStandardLibrarysTest(t *testing.T) {
	t.Parallel()
	b := tree(t, "a!", "a-b/x", "a.txt", "a/x", "a/y/z", "aa", "é/ü", "sub/one", "sub/two/three")
	store(t, b, "empty", "")
	for name, backend := range map[string]dossier.Backend{"raw": b, "registered": registered(t, b)} {
		if err := fstest.TestFS(dossier.FS(t.Context(), backend, ""), "a!", "a-b/x", "a/y/z", "é/ü", "empty"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, prefix := range []string{"sub", "sub/"} {
			if err := fstest.TestFS(dossier.FS(t.Context(), backend, prefix), "one", "two/three"); err != nil {
				t.Errorf("%s, prefix %q: %v", name, prefix, err)
			}
		}
	}
	if err := fstest.TestFS(dossier.FS(t.Context(), &indexedShelf{}, "")); err != nil {
		t.Errorf("an empty store: %v", err)
	}
}

// Stores can hold "a" and "a/b"; a file system cannot. No name may come twice, whatever lies between the two.
func TestFSFolderNamesNothingTwice(t *testing.T) {
	t.Parallel()
	files := dossier.FS(t.Context(), tree(t, "a", "a!", "a!!", "a!/x", "a-", "a/x", "aa/x", "b/x"), "")
	entries := must[[]fs.DirEntry](t)(fs.ReadDir(files, "."))
	var names []string
	for _, entry := range entries {
		names = append(names, fmt.Sprint(entry.Name(), entry.IsDir()))
	}
	want := []string{"afalse", "a!false", "a!!false", "a-false", "aatrue", "btrue"}
	if !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	if content := must[[]byte](t)(fs.ReadFile(files, "a/x")); string(content) != "content of a/x" {
		t.Errorf("%q", content)
	}
}

// A file is one version: after a replacement the rest of the new one must not follow the beginning of the old one.
func TestFSFileIsPinnedToItsVersion(t *testing.T) {
	t.Parallel()
	inner := tree(t, "a")
	blind := &fakeBackend{t: t, stat: inner.Stat, get: func(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
		if opts.If != (dossier.Condition{}) {
			t.Error("a condition reached a backend that has none")
		}
		return inner.Get(ctx, key, opts)
	}}
	for name, b := range map[string]dossier.Backend{"with conditions": inner, "without": blind} {
		file := must[fs.File](t)(dossier.FS(t.Context(), b, "").Open("a"))
		must[int](t)(io.ReadFull(file, make([]byte, 3)))
		store(t, inner, "a", "content of b")
		must[int64](t)(file.(io.Seeker).Seek(5, io.SeekStart))
		if _, err := io.ReadAll(file); !errors.Is(err, dossier.ErrPrecondition) {
			t.Errorf("%s: Read: %v, want ErrPrecondition", name, err)
		}
		if _, err := file.(io.ReaderAt).ReadAt(make([]byte, 2), 1); !errors.Is(err, dossier.ErrPrecondition) {
			t.Errorf("%s: ReadAt: %v, want ErrPrecondition", name, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

// http.ServeContent seeks to the end and back to learn the size: that must not cost a request each time.
func TestFSFileReadsOnlyWhatIsAsked(t *testing.T) {
	t.Parallel()
	b := tree(t, "a")
	file := must[fs.File](t)(dossier.FS(t.Context(), b, "").Open("a"))
	defer file.Close()
	seeker := file.(io.ReadSeeker)
	if size := must[int64](t)(seeker.Seek(0, io.SeekEnd)); size != 12 {
		t.Errorf("size %d", size)
	}
	must[int64](t)(seeker.Seek(0, io.SeekStart))
	if b.gets != 0 {
		t.Errorf("%d requests before the first Read", b.gets)
	}
	if err := iotest.TestReader(seeker, []byte("content of a")); err != nil {
		t.Error(err)
	}
	b.gets = 0
	must[int64](t)(seeker.Seek(0, io.SeekStart))
	for range 5 {
		must[int](t)(seeker.Read(make([]byte, 2)))
		must[int64](t)(seeker.Seek(0, io.SeekCurrent))
	}
	if b.gets != 1 {
		t.Errorf("%d requests for one stretch", b.gets)
	}
	for _, bad := range []struct {
		offset int64
		whence int
	}{{-1, io.SeekStart}, {-13, io.SeekEnd}, {0, 7}} {
		if _, err := seeker.Seek(bad.offset, bad.whence); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Seek(%d, %d): %v, want fs.ErrInvalid", bad.offset, bad.whence, err)
		}
	}
}

// archive/zip reads one file from several goroutines; the race detector watches.
func TestFSFileReadAtIsConcurrent(t *testing.T) {
	t.Parallel()
	file := must[fs.File](t)(dossier.FS(t.Context(), tree(t, "a"), "").Open("a"))
	defer file.Close()
	var group sync.WaitGroup
	for offset := range 12 {
		group.Go(func() {
			p := make([]byte, 3)
			n, err := file.(io.ReaderAt).ReadAt(p, int64(offset))
			want := "content of a"[offset:min(offset+3, 12)]
			if string(p[:n]) != want || (n < 3) != errors.Is(err, io.EOF) {
				t.Errorf("at %d: %q, %v", offset, p[:n], err)
			}
		})
	}
	group.Wait()
}

// Programs ask errors.Is(err, fs.ErrNotExist) and nothing else; an outage must not look like a missing file.
func TestFSErrors(t *testing.T) {
	t.Parallel()
	files := dossier.FS(t.Context(), tree(t, "a/b"), "")
	for name, want := range map[string]error{
		"missing": fs.ErrNotExist, "a/missing": fs.ErrNotExist, `a\b`: fs.ErrNotExist, strings.Repeat("x", 256): fs.ErrNotExist,
		".dossier/x": fs.ErrNotExist, "": fs.ErrInvalid, "/a": fs.ErrInvalid, "a/": fs.ErrInvalid, "../a": fs.ErrInvalid, "\xff": fs.ErrInvalid,
	} {
		_, open := files.Open(name)
		_, stat := fs.Stat(files, name)
		_, readFile := fs.ReadFile(files, name)
		_, readDir := fs.ReadDir(files, name)
		for call, err := range map[string]error{"Open": open, "Stat": stat, "ReadFile": readFile, "ReadDir": readDir} {
			var failure *fs.PathError
			if !errors.Is(err, want) || !errors.As(err, &failure) || failure.Path != name {
				t.Errorf("%s of %.20q: %v, want a PathError that Is %v", call, name, err, want)
			}
		}
	}
	if _, err := fs.ReadFile(files, "a"); err == nil {
		t.Error("a folder has content")
	}
	if _, err := fs.ReadDir(files, "a/b"); err == nil {
		t.Error("a file has entries")
	}
	outage := errors.New("no route to host")
	broken := &fakeBackend{t: t, stat: func(context.Context, string) (dossier.Info, error) { return dossier.Info{}, outage }}
	if _, err := dossier.FS(t.Context(), broken, "").Open("a"); !errors.Is(err, outage) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an outage: %v", err)
	}
}

// A store that cannot list still serves files, and says what it cannot.
func TestFSWithoutListerHasFilesOnly(t *testing.T) {
	t.Parallel()
	b := &shelf{}
	store(t, b, "a/b", "content")
	files := dossier.FS(t.Context(), b, "")
	if content := must[[]byte](t)(fs.ReadFile(files, "a/b")); string(content) != "content" {
		t.Errorf("%q", content)
	}
	if _, err := fs.ReadDir(files, "."); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("ReadDir: %v, want ErrUnsupported", err)
	}
	if _, err := files.Open("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder: %v, want fs.ErrNotExist", err)
	}
}

// Using a closed file is a bug that must be told.
func TestFSAfterClose(t *testing.T) {
	t.Parallel()
	files := dossier.FS(t.Context(), tree(t, "a/b"), "")
	file := must[fs.File](t)(files.Open("a/b"))
	must[int](t)(file.Read(make([]byte, 1)))
	folder := must[fs.File](t)(files.Open("a")).(fs.ReadDirFile)
	must[[]fs.DirEntry](t)(folder.ReadDir(1))
	for range 2 {
		if err := errors.Join(file.Close(), folder.Close()); err != nil {
			t.Error(err)
		}
	}
	_, reading := file.Read(make([]byte, 1))
	_, readingAt := file.(io.ReaderAt).ReadAt(make([]byte, 1), 0)
	_, seeking := file.(io.Seeker).Seek(0, io.SeekStart)
	_, statting := file.Stat()
	_, listing := folder.ReadDir(1)
	_, examining := folder.Stat()
	for name, err := range map[string]error{
		"Read": reading, "ReadAt": readingAt, "Seek": seeking, "Stat": statting, "ReadDir": listing, "Stat of a folder": examining,
	} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: %v, want fs.ErrClosed", name, err)
		}
	}
}

func ExampleFS() {
	ctx, b := context.Background(), &indexedShelf{}
	for _, key := range []string{"site/index.html", "site/css/main.css", "private.txt"} {
		_, _ = b.Put(ctx, key, dossier.BytesSource([]byte("content")), dossier.PutOptions{})
	}
	site := dossier.FS(ctx, b, "site")
	_ = fs.WalkDir(site, ".", func(name string, entry fs.DirEntry, err error) error {
		fmt.Println(name, entry.IsDir())
		return err
	})
	_, err := fs.ReadFile(site, "../private.txt")
	fmt.Println(err)
	// Output:
	// . true
	// css true
	// css/main.css false
	// index.html false
	// read ../private.txt: invalid argument
}
