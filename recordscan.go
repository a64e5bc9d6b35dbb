package dossier

import (
	"encoding/json"
	"errors"
	"strings"
)

// errNotFlat sends text that the fast decoder does not read to encoding/json.
var errNotFlat = errors.New("not flat")

// fast reads {"name":value,…} where names and strings have no escapes and all bytes of them are ASCII.
func (d *recordDecoder) fast() error {
	if !d.next('{') {
		return errNotFlat
	}
	for {
		name, ok := d.plainString()
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
	if plain, ok := d.plainString(); ok {
		return d.set(name, d.text[start:d.at], plain, true)
	}
	end, ok := d.skipValue()
	if !ok {
		return errNotFlat
	}
	return d.set(name, d.text[start:end], "", false)
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

// plainString reads a string of printable ASCII without escapes; otherwise it moves nothing.
func (d *recordDecoder) plainString() (string, bool) {
	at := d.space()
	if at >= len(d.text) || d.text[at] != '"' {
		return "", false
	}
	for end := at + 1; end < len(d.text); end++ {
		switch c := d.text[end]; {
		case c == '"':
			d.at = end + 1
			return d.text[at+1 : end], true
		case c == '\\' || c < 0x20 || c >= 0x7F:
			return "", false
		}
	}
	return "", false
}

// skipValue reads a number, null, true, false, or a nested value that encoding/json finds valid.
func (d *recordDecoder) skipValue() (end int, ok bool) {
	if d.at >= len(d.text) || d.text[d.at] == '"' {
		return 0, false
	}
	if c := d.text[d.at]; c == '{' || c == '[' {
		return d.skipNested()
	}
	start := d.at
	for d.at < len(d.text) && strings.IndexByte(",}] \t\r\n", d.text[d.at]) < 0 {
		d.at++
	}
	word := d.text[start:d.at]
	return d.at, word == "null" || digits(word) && word != "" && (len(word) == 1 || word[0] != '0') || json.Valid([]byte(word))
}

func (d *recordDecoder) skipNested() (end int, ok bool) {
	if strings.HasPrefix(d.text[d.at:], "{}") {
		d.at += 2
		return d.at, true
	}
	decoder := json.NewDecoder(strings.NewReader(d.text[d.at:]))
	var raw json.RawMessage
	if decoder.Decode(&raw) != nil {
		return 0, false
	}
	d.at += int(decoder.InputOffset())
	return d.at, true
}
