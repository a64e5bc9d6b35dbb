package dossier

import (
	"strings"
	"unicode/utf8"
)

// ContentDisposition returns a Content-Disposition header (RFC 6266) of this kind, "inline" or "attachment", for a file
// name: an ASCII fallback in quotes and, when the name has more than that, the name as filename* (RFC 8187). Control
// characters, quotes, backslashes and slashes cannot get out of the value; an empty name gives the kind alone.
func ContentDisposition(kind, filename string) string {
	filename = strings.Map(dropFromName, strings.ToValidUTF8(filename, ""))
	if filename == "" {
		return kind
	}
	value := kind + `; filename="` + strings.Map(asciiOrUnderscore, filename) + `"`
	if encoded := encodeExtended(filename); encoded != filename {
		value += "; filename*=UTF-8''" + encoded
	}
	return value
}

func dropFromName(r rune) rune {
	if r == '/' || forbiddenRune(r) {
		return -1
	}
	return r
}

func asciiOrUnderscore(r rune) rune {
	if r >= utf8.RuneSelf || r == '"' || r == '%' {
		return '_'
	}
	return r
}

// encodeExtended percent-encodes everything but attr-char of RFC 8187.
func encodeExtended(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
