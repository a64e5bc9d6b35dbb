package memory_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
)

// awkward keys, in byte order. Here "a" and "a/1" exist together.
var awkward = []string{
	"a", "a!", "a!/x", "a-", "a-/1", "a.", "a.txt", "a/1", "a/2", "a/b", "a/b/c", "a/b0", "a0", "aa", "b/x", "é", "\U00010000",
}

// TestListGoesOnBehindEveryKey with every page size, prefix and delimiter: pages of a listing are cut by key, so a key
// in the wrong place is a key that is never seen.
func TestListGoesOnBehindEveryKey(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{})
	for _, i := range []int{5, 3, 16, 0, 9, 1, 12, 2, 4, 14, 6, 7, 8, 15, 10, 11, 13} {
		put(t, b, awkward[i], awkward[i])
	}
	cursors := slices.Concat(awkward, []string{"", "a/", "a/b/", "a-/", "b", "b/", "z", "\xff", "a\x00"})
	for _, delimiter := range []string{"", "/"} {
		for _, prefix := range []string{"", "a", "a/", "a/b", "a-", "b/", "nothing", "é"} {
			for page := range 4 {
				for _, after := range cursors {
					opts := dossier.ListOptions{Prefix: prefix, After: after, Delimiter: delimiter, PageSize: page}
					if got, want := keys(t, b, opts), folded(prefix, after, delimiter); !slices.Equal(got, want) {
						t.Errorf("%+v: %q, want %q", opts, got, want)
					}
				}
			}
		}
	}
}

// folded is the listing of the awkward keys, written again and simply.
func folded(prefix, after, delimiter string) (entries []string) {
	for _, key := range awkward {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			key = prefix + rest[:i+1]
		}
		if key > after {
			entries = append(entries, key)
		}
	}
	slices.Sort(entries)
	return slices.Compact(entries)
}

// TestDeleteWhileListing is how a prefix is emptied, and keys that stay are seen once.
func TestDeleteWhileListing(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{})
	for _, key := range awkward {
		put(t, b, key, key)
	}
	var seen []string
	for info, err := range b.List(t.Context(), dossier.ListOptions{PageSize: 2}) {
		if err == nil {
			seen = append(seen, info.Key)
			err = b.Delete(t.Context(), info.Key, dossier.DeleteOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if left := keys(t, b, dossier.ListOptions{}); left != nil || !slices.Equal(seen, awkward) {
		t.Errorf("seen %q, left %q", seen, left)
	}
}
