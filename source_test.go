package dossier_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
)

func opened(t *testing.T, src dossier.Source) string {
	t.Helper()
	reader := must[io.ReadCloser](t)(src.Open())
	defer reader.Close()
	return string(must[[]byte](t)(io.ReadAll(reader)))
}

func contentFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A failed request is sent again only if its source can be replayed, so a source must not claim what it cannot.
func TestSourceSaysHowLongItIsAndWhetherItCanBeReadAgain(t *testing.T) {
	t.Parallel()
	opener := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("content")), nil }
	for name, row := range map[string]struct {
		src        dossier.Source
		size       int64
		replayable bool
		random     bool
		want       string
	}{
		"zero":    {dossier.Source{}, 0, true, false, ""},
		"bytes":   {dossier.BytesSource([]byte("content")), 7, true, true, "content"},
		"file":    {dossier.FileSource(contentFile(t, "content")), 7, true, true, "content"},
		"opener":  {dossier.OpenerSource(opener, 7), 7, true, false, "content"},
		"unknown": {dossier.OpenerSource(opener, -9), -1, true, false, "content"},
		"reader":  {dossier.ReaderSource(strings.NewReader("content"), -1), -1, false, false, "content"},
	} {
		if row.src.Size() != row.size || row.src.Replayable() != row.replayable {
			t.Errorf("%s: size %d, replayable %v", name, row.src.Size(), row.src.Replayable())
		}
		reader, random, err := row.src.ReaderAt()
		if random != row.random || err != nil {
			t.Errorf("%s: ReaderAt is %v, %v", name, random, err)
		}
		if random {
			if err := iotest.TestReader(io.NewSectionReader(reader, 0, row.size), []byte(row.want)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			reader.Close()
		}
		if got := opened(t, row.src); got != row.want {
			t.Errorf("%s: %q", name, got)
		}
		if !row.replayable {
			continue
		}
		if got := opened(t, row.src); got != row.want {
			t.Errorf("%s, the second time: %q", name, got)
		}
	}
}

// The second reading of a one-shot reader would store an empty file without an error.
func TestReaderSourceReadTwiceIsErrConsumed(t *testing.T) {
	t.Parallel()
	src := dossier.ReaderSource(strings.NewReader("content"), 7)
	same := src
	opened(t, src)
	for _, again := range []dossier.Source{src, same} {
		if _, err := again.Open(); !errors.Is(err, dossier.ErrConsumed) {
			t.Errorf("%v, want ErrConsumed", err)
		}
	}
}

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

// The reader is the caller's: a request body or file that the caller still needs must stay open.
func TestReaderSourceDoesNotCloseTheReader(t *testing.T) {
	t.Parallel()
	reader := &closeCounter{Reader: strings.NewReader("content")}
	opened(t, dossier.ReaderSource(reader, -1))
	if reader.closed != 0 {
		t.Errorf("closed %d times", reader.closed)
	}
}

// Opening a FIFO or a device would hang or never end.
func TestFileSourceRefusesWhatIsNotAFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := dossier.FileSource(folder).Open(); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("a folder: %v, want ErrInvalid", err)
	}
	missing := dossier.FileSource(filepath.Join(folder, "missing"))
	if _, err := missing.Open(); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, dossier.ErrNotExist) {
		t.Errorf("a missing file: %v; want fs.ErrNotExist, not ErrNotExist, which speaks of objects", err)
	}
	if _, _, err := missing.ReaderAt(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReaderAt of a missing file: %v", err)
	}
	if missing.Size() != -1 {
		t.Errorf("size %d", missing.Size())
	}
}

// A nil reader is a mistake that must not store an empty object.
func TestReaderSourceOfNilFails(t *testing.T) {
	t.Parallel()
	if _, err := dossier.ReaderSource(nil, -1).Open(); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid", err)
	}
}

func ExampleReaderSource() {
	src := dossier.ReaderSource(strings.NewReader("from a network connection"), -1)
	for range 2 {
		reader, err := src.Open()
		if err != nil {
			fmt.Println(err)
			continue
		}
		content, _ := io.ReadAll(reader)
		fmt.Println(string(content))
	}
	// Output:
	// from a network connection
	// source was read already and cannot be read again
}

// Two sources over one reader share its bytes: who would store both must be able to know.
func TestSourcesOfOneReaderAreFound(t *testing.T) {
	t.Parallel()
	r, other := strings.NewReader("x"), strings.NewReader("x")
	a := dossier.ReaderSource(r, 1)
	for _, test := range []struct {
		b    dossier.Source
		want bool
	}{
		{a, true},
		{dossier.ReaderSource(r, -1), true},
		{dossier.ReaderSource(other, 1), false},
		{dossier.ReaderSource(nil, 1), false},
		{dossier.BytesSource([]byte("x")), false},
		{dossier.Source{}, false},
	} {
		if a.SameReader(test.b) != test.want || test.b.SameReader(a) != test.want {
			t.Errorf("%+v: not %v", test.b, test.want)
		}
	}
	s := dossier.ReaderSource(uncomparable{}, 1)
	if s.SameReader(s) { // its readers cannot be told apart, and must not panic
		t.Error("they are the same")
	}
}

type uncomparable struct{ _ []int }

func (uncomparable) Read([]byte) (int, error) { return 0, io.EOF }
