package querysign

import (
	"strings"
	"time"
)

const upperHex, lowerHex = "0123456789ABCDEF", "0123456789abcdef"

// unreserved reports whether c is written as it is: RFC 3986, section 2.3.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// plain has what is unreserved: a table is several times as fast as comparisons.
var plain = func() (table [256]bool) {
	for c := range table {
		table[c] = unreserved(byte(c))
	}
	return table
}()

// appendEscaped appends text with everything but unreserved characters escaped, once and in upper case; a path keeps its
// slashes. This is UriEncode of the specification.
func appendEscaped(to []byte, text string, path bool) []byte {
	for i := range len(text) {
		c := text[i]
		if plain[c] || path && c == '/' {
			to = append(to, c)
		} else {
			to = append(to, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return to
}

func appendHex(to []byte, sum []byte) []byte {
	for _, c := range sum {
		to = append(to, lowerHex[c>>4], lowerHex[c&15])
	}
	return to
}

func appendLower(to []byte, name string) []byte {
	for i := range len(name) {
		to = append(to, lower(name[i]))
	}
	return to
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// appendTrimmed appends a header field without outer spaces and with single inner ones: Trim of the specification.
func appendTrimmed(to []byte, value string) []byte {
	value = strings.TrimSpace(value)
	for i := range len(value) {
		if value[i] != ' ' || value[i-1] != ' ' {
			to = append(to, value[i])
		}
	}
	return to
}

// compareFold compares two ASCII names as if they were in lower case.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

// hostOf leaves out the port that the URL scheme implies, as clients do in the Host field.
func hostOf(urlScheme, host string) string {
	switch urlScheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// appendTime appends t as 20060102T150405Z, in UTC, for years of four digits.
func appendTime(to []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	to = appendDigits(to, year/100, year%100, int(month), day)
	to = appendDigits(append(to, 'T'), hour, minute, second)
	return append(to, 'Z')
}

func appendDigits(to []byte, pairs ...int) []byte {
	for _, pair := range pairs {
		to = append(to, byte('0'+pair/10), byte('0'+pair%10))
	}
	return to
}
