package backendtest

import (
	"strings"

	"github.com/dossier-go/dossier"
)

// goodKeys are keys that every store has to take, none of which is a folder of another one.
func (t *trial) goodKeys() []string {
	keys := []string{
		"a", "b/c", "...", "..a", "a..", "d../e", ".hidden", ".dossierx", "f/.dossier", "g h", " i", "j ", " ", "k+l", "m%2Fn", "o%", "%00",
		"p?q#r", "s&t=u;v", `w'x"y`, "<z>", "a:b", "a|b*", "CON", "nul.txt", "x.", "A", "é", "e\u0301", "ﬁ", "\U00010000", "\U0001F600/\U0001F1E9",
		"x.attrs", "x.tmp", "x#1", ".tmp/x", ".lock", "__0x2f__", "~/y", "-rf", "$HOME", "a,b;c@d", "{uuid}", "[z]", "=?UTF-8?Q?x?=", "\u00a0",
		strings.Repeat("s", 255), strings.Repeat("u/", 99) + "v", "x", "robots.txt", "index.html",
	}
	return append(keys, t.longKey())
}

// longKey is a key of the largest length.
func (t *trial) longKey() string {
	return spelled(longest(t.backend.Describe()))
}

// longest is how many bytes a key may have.
func longest(d dossier.Description) int {
	if d.Limits.MaxKey == 0 || d.Limits.MaxKey > dossier.MaxKeyLength {
		return dossier.MaxKeyLength
	}
	return d.Limits.MaxKey
}

// spelled is a key of n bytes in segments of 200.
func spelled(n int) string {
	key := []byte(strings.Repeat("w", n))
	for i := 200; i < n-1; i += 201 {
		key[i] = '/'
	}
	return string(key)
}

// badKeys are keys that no store takes.
func badKeys() []string {
	return []string{
		"", ".", "..", "a/./b", "a/../b", "../a", "a/..", "a/.", "./a", "/", "/a", "a/", "a//b", `a\b`, `\`, `..\a`, "a\x00b", "a\x00", "a\tb", "a\nb",
		"a\r\nb", "a\x1b", "a\x7f", "a\u0085", "\uFFFD", "\xff", "a\xc3", "\xed\xa0\x80", "\uFEFFa", "\u202Eabc", "a\u200Fb", "a\u2028", "a\u2029",
		"\uE000", "\U000F0000", "\uFFFE", "\uFDD0", "\U0010FFFF", strings.Repeat("x", 256), "a/" + strings.Repeat("x", 256) + "/b", spelled(1025),
		".dossier", ".dossier/a", ".dossier/tmp/x",
	}
}
