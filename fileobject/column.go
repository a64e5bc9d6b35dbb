package fileobject

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/dossier-go/dossier"
)

// Reference identifies an object as rows do: registered backend and key.
type Reference struct{ Backend, Key string }

// Origin is what a column held when it was scanned. It travels with the handles that were scanned, so that a unit of
// work can tell a stale struct from a fresh one. It is immutable.
type Origin struct {
	references []Reference
	one        [1]Reference // room for the column of one file
}

// References returns the objects that the column held, in order.
func (o *Origin) References() []Reference { return slices.Clone(o.references) }

// Reference returns backend and key of f.
func (f *FileObject) Reference() Reference {
	f.sync()
	return Reference{f.Backend, f.Key}
}

// Origin returns what the column held when f was scanned from it or committed to it, or nil for a file that was neither.
func (f *FileObject) Origin() *Origin {
	if f == nil {
		return nil
	}
	if f.origin != nil || f.state == nil {
		return f.origin
	}
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	return f.state.origin
}

var (
	_ sql.Scanner      = (*FileObject)(nil)
	_ driver.Valuer    = FileObject{}
	_ json.Marshaler   = FileObject{}
	_ json.Unmarshaler = (*FileObject)(nil)
)

// Scan implements [sql.Scanner]; see [dossier.Record.Scan]. It drops pending bytes and remembers what it read.
func (f *FileObject) Scan(src any) error {
	var record dossier.Record
	if err := record.Scan(src); err != nil {
		return err
	}
	*f = FileObject{Record: record, registry: f.registry}
	if record.Key != "" {
		f.origin = &Origin{one: [1]Reference{{record.Backend, record.Key}}}
		f.origin.references = f.origin.one[:]
	}
	return nil
}

// Value implements [driver.Valuer]; see [dossier.Record.Value]. Of a file that is pending, or uploaded but not yet
// adopted by a row, it is an error, so that a row cannot come before its bytes. A file that Save uploaded has its value:
// who writes it into a row without Import answers for it.
func (f FileObject) Value() (driver.Value, error) {
	f.sync()
	switch f.phaseOf() {
	case pending, staged:
		return nil, fmt.Errorf("file column: %w: %q is not stored yet; write the row through a session", dossier.ErrInvalid, f.Filename)
	case consumed:
		return nil, fmt.Errorf("file column: %q: %w", f.Filename, dossier.ErrConsumed)
	case stored, adopted, saved, doubtful:
	}
	return f.Record.Value()
}

// IsZero reports whether f is stored as NULL.
func (f FileObject) IsZero() bool {
	f.sync()
	return f.Record.IsZero() && f.phaseOf() == stored
}

// MarshalJSON returns the stored form, for servers; for clients see [FileObject.View]. A pending file has none.
func (f FileObject) MarshalJSON() ([]byte, error) {
	value, err := f.Value()
	if err != nil {
		return nil, err
	}
	if value == nil {
		return []byte("null"), nil
	}
	return []byte(value.(string)), nil
}

// UnmarshalJSON reads the stored form as data. It gives no right to the object: a unit of work refuses to put into a
// row a reference that it did not adopt.
func (f *FileObject) UnmarshalJSON(text []byte) error {
	var record dossier.Record
	if err := record.UnmarshalJSON(text); err != nil {
		return err
	}
	*f = FileObject{Record: record, registry: f.registry}
	return nil
}
