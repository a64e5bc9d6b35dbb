package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// awkward keys, in byte order: names that sort before "/" stand between a folder and what is in it.
var awkward = []string{
	"a!/x", "a-", "a-/1", "a-/2", "a.", "a.txt", "a/1", "a/2", "a/3", "a/4", "a/b!", "a/b/c", "a/b0", "a0", "aa", "é", "\U00010000",
}

func fill(t *testing.T, b dossier.Backend, keys []string) {
	t.Helper()
	for _, key := range keys {
		if strings.HasSuffix(key, "/") {
			continue
		}
		put(t, b, key, "content of "+key)
	}
}

// awkwardKeys leaves out what a file system cannot hold together.
func awkwardKeys() []string {
	return slices.DeleteFunc(slices.Clone(awkward), func(key string) bool { return key == "a-" })
}

// TestListIsInByteOrder whatever the file system's order is: pages of a listing are cut by key, so a key in the wrong
// place is a key that is never seen.
func TestListIsInByteOrder(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	want := awkwardKeys()
	fill(t, b, want)
	if !slices.IsSorted(want) {
		t.Fatal("the test's keys are not in order")
	}
	for page := range 5 {
		if got := keys(t, b, dossier.ListOptions{PageSize: page}); !slices.Equal(got, want) {
			t.Errorf("page size %d: %q", page, got)
		}
	}
}

// TestListGoesOnBehindEveryKey, one that exists or not, with a prefix and with a delimiter: a cursor is a key that may
// be gone when it is used.
func TestListGoesOnBehindEveryKey(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	all := awkwardKeys()
	fill(t, b, all)
	cursors := slices.Concat(awkward, []string{"", "a", "a/", "a-/", "a/b", "a/b/", "a/b/c/", "z", "\xff", "a/1\x00", ".dossier", ".dossier/x"})
	for _, delimiter := range []string{"", "/"} {
		for _, prefix := range []string{"", "a", "a/", "a/b", "a-", "a-/", "a/b/", "é", "nothing", "a/b/c"} {
			entries := folded(all, prefix, delimiter)
			for _, after := range cursors {
				want := slices.DeleteFunc(slices.Clone(entries), func(key string) bool { return key <= after })
				got := keys(t, b, dossier.ListOptions{Prefix: prefix, After: after, Delimiter: delimiter})
				if !slices.Equal(got, want) {
					t.Errorf("prefix %q, delimiter %q, after %q: %q, want %q", prefix, delimiter, after, got, want)
				}
			}
		}
	}
}

// folded is the listing of keys, written again and simply.
func folded(keys []string, prefix, delimiter string) (entries []string) {
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			key = prefix + rest[:i+1]
		}
		entries = append(entries, key)
	}
	slices.Sort(entries)
	return slices.Compact(entries)
}

// TestListedIsWhatStatSays: who decides from a listing must not decide otherwise than from the object.
func TestListedIsWhatStatSays(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	opts := dossier.PutOptions{Metadata: map[string]string{"a": "b"}, Header: dossier.Header{ContentType: "text/plain"}}
	if _, err := b.Put(t.Context(), "folder/key", source("content"), opts); err != nil {
		t.Fatal(err)
	}
	for listed, err := range b.List(t.Context(), dossier.ListOptions{}) {
		stat, statErr := b.Stat(t.Context(), listed.Key)
		if err := errors.Join(err, statErr); err != nil {
			t.Fatal(err)
		}
		if listed.Version != stat.Version || listed.Size != stat.Size || !listed.ModTime.Equal(stat.ModTime) {
			t.Errorf("listed %+v, stat %+v", listed, stat)
		}
	}
}

// TestDeleteWhileListing is how a prefix is emptied.
func TestDeleteWhileListing(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	fill(t, b, awkwardKeys())
	for info, err := range b.List(t.Context(), dossier.ListOptions{}) {
		if err == nil {
			err = b.Delete(t.Context(), info.Key, dossier.DeleteOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestListPassesOverEmptyFolders: a folder that a dead process left is no object, nor a prefix of one.
func TestListPassesOverEmptyFolders(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	if err := os.MkdirAll(filepath.Join(dir, "empty", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, b, "full/key", "x")
	if got := keys(t, b, dossier.ListOptions{Delimiter: "/"}); !slices.Equal(got, []string{"full/"}) {
		t.Errorf("folded: %q", got)
	}
	put(t, b, "empty", "an object may take the place of an empty folder")
	if got := keys(t, b, dossier.ListOptions{}); !slices.Equal(got, []string{"empty", "full/key"}) {
		t.Errorf("listed: %q", got)
	}
}

// TestListErrorIsTheLastEntry: a short list without an error is a loss to whoever deletes what is not listed.
func TestListErrorIsTheLastEntry(t *testing.T) {
	t.Parallel()
	calls := 0
	b := openAt(t, t.TempDir(), local.Config{Durability: local.Fast, Step: func(step string) error {
		if step == "list.read.before" {
			if calls++; calls > 2 {
				return syscall.EIO
			}
		}
		return nil
	}})
	fill(t, b, []string{"a/1", "b/1"})
	var seen []string
	var failed error
	for info, err := range b.List(t.Context(), dossier.ListOptions{}) {
		if failed != nil {
			t.Error("an entry after the error")
		}
		failed = err
		seen = append(seen, info.Key)
	}
	wantError(t, failed, dossier.ErrUnavailable)
	if !errors.Is(failed, syscall.EIO) || slices.Contains(seen, "b/1") {
		t.Errorf("%q, %v", seen, failed)
	}
}

// TestListEndsWithItsContext between two keys.
func TestListEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	fill(t, b, []string{"1", "2", "3"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	count := 0
	for _, err := range b.List(ctx, dossier.ListOptions{}) {
		count++
		cancel()
		if count == 2 && !errors.Is(err, context.Canceled) {
			t.Errorf("the second entry: %v", err)
		}
	}
	if count != 2 {
		t.Errorf("%d entries", count)
	}
}
