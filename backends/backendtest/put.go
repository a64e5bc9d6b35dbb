package backendtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing/iotest"

	"github.com/dossier-go/dossier"
)

func putCases() []contractCase {
	return []contractCase{
		{
			name: "put/every size", groups: []int{61, 16, 46}, run: putSizes,
			sentence: "Put stores the whole of src under key, whatever its size and kind.",
		},
		{
			name: "put/info", groups: []int{13, 45}, run: putInfo,
			sentence: "Stat, Get and List return what Put returned.",
		},
		{
			name: "put/slow readers", groups: []int{3}, run: putSlowReaders,
			sentence: "A source may deliver its bytes as any io.Reader may: singly, with io.EOF, after empty reads.",
		},
		{
			name: "put/checksum of the store", groups: []int{5, 13}, needs: dossier.StoresCRC32C, run: putKnowsCRC32C,
			sentence: "StoresCRC32C: Info.Checksums.CRC32C of full objects is known.",
		},
		{
			name: "put/expected checksums", groups: []int{5}, needs: dossier.VerifiesChecksums, run: putExpect,
			sentence: "VerifiesChecksums: PutOptions.Expect is enforced before the object is visible.",
		},
		{
			name: "put/progress", groups: []int{13}, run: putProgress,
			sentence: "Progress is called with the number of bytes read so far, from one goroutine at a time.",
		},
		{
			name: "put/put id", groups: []int{13}, run: putID,
			sentence: "Info.PutID is PutOptions.PutID where the store keeps it.",
		},
		{
			name: "put/buffers", groups: []int{16}, run: putCopies,
			sentence: "What was stored does not change with the memory that it came from or went to.",
		},
		{
			name: "put/files", groups: []int{4, 61}, run: putFile,
			sentence: "A file as source is stored whole, and not at all when its size changed.",
		},
	}
}

func (t *trial) sizes() []int {
	unit := t.harness.unit()
	return []int{0, 1, 511, 512, 513, unit - 1, unit, unit + 1, 4*unit + 1}
}

func putSizes(t *trial) {
	for _, size := range t.sizes() {
		content := pattern("size", size)
		sources := map[string]dossier.Source{
			"bytes":   dossier.BytesSource([]byte(content)),
			"known":   dossier.ReaderSource(plain(content), int64(size)),
			"unknown": dossier.ReaderSource(plain(content), -1),
		}
		for kind, src := range sources {
			key := fmt.Sprintf("%s/%d", kind, size)
			info, err := t.backend.Put(t.ctx, key, src, dossier.PutOptions{})
			if err != nil || info.Size != int64(size) || info.Key != key || info.Version == "" {
				t.Errorf("put %s: %+v, %v", key, info, err)
				continue
			}
			t.holds(key, content)
			again, err := t.backend.Put(t.ctx, key, dossier.BytesSource([]byte(content)), dossier.PutOptions{})
			if err != nil || again.Version == info.Version && !t.harness.Protocol.ContentVersions || !equalSums(again.Checksums, info.Checksums) {
				t.Errorf("put %s again: version %s, then %s, %v", key, info.Version, again.Version, err)
			}
		}
	}
}

// options are everything that the backend can keep with an object.
func (t *trial) options() dossier.PutOptions {
	var opts dossier.PutOptions
	if t.can(dossier.StoresHeader) {
		opts.Header = dossier.Header{
			ContentType: "text/plain; charset=utf-8", ContentDisposition: `attachment; filename="a;b \"c\".txt"`,
			ContentEncoding: "identity", ContentLanguage: "de, en", CacheControl: "private, max-age=60",
		}
	}
	if t.can(dossier.StoresMetadata) {
		opts.Metadata = map[string]string{"plain": "value", "unicode": "Ünïcode \U0001F600", "odd": "100% =?UTF-8?Q?x?=", "empty": ""}
	}
	return opts
}

