package dossier_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
)

// Every backend accepts these alike; a store that cannot hold one would lose a user's file.
func TestKeysThatEveryBackendAccepts(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"a", "a/b", "...", "a../b", "..a", ".hidden", "a b", " ", "a+b", "a%2Fb", "%", "a?b#c", "a&b=c;d", `'"`, "a:b", "*",
		"CON", "nul.txt", "x.", "x ", "é", "e\u0301", "\U00010000", "\U0001F600", "x.attrs", "x.tmp", ".lock", "__0x2f__",
		".dossierx", "a/.dossier", "~", strings.Repeat("x", 255), long(1024), strings.Repeat("a/", 99) + "a",
	} {
		if err := dossier.CheckKey(key); err != nil {
			t.Errorf("%.40q: %v", key, err)
		}
	}
}

// long is a valid key of n bytes.
func long(n int) string {
	key := []byte(strings.Repeat("x", n))
	for i := 200; i < n-1; i += 201 {
		key[i] = '/'
	}
	return string(key)
}

// badKeys break one rule each.
var badKeys = []string{
	"", ".", "..", "a/./b", "a/../b", "../a", "a/..", "/", "/a", "a/", "a//b", `a\b`, `\`, "a\x00b", "a\tb", "a\nb", "a\x7fb",
	"a\u0080b", "\uFFFD", "a\xff", "\xed\xa0\x80", "a\uFEFF", "\u202Ea", "a\u200Eb", "a\u2028b", "a\u2029b", "a\uE000b", "\U000F0000",
	"\uFFFE", "\uFDD0", "\U0010FFFF", strings.Repeat("x", 256), "a/" + strings.Repeat("x", 256), long(1025), ".dossier", ".dossier/a",
}

// A key that one backend refuses and another takes would make data unmovable, and some of these leave the root folder.
func TestKeysThatEveryBackendRefuses(t *testing.T) {
	t.Parallel()
	for _, key := range badKeys {
		err := dossier.CheckKey(key)
		if !errors.Is(err, dossier.ErrInvalidKey) {
			t.Errorf("%.40q: %v, want ErrInvalidKey", key, err)
			continue
		}
		if strings.ContainsFunc(err.Error(), unicode.IsControl) || !utf8.ValidString(err.Error()) {
			t.Errorf("%.40q: the text %q is not safe to print", key, err)
		}
	}
}

// A listing must reach every object: whatever begins a valid key is a valid prefix.
func TestEveryBeginningOfAKeyIsAPrefix(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"a/b/c", ".dossierx/y", "..a/...", strings.Repeat("x", 254) + ".", "a/" + strings.Repeat("x", 254) + ".",
		long(1024), long(1023) + ".", "é/\U00010000",
	} {
		for end := range key {
			if err := dossier.CheckPrefix(key[:end]); err != nil {
				t.Errorf("%.40q begins with %d bytes: %v", key, end, err)
			}
		}
		if err := dossier.CheckPrefix(key); err != nil {
			t.Errorf("%.40q: %v", key, err)
		}
	}
}

// A prefix that no key can have is a mistake of the caller, or an attempt to leave the store.
func TestPrefixThatBeginsNoKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/", "a//", "../", "a/../", "a/./b", ".dossier/", `a\`, "a\x00", "\xff", long(1025), long(1022) + "x/"} {
		if err := dossier.CheckPrefix(prefix); !errors.Is(err, dossier.ErrInvalidKey) {
			t.Errorf("%.40q: %v, want ErrInvalidKey", prefix, err)
		}
	}
}

// naiveKey is the key grammar once more, written from its documentation.
func naiveKey(key string) bool {
	if len(key) < 1 || len(key) > 1024 || !utf8.ValidString(key) {
		return false
	}
	segments := strings.Split(key, "/")
	bad := func(s string) bool { return s == "" || s == "." || s == ".." || len(s) > 255 }
	forbidden := func(r rune) bool {
		last := r & 0xFFFF
		return r == '\\' || r == utf8.RuneError || last == 0xFFFE || last == 0xFFFF || r >= 0xFDD0 && r <= 0xFDEF ||
			unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
	}
	return segments[0] != ".dossier" && !slices.ContainsFunc(segments, bad) && !strings.ContainsFunc(key, forbidden)
}

// Keys come from templates filled with users' data and from stored rows, so CheckKey sees hostile text.
func FuzzCheckKey(f *testing.F) {
	for _, key := range append(slices.Clone(badKeys), "a/b", "é", ".dossierx", "a\u00ad") {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		err := dossier.CheckKey(key)
		if (err == nil) != naiveKey(key) {
			t.Fatalf("%q: %v", key, err)
		}
		if err != nil {
			return
		}
		for end := range key {
			if err := dossier.CheckPrefix(key[:end]); err != nil {
				t.Fatalf("beginning %q of the valid key %q: %v", key[:end], key, err)
			}
		}
	})
}

func ExampleCheckKey() {
	for _, key := range []string{"documents/plan.pdf", "../etc/passwd", "a//b", "tab\there"} {
		fmt.Println(dossier.CheckKey(key))
	}
	// Output:
	// <nil>
	// invalid key "../etc/passwd": it has the segment ..
	// invalid key "a//b": it has an empty segment (a leading, trailing or double slash)
	// invalid key "tab\there": it contains U+0009
}
