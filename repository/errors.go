package repository

import (
	"errors"
	"strings"

	"github.com/dossier-go/dossier"
)

// The kinds of failure that only a database knows, beside [dossier.ErrNotFound], [dossier.ErrStale] and
// [dossier.ErrUnavailable]. Every method of a [Repository] returns errors that answer [errors.Is] for them; what a plain
// session returned is told by [Recognise].
var (
	// ErrMultiple says that more than one row was found where one was asked for.
	ErrMultiple = errors.New("more than one row found")
	// ErrDuplicate says that another row has the value of a primary key or unique column already, or what an exclusion
	// constraint excludes.
	ErrDuplicate = errors.New("duplicate of another row")
	// ErrForeignKey says that a row refers to one that is not there, or that other rows refer to it still.
	ErrForeignKey = errors.New("foreign key violated")
	// ErrCheck says that a value does not pass a check constraint, or does not fit its column: a text that is too long or no
	// value of the column's type, a number out of range. (Columns of SQLite have no bounds.)
	ErrCheck = errors.New("value not allowed by a check constraint or its column")
	// ErrNotNull says that a column that must have a value has none.
	ErrNotNull = errors.New("value missing")
	// ErrSerialization says that the work lost against other transactions: a serialization failure, a deadlock, a lock
	// that was not given in time, a busy database. The whole unit of work may succeed when it is tried again.
	ErrSerialization = errors.New("lost against another transaction")
)

// DatabaseError is what a database said, recognised by its code. [errors.Is] sees Kind and Err.
type DatabaseError struct {
	// Kind is ErrDuplicate, ErrForeignKey, ErrCheck, ErrNotNull, ErrSerialization or dossier.ErrUnavailable.
	Kind error
	// Code is the database's own: an SQLSTATE, a MySQL number, an extended result code of SQLite. Default: empty, where the
	// connection failed and no server spoke.
	Code string
	// Constraint is its name, of MySQL the name of the key. Default: empty, SQLite does not tell, except of checks.
	Constraint string
	// Table is the name of the table. Default: empty, where the database does not tell.
	Table string
	// Columns are the names of the columns that violate it. Default: nil, where the database does not tell.
	Columns []string
	// Err is the error that was recognised, as it came.
	Err error
}

// Error returns the kind, what it is about and the cause.
func (e *DatabaseError) Error() string {
	var about []string
	if e.Table != "" {
		about = append(about, "table "+e.Table)
	}
	if len(e.Columns) > 0 {
		about = append(about, "column "+strings.Join(e.Columns, ", "))
	}
	if e.Constraint != "" {
		about = append(about, "constraint "+e.Constraint)
	}
	text := e.Kind.Error()
	if len(about) > 0 {
		text += " (" + strings.Join(about, ", ") + ")"
	}
	return text + ": " + e.Err.Error()
}

// Unwrap gives the kind and the cause.
func (e *DatabaseError) Unwrap() []error { return []error{e.Kind, e.Err} }

// Recognise returns err as a [*DatabaseError] when it is, or wraps, an error of a database whose code is known, and else err
// itself: errors of stores and of the caller's context are never taken for the database's. The codes are those of the
// drivers that sessions work with: PostgreSQL's SQLSTATE (pgx and others), MySQL's and MariaDB's numbers (go-sql-driver),
// SQLite's extended codes (modernc.org/sqlite). A lost connection is dossier.ErrUnavailable and nothing else; a
// dossier.ErrOutcomeUnknown and a dossier.ErrRollbackOnly stay what they are, because their causes belong to a COMMIT whose
// end nobody knows and to an earlier call.
func Recognise(err error) error {
	if err == nil {
		return nil
	}
	var known *DatabaseError
	if errors.As(err, &known) || errors.Is(err, dossier.ErrOutcomeUnknown) || errors.Is(err, dossier.ErrRollbackOnly) {
		return err
	}
	for _, recognise := range []func(error) *DatabaseError{postgresqlError, mysqlError, sqliteError, connectionError} {
		if found := recognise(err); found != nil {
			found.Err = err
			return found
		}
	}
	return err
}