func putInfo(t *trial) {
	opts := t.options()
	put := t.putWith("a/b", "content", opts)
	if put.Key != "a/b" || put.Size != 7 || put.ModTime.IsZero() || put.Header != opts.Header || put.IsPrefix {
		t.Errorf("put returned %+v", put)
	}
	if lost := t.difference(put, t.stat("a/b")); lost != "" {
		t.Errorf("stat differs from put in %s: %+v and %+v", lost, t.stat("a/b"), put)
	}
	object, err := t.backend.Get(t.ctx, "a/b", dossier.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if lost := t.difference(put, object.Info); lost != "" || object.From != 0 || object.To != 7 {
		t.Errorf("get differs from put in %s: %+v [%d,%d)", lost, object.Info, object.From, object.To)
	}
	if lister.in(t.backend) {
		listed := t.entries(dossier.ListOptions{})[0]
		listed.Header, listed.Metadata, listed.Checksums = put.Header, put.Metadata, put.Checksums // may be left out
		listed.PutID = put.PutID
		if lost := t.difference(put, listed); lost != "" {
			t.Errorf("list differs from put in %s: %+v and %+v", lost, listed, put)
		}
	}
}

func putSlowReaders(t *trial) {
	content := pattern("slow", 1000)
	for name, reader := range map[string]func() io.Reader{
		"one byte":  func() io.Reader { return iotest.OneByteReader(plain(content)) },
		"half":      func() io.Reader { return iotest.HalfReader(plain(content)) },
		"data, EOF": func() io.Reader { return iotest.DataErrReader(plain(content)) },
		"hesitant":  func() io.Reader { return &hesitant{rest: plain(content)} },
	} {
		for _, size := range []int64{-1, int64(len(content))} {
			for _, ctx := range []context.Context{t.ctx, context.WithoutCancel(t.ctx)} {
				if _, err := t.backend.Put(ctx, "a", dossier.ReaderSource(reader(), size), dossier.PutOptions{}); err != nil {
					t.Errorf("%s, size %d: %v", name, size, err)
				}
				t.holds("a", content)
			}
		}
	}
}

func putKnowsCRC32C(t *trial) {
	for _, size := range t.sizes() {
		content := pattern("sum", size)
		info := t.put("a", content)
		if !bytes.Equal(info.Checksums.CRC32C, crc32c(content)) {
			t.Errorf("%d bytes: CRC32C %x, want %x", size, info.Checksums.CRC32C, crc32c(content))
		}
	}
}

func putExpect(t *trial) {
	const content = "The quick brown fox jumps over the lazy dog"
	right, wrong := sumsOf(content), sumsOf("another content")
	before := t.put("old", "old content")
	for i, want := range right {
		for _, key := range []string{"new", "old"} {
			opts := dossier.PutOptions{Expect: wrong[i]}
			_, err := t.backend.Put(t.ctx, key, dossier.ReaderSource(plain(content), -1), opts)
			t.wants(fmt.Sprintf("wrong checksum %d", i), err, dossier.ErrChecksum)
		}
		t.absent("new")
		t.unchanged(before, "old content")
		t.putWith("new", content, dossier.PutOptions{Expect: want})
		t.holds("new", content)
		if err := t.backend.Delete(t.ctx, "new", dossier.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func putProgress(t *trial) {
	content := pattern("progress", 3*t.harness.unit())
	var seen []int64
	opts := dossier.PutOptions{Progress: func(n int64) { seen = append(seen, n) }}
	if _, err := t.backend.Put(t.ctx, "a", dossier.ReaderSource(plain(content), -1), opts); err != nil {
		t.Fatal(err)
	}
	if len(seen) == 0 || !slices.IsSorted(seen) || seen[len(seen)-1] != int64(len(content)) {
		t.Errorf("progress of %d bytes: %v", len(content), seen)
	}
}

func putID(t *trial) {
	info := t.putWith("a", "content", dossier.PutOptions{PutID: "put-0123456789abcdef"})
	if info.PutID == "" {
		return // this store keeps none
	}
	if now := t.stat("a").PutID; info.PutID != "put-0123456789abcdef" || now != info.PutID {
		t.Errorf("put returned %q, stat %q", info.PutID, now)
	}
}

func putCopies(t *trial) {
	buffer := []byte("content")
	opts := t.options()
	info, err := t.backend.Put(t.ctx, "a", dossier.BytesSource(buffer), opts)
	if err != nil {
		t.Fatal(err)
	}
	before := t.stat("a")
	clear(buffer)
	read, err := dossier.ReadAll(t.ctx, t.backend, "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	clear(read)
	for _, changed := range []dossier.Info{info, t.stat("a")} {
		clear(changed.Checksums.CRC32C)
		clear(changed.Metadata)
	}
	clear(opts.Metadata)
	again := t.stat("a")
	if opts := t.options(); len(opts.Metadata) != len(again.Metadata) {
		t.Errorf("the stored metadata became %v", again.Metadata)
	}
	if before.Size != again.Size || again.Checksums.CRC32C != nil && !bytes.Equal(again.Checksums.CRC32C, crc32c("content")) {
		t.Errorf("the stored object became %+v", again)
	}
	t.holds("a", "content")
}

func putFile(t *trial) {
	path := filepath.Join(t.TempDir(), "file")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content := pattern("file", 3*t.harness.unit())
	write(content)
	before, err := t.backend.Put(t.ctx, "a", dossier.FileSource(path), dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.holds("a", content)
	src := dossier.FileSource(path)
	write(content[:100])
	_, err = t.backend.Put(t.ctx, "a", src, dossier.PutOptions{})
	t.wants("a file that became shorter", err, dossier.ErrShortSource)
	t.unchanged(before, content)
	src = dossier.FileSource(path)
	write(content)
	_, err = t.backend.Put(t.ctx, "a", src, dossier.PutOptions{})
	t.wants("a file that became longer", err, dossier.ErrInvalid)
	t.unchanged(before, content)
	_, err = t.backend.Put(t.ctx, "a", dossier.FileSource(path+".missing"), dossier.PutOptions{})
	t.wants("a missing file", err, os.ErrNotExist)
	t.unchanged(before, content)
}
