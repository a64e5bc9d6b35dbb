package dossier

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DefaultKeyTemplate is used where a column names none.
const DefaultKeyTemplate = "{table}/{field}/{uuid}{ext}"

// KeyTemplate makes fresh keys. Between literal text it knows these words in braces:
//
//	{table} {field}    names of the table and the column
//	{uuid}             a new UUIDv7 (RFC 9562); required, so that keys are always fresh
//	{ext}              the extension with its dot, "" when there is no safe one
//	{date}             the UTC date as 2006/01/02
//	{id}               the row's primary key; only when it is known before the insert
//	{field:column}     the value of another column of the row, for example {field:tenant_id}
//
// The zero value is not usable; see [ParseKeyTemplate].
type KeyTemplate struct {
	text  string
	parts []templatePart
}

type templatePart struct {
	literal string // used when word is ""
	word    string
	column  string // for word "field:"
}

// KeyValues is what a [KeyTemplate] is filled with.
type KeyValues struct {
	Table, Field string
	Extension    string // with its dot, or ""
	// ID returns the row's primary key, ok false when it is not known yet. Default: nil, not known.
	ID func() (value string, ok bool)
	// Column returns the value of another column. Default: nil, no columns.
	Column func(name string) (value string, ok bool)
	// Now is the time of {date} and {uuid}. Default: time.Now.
	Now time.Time
}

// ParseKeyTemplate checks text. Errors Is [ErrInvalid].
func ParseKeyTemplate(text string) (KeyTemplate, error) {
	t := KeyTemplate{text: text}
	for rest := text; rest != ""; {
		part, tail, err := nextPart(rest)
		if err != nil {
			return KeyTemplate{}, fmt.Errorf("%w: key template %q: %w", ErrInvalid, text, err)
		}
		t.parts = append(t.parts, part)
		rest = tail
	}
	if !t.has("uuid") {
		return KeyTemplate{}, fmt.Errorf("%w: key template %q: {uuid} is missing; keys must be fresh", ErrInvalid, text)
	}
	sample := KeyValues{Table: "t", Field: "f", Now: time.Unix(0, 0), ID: sampleID, Column: sampleColumn}
	if _, err := t.Key(sample); err != nil {
		return KeyTemplate{}, fmt.Errorf("%w: key template %q: %w", ErrInvalid, text, err)
	}
	return t, nil
}

func sampleID() (string, bool)           { return "1", true }
func sampleColumn(string) (string, bool) { return "v", true }

var templateWords = []string{"table", "field", "uuid", "ext", "date", "id"}

func nextPart(s string) (part templatePart, tail string, err error) {
	open := strings.IndexAny(s, "{}")
	if open < 0 {
		return templatePart{literal: s}, "", nil
	}
	if open > 0 {
		return templatePart{literal: s[:open]}, s[open:], nil
	}
	end := strings.IndexByte(s, '}')
	if s[0] == '}' || end < 0 {
		return part, "", fmt.Errorf("unbalanced brace at %q", s)
	}
	word, column, hasColumn := strings.Cut(s[1:end], ":")
	switch {
	case hasColumn && word == "field" && column != "":
		return templatePart{word: "field:", column: column}, s[end+1:], nil
	case !hasColumn && slices.Contains(templateWords, word):
		return templatePart{word: word}, s[end+1:], nil
	}
	return part, "", fmt.Errorf("unknown word {%s}", s[1:end])
}

func (t KeyTemplate) has(word string) bool {
	for _, part := range t.parts {
		if part.word == word {
			return true
		}
	}
	return false
}

// NeedsID reports whether the template uses {id}.
func (t KeyTemplate) NeedsID() bool { return t.has("id") }

// Columns lists the columns that the template uses by {field:column}.
func (t KeyTemplate) Columns() []string {
	var names []string
	for _, part := range t.parts {
		if part.word == "field:" {
			names = append(names, part.column)
		}
	}
	return names
}

// String returns the text that was parsed.
func (t KeyTemplate) String() string { return t.text }

// Key returns a fresh key. A value that would break the key rules, such as a column holding "../" or nothing, is
// [ErrInvalidKey]; it is never cleaned.
func (t KeyTemplate) Key(values KeyValues) (string, error) {
	if values.Now.IsZero() {
		values.Now = time.Now()
	}
	var b strings.Builder
	for _, part := range t.parts {
		value, err := part.value(values)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
	}
	return b.String(), CheckKey(b.String())
}

func (p templatePart) value(values KeyValues) (string, error) {
	switch p.word {
	case "":
		return p.literal, nil
	case "table":
		return values.Table, nil
	case "field":
		return values.Field, nil
	case "uuid":
		return newUUID(values.Now), nil
	case "ext":
		return plainExtension(values.Extension)
	case "date":
		return values.Now.UTC().Format("2006/01/02"), nil
	case "id":
		return lookUp("{id}", values.ID)
	}
	return lookUp("{field:"+p.column+"}", func() (string, bool) {
		if values.Column == nil {
			return "", false
		}
		return values.Column(p.column)
	})
}

func plainExtension(extension string) (string, error) {
	if extension != "" && (len(extension) < 2 || extension[0] != '.' || strings.Contains(extension, "/")) {
		return "", fmt.Errorf("%w: {ext} is %q; an extension has a dot before it and no slash in it", ErrInvalidKey, extension)
	}
	return extension, nil
}

func lookUp(word string, get func() (string, bool)) (string, error) {
	value, ok := "", false
	if get != nil {
		value, ok = get()
	}
	if !ok || value == "" || strings.Contains(value, "/") {
		return "", fmt.Errorf("%w: %s is %q; a key needs one plain segment there, known before the insert",
			ErrInvalidKey, word, value)
	}
	return value, nil
}

// newUUID returns a UUIDv7 (RFC 9562, section 5.7): milliseconds, then 74 random bits.
func newUUID(now time.Time) string {
	var u [16]byte
	_, _ = rand.Read(u[6:]) // crypto/rand.Read never fails: it ends the program instead
	ms := now.UnixMilli()
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0F | 0x70
	u[8] = u[8]&0x3F | 0x80
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
