package backendtest

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"

	"github.com/dossier-go/dossier"
)

func copyCases() []contractCase {
	return []contractCase{
		{
			name: "copy/all of it", groups: []int{68, 13}, run: copyAll,
			sentence: "Copy makes dst equal to src: bytes, header and metadata, over an object too.",
		},
		{
			name: "copy/replacement", groups: []int{68}, needs: dossier.StoresHeader | dossier.StoresMetadata, run: copyReplaced,
			sentence: "Replace gives the copy another header and metadata, as a whole.",
		},
		{
			name: "copy/no alias", groups: []int{68}, run: copyIsNoAlias,
			sentence: "Copy and source go their own ways.",
		},
		{
			name: "copy/onto itself", groups: []int{68}, run: copyOntoItself,
			sentence: "Copying a key onto itself keeps the object, and may replace its header.",
		},
	}
}

type transfer func(ctx context.Context, b dossier.Backend, dst, src string, opts dossier.CopyOptions) (dossier.Info, error)

// transfers are Copy and Move.
func transfers() map[string]transfer {
	return map[string]transfer{"copy": dossier.Copy, "move": dossier.Move}
}

// copied fails unless info describes a copy of source under key, which has content.
func (t *trial) copied(info, source dossier.Info, key, content string) {
	t.Helper()
	if info.Key != key || info.Size != source.Size || info.Header != source.Header || !maps.Equal(info.Metadata, source.Metadata) ||
		!equalSums(info.Checksums, source.Checksums) {
		t.Errorf("%+v is no copy of %+v", info, source)
	}
	t.unchanged(info, content)
}

