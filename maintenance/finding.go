package maintenance

import "strings"

// Kind of a [Finding].
type Kind string

// The kinds.
const (
	// Missing: the row's object is not there.
	Missing Kind = "missing"
	// Orphaned: no row has the object, and the journal does not know it.
	Orphaned Kind = "orphaned"
	// WrongSize: the object has another size than the row says.
	WrongSize Kind = "size"
	// WrongChecksum: the object has another checksum than the row says, or, with Verify, its bytes have.
	WrongChecksum Kind = "checksum"
	// WrongType: the store keeps another content type than the row says.
	WrongType Kind = "type"
	// UnknownBackend: the row names a backend that is not registered, so nothing else was looked at.
	UnknownBackend Kind = "backend"
	// Malformed: the column's text is no record of a file, or its key breaks the key rules.
	Malformed Kind = "malformed"
	// Doomed: a row has the object, and the journal means to delete it. Undo this before the next sweep.
	Doomed Kind = "doomed"
	// Unreadable: the store did not say whether the object is there, or did not give its bytes.
	Unreadable Kind = "unreadable"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	// Kind of the finding.
	Kind Kind `json:"kind"`
	// Table and Column of the row. Empty for an orphaned object.
	Table  string `json:"table,omitempty"`
	Column string `json:"column,omitempty"`
	// Row is the primary key as text, the columns of a composite one separated by commas, binary ones in hexadecimal; the
	// rowid where there is no primary key. Empty for an orphaned object.
	Row string `json:"row,omitempty"`
	// Backend is the registered name, or the unknown one.
	Backend string `json:"backend,omitempty"`
	// Key of the object.
	Key string `json:"key,omitempty"`
	// Detail says what was compared, or the error.
	Detail string `json:"detail,omitempty"`
}

// String returns one line: "kind table.column[row] backend:key: detail", without what is not known.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(string(f.Kind))
	if f.Table != "" {
		b.WriteString(" " + f.Table + "." + f.Column + "[" + f.Row + "]")
	}
	if f.Key != "" || f.Backend != "" {
		b.WriteString(" " + f.Backend + ":" + f.Key)
	}
	if f.Detail != "" {
		b.WriteString(": " + f.Detail)
	}
	return b.String()
}
