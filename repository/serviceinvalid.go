package repository

import (
	"errors"
	"strings"
)

// ErrFields says that values of a model are not what they must be: what an [*Invalid] is.
var ErrFields = errors.New("invalid fields")

// Invalid lists the fields that do not pass a check. Make one with its zero value, Add what is wrong, and return Err.
//
//	var invalid repository.Invalid
//	if doc.Title == "" {
//		invalid.Add("title", "must not be empty")
//	}
//	return invalid.Err()
type Invalid struct {
	// Fields are what is wrong, in the order in which it was found; a field may be there more than once. Default: nil.
	Fields []FieldError
}

// FieldError is one field of [Invalid]. Both texts may reach clients.
type FieldError struct {
	// Field is the name that the client gave it, as in JSON; a nested one is written "pages/0/name". Default: empty, the whole.
	Field string
	// Reason says what it must be: "must not be empty".
	Reason string
}

// Add notes that a field is wrong.
func (i *Invalid) Add(field, reason string) { i.Fields = append(i.Fields, FieldError{field, reason}) }

// Err returns the list as an error, or nil when nothing was added.
func (i *Invalid) Err() error {
	if len(i.Fields) == 0 {
		return nil
	}
	return i
}

// Error lists the fields with their reasons.
func (i *Invalid) Error() string {
	parts := make([]string, len(i.Fields))
	for n, field := range i.Fields {
		parts[n] = strings.TrimSpace(field.Field + " " + field.Reason)
	}
	return ErrFields.Error() + ": " + strings.Join(parts, "; ")
}

// Unwrap gives [ErrFields].
func (i *Invalid) Unwrap() error { return ErrFields }