func copyAll(t *trial) {
	for _, size := range t.sizes() {
		content := pattern("copy", size)
		source := t.putWith("source", content, t.options())
		t.putWith("old", "old content", dossier.PutOptions{})
		for _, key := range []string{fmt.Sprint("new/", size), "old"} {
			info, err := dossier.Copy(t.ctx, t.backend, key, "source", dossier.CopyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.copied(info, source, key, content)
			t.unchanged(source, content)
		}
	}
	_, err := dossier.Copy(t.ctx, t.backend, "copy", "missing", dossier.CopyOptions{})
	t.wants("copy of a missing key", err, dossier.ErrNotExist)
	t.absent("copy")
}

func copyReplaced(t *trial) {
	source := t.putWith("source", "content", t.options())
	for what, replacement := range map[string]*dossier.Replacement{
		"other":   {Header: dossier.Header{ContentType: "image/png"}, Metadata: map[string]string{"other": "x"}},
		"nothing": {},
	} {
		info, err := dossier.Copy(t.ctx, t.backend, "copy/"+what, "source", dossier.CopyOptions{Replace: replacement})
		if err != nil {
			t.Fatal(err)
		}
		if info.Header.CacheControl != "" || !maps.Equal(info.Metadata, replacement.Metadata) ||
			replacement.Header.ContentType != "" && info.Header.ContentType != "image/png" {
			t.Errorf("%s: %+v", what, info)
		}
		t.unchanged(info, "content")
	}
	t.unchanged(source, "content")
}

func copyIsNoAlias(t *trial) {
	source := t.putWith("source", "content", t.options())
	info, err := dossier.Copy(t.ctx, t.backend, "copy", "source", dossier.CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	clear(info.Metadata)
	clear(info.Checksums.CRC32C)
	copied := t.stat("copy")
	t.put("source", "other content")
	t.copied(copied, source, "copy", "content")
	t.succeeds("delete", t.backend.Delete(t.ctx, "source", dossier.DeleteOptions{}))
	t.unchanged(copied, "content")
	t.put("copy", "third content")
	t.absent("source")
}

func copyOntoItself(t *trial) {
	source := t.putWith("a", "content", t.options())
	info, err := dossier.Copy(t.ctx, t.backend, "a", "a", dossier.CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.copied(info, source, "a", "content")
	if t.can(dossier.PutIfAbsent) {
		_, err = dossier.Copy(t.ctx, t.backend, "a", "a", dossier.CopyOptions{If: ifAbsent})
		t.wants("create-only", err, dossier.ErrExist)
	}
	if !t.can(dossier.StoresMetadata) {
		return
	}
	replacement := dossier.Replacement{Metadata: map[string]string{"other": "x"}}
	info, err = dossier.Copy(t.ctx, t.backend, "a", "a", dossier.CopyOptions{Replace: &replacement})
	if err != nil || !maps.Equal(info.Metadata, replacement.Metadata) {
		t.Errorf("%+v, %v", info, err)
	}
	t.unchanged(info, "content")
}

func moveCases() []contractCase {
	return []contractCase{
		{
			name: "move/all of it", groups: []int{68, 13}, run: moveAll,
			sentence: "Move is Copy and Delete of src.",
		},
		{
			name: "move/onto itself", groups: []int{68}, run: moveOntoItself,
			sentence: "Moving a key to itself changes nothing.",
		},
		{
			name: "move/one step", groups: []int{22}, needs: dossier.AtomicMove, extensions: []extension{mover}, run: moveIsAtomic,
			sentence: "AtomicMove: there is no moment with both or none.",
		},
	}
}

func moveAll(t *trial) {
	content := pattern("move", 2*t.harness.unit())
	for _, key := range []string{"new", "deep/er/new", "old"} {
		t.put("old", "old content")
		source := t.putWith("source/a", content, t.options())
		info, err := dossier.Move(t.ctx, t.backend, key, "source/a", dossier.CopyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.copied(info, source, key, content)
		t.absent("source/a")
	}
	if t.can(dossier.StoresMetadata) {
		replacement := dossier.Replacement{Metadata: map[string]string{"other": "x"}}
		info, err := dossier.Move(t.ctx, t.backend, "third", "new", dossier.CopyOptions{Replace: &replacement})
		if err != nil || !maps.Equal(info.Metadata, replacement.Metadata) {
			t.Errorf("%+v, %v", info, err)
		}
		t.unchanged(info, content)
		t.absent("new")
	}
	_, err := dossier.Move(t.ctx, t.backend, "fourth", "missing", dossier.CopyOptions{})
	t.wants("move of a missing key", err, dossier.ErrNotExist)
	t.absent("fourth")
}

func moveOntoItself(t *trial) {
	before := t.putWith("a", "content", t.options())
	info, err := dossier.Move(t.ctx, t.backend, "a", "a", dossier.CopyOptions{})
	if err != nil || t.difference(before, info) != "" {
		t.Errorf("%+v, %v; want %+v", info, err, before)
	}
	t.unchanged(before, "content")
	_, err = dossier.Move(t.ctx, t.backend, "missing", "missing", dossier.CopyOptions{})
	t.wants("a missing key", err, dossier.ErrNotExist)
}

func moveIsAtomic(t *trial) {
	t.put("k/0", letters(0))
	rounds := t.harness.some(100)
	var at atomic.Int64
	together(3, func(i int) {
		if i == 0 {
			defer at.Store(-1)
			for n := range rounds {
				at.Store(int64(n))
				if _, err := dossier.Move(t.ctx, t.backend, fmt.Sprint("k/", n+1), fmt.Sprint("k/", n), dossier.CopyOptions{}); err != nil {
					t.Errorf("move: %v", err)
				}
			}
			return
		}
		for n := at.Load(); n >= 0; n = at.Load() {
			t.neverBothOrNone(fmt.Sprint("k/", n), fmt.Sprint("k/", n+1), n, &at)
		}
	})
	t.holds(fmt.Sprint("k/", rounds), letters(0))
}

// neverBothOrNone looks at a move from src to dst, which is over when at is not n any more.
func (t *trial) neverBothOrNone(src, dst string, n int64, at *atomic.Int64) {
	_, before := t.backend.Stat(t.ctx, src)
	_, after := t.backend.Stat(t.ctx, dst)
	if before != nil && after != nil && at.Load() == n {
		t.Errorf("neither %s nor %s: %v, %v", src, dst, before, after)
	}
	_, after = t.backend.Stat(t.ctx, dst)
	_, before = t.backend.Stat(t.ctx, src)
	if after == nil && before == nil {
		t.Errorf("both %s and %s", src, dst)
	}
}
