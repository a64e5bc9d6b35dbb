package fileobject

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dossier-go/dossier"
)

// List is a column of many files, in order, stored as a JSON array. A nil List is NULL, an empty one "[]". Append to
// it, or remove from it, with the language; the unit of work compares it with what the row holds. To edit the list of
// a row that others may edit at the same time use session's AppendFiles and RemoveFiles.
type List []*FileObject

var (
	_ sql.Scanner   = (*List)(nil)
	_ driver.Valuer = List(nil)
)

// Scan implements [sql.Scanner] for a JSON array, or a single object as another library may have stored it; nil and
// JSON null give a nil List. Null elements are dropped. Other input is [dossier.ErrInvalid], and the list unchanged.
func (l *List) Scan(src any) error {
	var text string
	switch value := src.(type) {
	case nil:
		*l = nil
		return nil
	case string:
		text = value
	case []byte:
		text = string(value)
	default:
		return fmt.Errorf("scan file list: %w: a %T; want a string, bytes or NULL", dossier.ErrInvalid, src)
	}
	parts, err := elements(text)
	if err != nil {
		return fmt.Errorf("scan file list: %w: %w", dossier.ErrInvalid, err)
	}
	if parts == nil {
		*l = nil
		return nil
	}
	return l.scanElements(parts)
}

func elements(text string) ([]json.RawMessage, error) {
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return []json.RawMessage{json.RawMessage(text)}, nil
	}
	var parts []json.RawMessage
	err := json.Unmarshal([]byte(text), &parts)
	return parts, err
}

func (l *List) scanElements(parts []json.RawMessage) error {
	origin := &Origin{}
	list := make(List, 0, len(parts))
	for i, part := range parts {
		f := &FileObject{}
		if err := f.Scan([]byte(part)); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		if f.Record.IsZero() {
			continue
		}
		origin.references = append(origin.references, f.Reference())
		f.origin = origin
		list = append(list, f)
	}
	*l = list
	return nil
}

// Value implements [driver.Valuer]. One element that is not stored makes it an error; see [FileObject.Value]. Nil
// elements are [dossier.ErrInvalid].
func (l List) Value() (driver.Value, error) {
	if l == nil {
		return nil, nil
	}
	var b strings.Builder
	b.WriteByte('[')
	for i, f := range l {
		if f == nil || f.IsZero() {
			return nil, fmt.Errorf("file list: %w: element %d is no file", dossier.ErrInvalid, i)
		}
		value, err := f.Value()
		if err != nil {
			return nil, fmt.Errorf("file list: element %d: %w", i, err)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(value.(string))
	}
	b.WriteByte(']')
	return b.String(), nil
}

// IsZero reports whether the list is stored as NULL.
func (l List) IsZero() bool { return l == nil }

// Bind binds every file of the list; see [FileObject.Bind].
func (l List) Bind(r *dossier.Registry) List {
	for _, f := range l {
		if f != nil {
			f.Bind(r)
		}
	}
	return l
}
