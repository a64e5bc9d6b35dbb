package dossier

import (
	"path"
	"strings"
	"unicode/utf8"
)

// ContentDisposition returns a Content-Disposition header (RFC 6266) of this kind, "inline" or "attachment", for a file
// name: an ASCII fallback in quotes and, when the name has more than that, the name as filename* (RFC 8187). Control
// characters, quotes, backslashes and slashes cannot get out of the value; an empty name gives the kind alone. Names are
// cut to 200 bytes before their extension, so that the value fits into a signed header field of 1,024 bytes.
func ContentDisposition(kind, filename string) string {
	filename = ShortenFilename(strings.Map(dropFromName, strings.ToValidUTF8(filename, "")), maxSentName)
	if filename == "" {
		return kind
	}
	value := kind + `; filename="` + strings.Map(asciiOrUnderscore, filename) + `"`
	if encoded := encodeExtended(filename); encoded != filename {
		value += "; filename*=UTF-8''" + encoded
	}
	return value
}

// maxSentName is the longest file name that is sent, in bytes: three times as long when it is percent-encoded.
const maxSentName = 200

// ShortenFilename cuts name to limit bytes, at a character and before an extension of up to 16 bytes. The limit must be
// larger than that.
func ShortenFilename(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	end := limit - len(ext)
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + ext
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
