package dossier

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Record is what the column holds: plain data about one object, stored as a JSON object with the keys that the Python
// library Advanced Alchemy reads and writes, so that rows go both ways:
//
//	filename       the name for people
//	to_filename    the key in the backend; when absent, filename is the key
//	content_type   string or null
//	size           bytes, or null when unknown
//	last_modified  Unix seconds with a fraction, or null; kept to the microsecond
//	checksum       "crc32c:<hex>" or "sha256:<hex>", or null
//	etag, version_id
//	metadata       object
//	backend        the registered name
//
// Keys that are unknown here are kept and written back. Scan and Value never touch storage, and a record whose backend
// is not registered still loads.
type Record struct {
	// Backend is the registered name of the backend.
	Backend string
	// Key of the object in the backend.
	Key string
	// Filename is the name for people. It never decides where the object lives.
	Filename string
	// ContentType found in the bytes.
	ContentType string
	// Size in bytes; -1 when unknown.
	Size int64
	// LastModified is when the object was written, to the microsecond. Zero when unknown.
	LastModified time.Time
	// Checksum is "crc32c:<hex>" or "sha256:<hex>". Empty when unknown.
	Checksum string
	// ETag as the store gave it. Empty when unknown.
	ETag string
	// VersionID is the store's opaque version. Empty when unknown.
	VersionID string
	// Metadata of the application. Numbers read from the database are json.Number, so that none loses digits.
	Metadata map[string]any

	extra   []extraField // unknown keys, in the order read
	foreign bool         // read without to_filename: written by another library
}

type extraField struct {
	name string
	raw  string // JSON
}

var (
	_ sql.Scanner      = (*Record)(nil)
	_ driver.Valuer    = Record{}
	_ json.Marshaler   = Record{}
	_ json.Unmarshaler = (*Record)(nil)
)

// IsZero reports whether the record holds nothing; it is then stored as SQL NULL.
func (r Record) IsZero() bool {
	return r.Backend == "" && r.Key == "" && r.Filename == "" && r.ContentType == "" && (r.Size == 0 || r.Size == -1) &&
		r.LastModified.IsZero() && r.Checksum == "" && r.ETag == "" && r.VersionID == "" &&
		len(r.Metadata) == 0 && len(r.extra) == 0
}

// Foreign reports whether the record was read from a row that names no to_filename: it was written by another library,
// whose keys may be shared, so no delete order is made for it until it was imported.
func (r Record) Foreign() bool { return r.foreign }

// Owned returns the record as one of this module: an imported object's deletes are ordered like those of any other.
func (r Record) Owned() Record {
	r.foreign = false
	return r
}

// Scan implements [sql.Scanner] for string, []byte (copied) and nil. JSON null is like NULL. Other input is [ErrInvalid],
// and the record is then unchanged.
func (r *Record) Scan(src any) error {
	switch value := src.(type) {
	case nil:
		*r = Record{}
		return nil
	case string:
		return r.decode(value)
	case []byte:
		return r.decode(string(value))
	}
	return fmt.Errorf("scan file column: %w: a %T; want a string, bytes or NULL", ErrInvalid, src)
}

// Value implements [driver.Valuer]: the JSON as a string, or nil for a record that IsZero. Text that is not UTF-8 or
// contains NUL is [ErrInvalid].
func (r Record) Value() (driver.Value, error) {
	if r.IsZero() {
		return nil, nil
	}
	text, err := r.append(nil)
	if err != nil {
		return nil, err
	}
	return string(text), nil
}

// MarshalJSON returns the stored form. It is for the server: it names backend and key.
func (r Record) MarshalJSON() ([]byte, error) {
	if r.IsZero() {
		return []byte("null"), nil
	}
	return r.append(nil)
}

// UnmarshalJSON reads the stored form. A record from a client is only data: it enters a row by adoption alone.
func (r *Record) UnmarshalJSON(text []byte) error { return r.decode(string(text)) }

// check refuses what databases would change on the way.
func (r Record) check() error {
	for _, field := range [...]struct{ name, value string }{
		{"backend", r.Backend}, {"to_filename", r.Key}, {"filename", r.Filename}, {"content_type", r.ContentType},
		{"checksum", r.Checksum}, {"etag", r.ETag}, {"version_id", r.VersionID},
	} {
		if !utf8.ValidString(field.value) || strings.IndexByte(field.value, 0) >= 0 {
			return fmt.Errorf("file column: %w: %s %q has NUL or is not UTF-8", ErrInvalid, field.name, field.value)
		}
	}
	return nil
}

func (r Record) append(b []byte) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	filename := r.Filename
	if filename == "" {
		filename = r.Key
	}
	b = appendText(append(b, `{"filename":`...), filename)
	if !r.foreign || r.Key != filename {
		b = appendText(append(b, `,"to_filename":`...), r.Key)
	}
	b = appendText(append(b, `,"content_type":`...), r.ContentType)
	b = appendNumber(append(b, `,"size":`...), r.Size)
	b = appendTime(append(b, `,"last_modified":`...), r.LastModified)
	b = appendText(append(b, `,"checksum":`...), r.Checksum)
	b = appendText(append(b, `,"etag":`...), r.ETag)
	b = appendText(append(b, `,"version_id":`...), r.VersionID)
	b, err := appendMetadata(append(b, `,"metadata":`...), r.Metadata)
	if err != nil {
		return nil, err
	}
	b = appendText(append(b, `,"backend":`...), r.Backend)
	for _, field := range r.extra {
		b = appendString(append(b, ','), field.name)
		b = append(append(b, ':'), field.raw...)
	}
	return append(b, '}'), nil
}

func appendMetadata(b []byte, metadata map[string]any) ([]byte, error) {
	if len(metadata) == 0 {
		return append(b, "{}"...), nil
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return nil, fmt.Errorf("file column: %w: metadata: %w", ErrInvalid, err)
	}
	if bytes.Contains(text, []byte(`\u0000`)) {
		return nil, fmt.Errorf("file column: %w: metadata contains NUL", ErrInvalid)
	}
	return append(b, text...), nil
}
