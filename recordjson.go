package dossier

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// appendText appends s as a JSON string, or null when it is empty.
func appendText(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return appendString(b, s)
}

// appendString appends s as a JSON string, as encoding/json would.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7F || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s) // a string always marshals
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendNumber appends n, or null when it is negative.
func appendNumber(b []byte, n int64) []byte {
	if n < 0 {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, n, 10)
}

// appendTime appends t as Unix seconds with a fraction to the microsecond, or null.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	micro := t.UnixMicro()
	if micro < 0 {
		return strconv.AppendFloat(b, float64(micro)/1e6, 'f', 6, 64)
	}
	b = strconv.AppendInt(b, micro/1e6, 10)
	fraction := strconv.FormatInt(1e6+micro%1e6, 10)[1:]
	fraction = strings.TrimRight(fraction, "0")
	return append(append(b, '.'), max(fraction, "0")...)
}

// maxUnixSeconds keeps times within what a time.Time can hold as microseconds.
const maxUnixSeconds = 1 << 43

func parseTime(text string) (time.Time, error) {
	if text == "null" {
		return time.Time{}, nil
	}
	seconds, fraction, _ := strings.Cut(text, ".")
	plain := len(fraction) <= 6 && countDigits(fraction) == len(fraction) && text[0] != '-'
	if whole, err := strconv.ParseInt(seconds, 10, 64); plain && err == nil && whole < maxUnixSeconds {
		micro, _ := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
		return time.Unix(whole, micro*1000).UTC(), nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(value) >= maxUnixSeconds {
		return time.Time{}, fmt.Errorf("last_modified is %s", text)
	}
	return time.UnixMicro(int64(math.Round(value * 1e6))).UTC(), nil
}

// decode reads the stored form. The record is unchanged on error.
func (r *Record) decode(text string) error {
	d := recordDecoder{text: text, record: Record{Size: -1, foreign: true}}
	err := d.fast()
	if err == errNotFlat { //nolint:errorlint // our own value, never wrapped
		d.record = Record{Size: -1, foreign: true}
		err = d.slow()
	}
	if err != nil {
		return fmt.Errorf("file column: %w: %w", ErrInvalid, err)
	}
	if d.null {
		*r = Record{}
		return nil
	}
	if d.record.Key == "" {
		d.record.Key = d.record.Filename
	} else {
		d.record.foreign = false
	}
	*r = d.record
	return nil
}

// recordDecoder reads JSON in one pass: strings without escapes are substrings of the text. What it does not accept goes
// to encoding/json, which says what is wrong, or repairs it.
type recordDecoder struct {
	text   string
	at     int
	record Record
	null   bool
}

// set stores one field; raw is JSON, and plain is the content when that is a string which was read already.
func (d *recordDecoder) set(name, raw, plain string, isPlain bool) (err error) {
	r := &d.record
	switch name {
	case "filename":
		r.Filename, err = textOf(raw, plain, isPlain)
	case "to_filename":
		r.Key, err = textOf(raw, plain, isPlain)
	case "content_type":
		r.ContentType, err = textOf(raw, plain, isPlain)
	case "checksum":
		r.Checksum, err = textOf(raw, plain, isPlain)
	case "etag":
		r.ETag, err = textOf(raw, plain, isPlain)
	case "version_id":
		r.VersionID, err = textOf(raw, plain, isPlain)
	case "backend":
		r.Backend, err = textOf(raw, plain, isPlain)
	case "size":
		r.Size, err = sizeOf(raw)
	case "last_modified":
		r.LastModified, err = parseTime(raw)
	case "metadata":
		r.Metadata, err = metadataOf(raw)
	default:
		r.extra = append(r.extra, extraField{name, raw})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func textOf(raw, plain string, isPlain bool) (string, error) {
	if isPlain || raw == "null" {
		return plain, nil
	}
	return unquote(raw)
}

// unquote is apart from textOf because its result is moved to the heap.
func unquote(raw string) (s string, err error) {
	err = json.Unmarshal([]byte(raw), &s)
	return s, err
}

func sizeOf(raw string) (int64, error) {
	if raw == "null" {
		return -1, nil
	}
	size, err := strconv.ParseInt(raw, 10, 64)
	if err == nil && size < 0 {
		return -1, fmt.Errorf("%d is negative", size)
	}
	return size, err
}

func metadataOf(raw string) (map[string]any, error) {
	if raw == "null" || raw == "{}" {
		return nil, nil
	}
	var metadata map[string]any
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	return metadata, decoder.Decode(&metadata)
}

// slow is encoding/json; it also finds what is wrong with text that is no JSON object.
func (d *recordDecoder) slow() error {
	decoder := json.NewDecoder(strings.NewReader(d.text))
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	if token == nil {
		d.null = true
		return onlySpaceAfter(decoder)
	}
	if token != json.Delim('{') {
		return fmt.Errorf("the JSON is no object; is the column a list of files?")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return err
		}
		if err := d.set(name.(string), string(raw), "", false); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return err
	}
	return onlySpaceAfter(decoder)
}

func onlySpaceAfter(decoder *json.Decoder) error {
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("text after the JSON object")
	}
	return nil
}
