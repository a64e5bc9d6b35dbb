package backendtest

import (
	"errors"
	"io"
	"testing/fstest"
	"testing/iotest"

	"github.com/dossier-go/dossier"
)

func readCases() []contractCase {
	return []contractCase{
		{
			name: "read/io.Reader", groups: []int{46, 53}, run: readIsReader,
			sentence: "An Object is an io.Reader in all that testing/iotest knows.",
		},
		{
			name: "read/file system", groups: []int{53, 59}, extensions: []extension{lister}, run: readAsFS,
			sentence: "dossier.FS over the backend passes testing/fstest.",
		},
		{
			name: "read/closing", groups: []int{52}, run: readClosing,
			sentence: "Close is prompt and may be repeated; Read after Close is ErrClosed.",
		},
		{
			name: "read/many open", groups: []int{52}, run: readManyOpen,
			sentence: "Objects that are open and not read hold up nobody.",
		},
		{
			name: "read/corrupted", groups: []int{49}, needs: dossier.StoresCRC32C, hooks: []hook{corrupt}, run: readCorrupted,
			sentence: "A full read verifies the known checksum at its end, unless SkipVerify is set or only a range is read.",
		},
		{
			name: "read/stored bytes", groups: []int{51}, needs: dossier.StoresHeader, run: readStoredBytes,
			sentence: "The bytes are exactly those stored: a Content-Encoding is kept, never undone.",
		},
	}
}

func readIsReader(t *trial) {
	for _, size := range []int{0, 1, 1000, 2 * t.harness.unit()} {
		content := pattern("reader", size)
		t.put("a", content)
		for _, opts := range []dossier.GetOptions{{}, {SkipVerify: true}, {Range: dossier.Range{Length: -1}}} {
			object, err := t.backend.Get(t.ctx, "a", opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(object, []byte(content)); err != nil {
				t.Errorf("%d bytes, %+v: %v", size, opts, err)
			}
			if err := object.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
}

func readAsFS(t *trial) {
	files := []string{"a.txt", "a-b/x", "b/c/d", "b/c0", "é/ü", "empty"}
	for _, key := range files {
		t.put(key, "content of "+key)
	}
	t.put("empty", "")
	if err := fstest.TestFS(dossier.FS(t.ctx, t.backend, ""), files...); err != nil {
		t.Error(err)
	}
	if err := fstest.TestFS(dossier.FS(t.ctx, t.backend, "b"), "c/d", "c0"); err != nil {
		t.Errorf("below b: %v", err)
	}
}

func readClosing(t *trial) {
	t.put("a", pattern("closing", 4*t.harness.unit()))
	for _, n := range []int{0, 1, t.harness.unit(), 4 * t.harness.unit()} {
		object, err := t.backend.Get(t.ctx, "a", dossier.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(object, make([]byte, n)); err != nil {
			t.Errorf("read %d bytes: %v", n, err)
		}
		for range 3 {
			t.within("Close", func() {
				if err := object.Close(); err != nil {
					t.Errorf("close after %d bytes: %v", n, err)
				}
			})
		}
		got, err := object.Read(make([]byte, 1))
		if got != 0 || !errors.Is(err, dossier.ErrClosed) {
			t.Errorf("read after Close: %d bytes, %v; want ErrClosed", got, err)
		}
	}
}

func readManyOpen(t *trial) {
	content := pattern("many", 2*t.harness.unit())
	t.put("a", content)
	var open []*dossier.Object
	for range t.harness.some(200) {
		object, err := t.backend.Get(t.ctx, "a", dossier.GetOptions{})
		if err != nil {
			t.Fatalf("with %d open: %v", len(open), err)
		}
		open = append(open, object)
	}
	t.put("a", "new content")
	t.holds("a", "new content")
	last, err := readAll(open[len(open)-1])
	if err == nil && string(last) != content {
		t.Error("an object opened before delivers other bytes")
	}
	for _, object := range open {
		if err := object.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func readCorrupted(t *trial) {
	content := pattern("corrupted", 3*t.harness.unit())
	t.put("a", content)
	t.put("b", content)
	t.harness.Corrupt(t.T, t.raw, t.variant.prefix+"a")
	read := func(key string, opts dossier.GetOptions) (string, error) {
		object, err := t.backend.Get(t.ctx, key, opts)
		if err != nil {
			return "", err
		}
		got, err := readAll(object)
		return string(got), err
	}
	_, err := read("a", dossier.GetOptions{})
	t.wants("a full read", err, dossier.ErrChecksum)
	if got, err := read("a", dossier.GetOptions{SkipVerify: true}); err != nil || len(got) != len(content) || got == content {
		t.Errorf("without verification: %d bytes, %v", len(got), err)
	}
	if _, err := read("a", dossier.GetOptions{Range: dossier.Range{Offset: 1, Length: -1}}); err != nil {
		t.Errorf("a range: %v", err)
	}
	if got, err := read("b", dossier.GetOptions{}); err != nil || got != content {
		t.Errorf("another object: %v", err)
	}
}

func readStoredBytes(t *trial) {
	for _, content := range []string{"\x1f\x8b\x08 is no gzip", "plain"} {
		info := t.putWith("a", content, dossier.PutOptions{Header: dossier.Header{ContentEncoding: "gzip", ContentType: "text/plain"}})
		t.unchanged(info, content)
		if info.Header.ContentEncoding != "gzip" || info.Size != int64(len(content)) {
			t.Errorf("%+v", info)
		}
	}
}
