package backendtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

func listCases() []contractCase {
	return []contractCase{
		{
			name: "list/byte order", groups: []int{37, 38, 39, 42}, extensions: []extension{lister}, run: listAdversarial,
			sentence: "List yields entries in byte order of their keys, each once, for every prefix, delimiter and page size, after any string.",
		},
		{
			name: "list/numbers", groups: []int{42, 57}, extensions: []extension{lister}, run: listNumbers,
			sentence: "List yields every object, whatever their number and the page size, and none that was deleted.",
		},
		{
			name: "list/pages of folders", groups: []int{42}, extensions: []extension{lister}, run: listFolders,
			sentence: "A folder is one entry however many objects it has.",
		},
		{
			name: "list/senseless", groups: []int{42}, extensions: []extension{lister}, run: listSenseless,
			sentence: "A delimiter but \"/\" and a page size beyond 1 to 1,000 are ErrInvalid.",
		},
	}
}

// adversarial are keys whose order trips those who list folders, without a folder that is an object too.
func (t *trial) adversarial() []string {
	keys := []string{
		"a!", "a!/x", "a-", "a-/x", "a.", "a.txt", "a/!", "a/x", "a/x!", "a/y/z", "a/y0", "a0", "aa", "aa/b", "A", "b/c/d/e", "b/c0",
		"é", "é/x", "\U00010000", "\uFF5E", "~",
	}
	keys = append(keys, "a", "a/y", "b")
	slices.Sort(keys)
	if t.can(dossier.FlatKeys) {
		return keys
	}
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		return slices.ContainsFunc(keys, func(other string) bool { return strings.HasPrefix(other, key+"/") })
	})
}

// modelled is what a listing of the sorted keys has to yield, worked out the simple way.
func modelled(keys []string, opts dossier.ListOptions) []string {
	var entries []string
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, opts.Prefix)
		if !ok {
			continue
		}
		if folder, _, deeper := strings.Cut(rest, "/"); deeper && opts.Delimiter == "/" {
			key = opts.Prefix + folder + "/"
		}
		if key > opts.After {
			entries = append(entries, key)
		}
	}
	return slices.Compact(entries)
}

// listedAs compares a listing with its model.
func (t *trial) listedAs(keys []string, opts dossier.ListOptions) {
	t.Helper()
	var got []string
	for _, info := range t.entries(opts) {
		got = append(got, info.Key)
		if info.IsPrefix != (opts.Delimiter != "" && strings.HasSuffix(info.Key, "/")) {
			t.Errorf("list %+v: IsPrefix of %q is %v", opts, info.Key, info.IsPrefix)
		}
	}
	if want := modelled(keys, opts); !slices.Equal(got, want) {
		t.Errorf("list %+v:\n%q, want\n%q", opts, got, want)
	}
}

func listAdversarial(t *trial) {
	keys := t.adversarial()
	for _, key := range keys {
		t.put(key, "")
	}
	gone := []string{"a-gone", "a/gone", "zz"}
	for _, key := range gone {
		t.put(key, "")
	}
	t.succeeds("delete", firstError(dossier.DeleteBatch(t.ctx, t.backend, slices.Values(gone))))
	afters := slices.Concat(keys, gone, []string{"", "\x00", "0", "a/", "a/y/", "a/\xff", "a/x\x00", "b/c/d", "\xff", "é/"})
	for _, prefix := range []string{"", "a", "a/", "a/y", "a/y/", "a.", "a!", "aa/", "b/c/d/", "b/c/d/e", "é", "x", "a/x/"} {
		for _, delimiter := range []string{"", "/"} {
			for i, after := range afters {
				if t.harness.Small && i%4 != 0 {
					continue // each is a few requests
				}
				t.listedAs(keys, dossier.ListOptions{Prefix: prefix, Delimiter: delimiter, After: after, PageSize: 1 + len(after)%4})
			}
			for size := range len(keys) + 2 {
				if t.harness.Small && size > 3 && size < len(keys)-1 {
					continue
				}
				t.listedAs(keys, dossier.ListOptions{Prefix: prefix, Delimiter: delimiter, PageSize: size})
			}
		}
	}
}

func listNumbers(t *trial) {
	page := t.harness.many(1000)
	var keys []string
	for _, count := range []int{0, 1, page - 1, page, page + 1, 2*page + page/2} {
		for len(keys) < count {
			key := fmt.Sprintf("n/%05d", len(keys))
			t.put(key, "")
			keys = append(keys, key)
		}
		for _, size := range []int{0, page, max(1, page/3)} {
			t.listedAs(keys, dossier.ListOptions{PageSize: size})
		}
		t.listedAs(keys, dossier.ListOptions{Prefix: "n/", Delimiter: "/", PageSize: page})
		t.listedAs(keys, dossier.ListOptions{Delimiter: "/"})
	}
	for key, err := range dossier.DeleteBatch(t.ctx, t.backend, slices.Values(keys[1:])) {
		if err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	t.listedAs(keys[:1], dossier.ListOptions{})
	t.listedAs(keys[:1], dossier.ListOptions{Delimiter: "/"})
}

func listFolders(t *trial) {
	var keys []string
	for i := range t.harness.some(30) {
		for j := range 3 {
			keys = append(keys, fmt.Sprintf("f%03d/%d", i, j))
		}
	}
	keys = append(keys, "g")
	for _, key := range keys {
		t.put(key, "")
	}
	for _, size := range []int{0, 1, 2, 7, 1000} {
		t.listedAs(keys, dossier.ListOptions{Delimiter: "/", PageSize: size})
		t.listedAs(keys, dossier.ListOptions{Delimiter: "/", PageSize: size, After: "f001/"})
	}
	for _, key := range keys[:3] {
		if err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	t.listedAs(keys[3:], dossier.ListOptions{Delimiter: "/"})
}

func listSenseless(t *trial) {
	t.put("a", "")
	for _, opts := range []dossier.ListOptions{{Delimiter: "-"}, {Delimiter: "//"}, {PageSize: -1}, {PageSize: 1001}} {
		found, err := collect(dossier.List(t.ctx, t.backend, opts))
		t.wants(fmt.Sprintf("%+v", opts), err, dossier.ErrInvalid)
		if len(found) > 0 {
			t.Errorf("%+v yields %v", opts, found)
		}
	}
}
