package dossier

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// errNotFlat sends text that the fast decoder does not read to encoding/json.
var errNotFlat = errors.New("not flat")

// maxNested is how deep values may be nested for the fast decoder.
const maxNested = 32

// ordinary marks the bytes that stand for themselves in a JSON string and are ASCII.
var ordinary = func() (is [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// fast reads {"name":value,…} in one pass. What is not JSON, or what encoding/json would repair (invalid UTF-8, lone
// surrogates), it leaves to that.
func (d *recordDecoder) fast() error {
	if !d.next('{') {
		return errNotFlat
	}
	for {
		d.space()
		name, ok := d.string()
		if !ok || !d.next(':') {
			return errNotFlat
		}
		if err := d.fastValue(name); err != nil {
			return err
		}
		if d.next(',') {
			continue
		}
		if d.next('}') && d.space() == len(d.text) {
			return nil
		}
		return errNotFlat
	}
}

func (d *recordDecoder) fastValue(name string) error {
	start := d.space()
	if plain, ok := d.string(); ok {
		return d.set(name, d.text[start:d.at], plain, true)
	}
	if d.simple() {
		return d.set(name, d.text[start:d.at], "", false)
	}
	value, ok := d.value(0)
	if !ok {
		return errNotFlat
	}
	if metadata, is := value.(map[string]any); is && name == "metadata" {
		d.record.Metadata = metadata
		return nil
	}
	return d.set(name, d.text[start:d.at], "", false)
}

// simple reads a number, null or {} without making a value of it; otherwise it moves nothing.
func (d *recordDecoder) simple() bool {
	start := d.at
	if word := d.word(); word == "null" || isNumber(word) {
		return true
	}
	d.at = start
	if strings.HasPrefix(d.text[start:], "{}") {
		d.at += len("{}")
		return true
	}
	return false
}

// space skips white space and returns where it ended.
func (d *recordDecoder) space() int {
	for d.at < len(d.text) {
		if c := d.text[d.at]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			break
		}
		d.at++
	}
	return d.at
}

func (d *recordDecoder) next(c byte) bool {
	if at := d.space(); at < len(d.text) && d.text[at] == c {
		d.at++
		return true
	}
	return false
}

// string reads a string; one without escapes is a substring of the text. When there is none it moves nothing.
func (d *recordDecoder) string() (string, bool) {
	if d.at >= len(d.text) || d.text[d.at] != '"' {
		return "", false
	}
	start := d.at + 1
	end := start
	for end < len(d.text) && ordinary[d.text[end]] {
		end++
	}
	if end < len(d.text) && d.text[end] == '"' {
		d.at = end + 1
		return d.text[start:end], true
	}
	return d.escapedString(start)
}

// escapedString reads a string that has escapes or more than ASCII.
func (d *recordDecoder) escapedString(start int) (s string, ok bool) {
	end, escapes := start, false
	for ; end < len(d.text) && d.text[end] != '"'; end++ {
		if d.text[end] < 0x20 {
			return "", false
		}
		if d.text[end] == '\\' {
			escapes = true
			end++
		}
	}
	if end >= len(d.text) || !utf8.ValidString(d.text[start:end]) {
		return "", false
	}
	s, ok = d.text[start:end], true
	if escapes {
		s, ok = unescape(s)
	}
	if ok {
		d.at = end + 1
	}
	return s, ok
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	b.Grow(len(s))
	for {
		plain, rest, found := strings.Cut(s, `\`)
		b.WriteString(plain)
		if !found {
			return b.String(), true
		}
		r, length := escapedRune(rest)
		if length == 0 {
			return "", false
		}
		b.WriteRune(r)
		s = rest[length:]
	}
}

// escapedRune reads what stands behind a backslash; the length is 0 when that is no escape, or half a surrogate pair.
func escapedRune(s string) (r rune, length int) {
	if s == "" {
		return 0, 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, s[0]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 1
	}
	if r, length = hexRune(s); !utf16.IsSurrogate(r) {
		return r, length
	}
	if second, ok := strings.CutPrefix(s[length:], `\`); ok {
		low, _ := hexRune(second)
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, 2*length + 1
		}
	}
	return 0, 0
}

// hexRune reads uXXXX.
func hexRune(s string) (r rune, length int) {
	const size = len("uXXXX")
	if len(s) < size || s[0] != 'u' {
		return 0, 0
	}
	value, err := strconv.ParseUint(s[1:size], 16, 16)
	if err != nil {
		return 0, 0
	}
	return rune(value), size
}

// value reads any value as encoding/json does with UseNumber.
func (d *recordDecoder) value(depth int) (value any, ok bool) {
	if d.space() >= len(d.text) || depth > maxNested {
		return nil, false
	}
	switch d.text[d.at] {
	case '"':
		return d.string()
	case '{':
		return d.object(depth)
	case '[':
		return d.array(depth)
	}
	switch word := d.word(); word {
	case "null":
		return nil, true
	case "true", "false":
		return word == "true", true
	default:
		return json.Number(word), isNumber(word)
	}
}

func (d *recordDecoder) object(depth int) (map[string]any, bool) {
	d.at++
	if d.next('}') {
		return map[string]any{}, true
	}
	object := map[string]any{}
	for {
		d.space()
		name, ok := d.string()
		if !ok || !d.next(':') {
			return nil, false
		}
		if object[name], ok = d.value(depth + 1); !ok {
			return nil, false
		}
		if !d.next(',') {
			return object, d.next('}')
		}
	}
}

func (d *recordDecoder) array(depth int) ([]any, bool) {
	d.at++
	array := []any{}
	if d.next(']') {
		return array, true
	}
	for {
		value, ok := d.value(depth + 1)
		if !ok {
			return nil, false
		}
		array = append(array, value)
		if !d.next(',') {
			return array, d.next(']')
		}
	}
}

// word reads up to a delimiter.
func (d *recordDecoder) word() string {
	start := d.at
	for ; d.at < len(d.text); d.at++ {
		if c := d.text[d.at]; c == ',' || c == '}' || c == ']' || c <= ' ' {
			break
		}
	}
	return d.text[start:d.at]
}

// isNumber follows RFC 8259, section 6.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := countDigits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if fraction, ok := strings.CutPrefix(s, "."); ok {
		if s = fraction[countDigits(fraction):]; len(s) == len(fraction) {
			return false
		}
	}
	if s == "" || s[0]|0x20 != 'e' {
		return s == ""
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && countDigits(s) == len(s)
}

// countDigits counts the digits that s begins with.
func countDigits(s string) int {
	for i, c := range []byte(s) {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(s)
}
