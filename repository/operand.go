package repository

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun/schema"
)

// operand is what a filter compares: a column, or a value inside the record of a file.
type operand struct {
	label   string // as the caller named it
	sql     string
	want    reflect.Type                    // of the values that it is compared with
	literal func(value any) (string, error) // a value as SQL that this may be compared with
	each    func(condition string) string   // nil, or asks the condition of each file of a list
}

// where makes a condition about the operand.
func (o operand) where(build func(sql string) string) condition {
	sql := build(o.sql)
	if o.each != nil {
		sql = o.each(sql)
	}
	return condition{sql: sql}
}

// operand finds what a field's name means; nothing of the name itself reaches the statement.
func (t target) operand(name string) (operand, error) { return t.named("filter on", name) }

// named is operand for another use than a filter, which errors name.
func (t target) named(use, name string) (operand, error) {
	if name, member, inside := strings.Cut(name, "."); inside {
		return t.inside(use, name, member)
	}
	field, err := column(t.table, use, name)
	if err != nil {
		return operand{}, err
	}
	return operand{
		label: name, sql: t.column(field), want: inner(field.IndirectType),
		literal: func(value any) (string, error) { return literal(t.table, name, field, value) },
	}, nil
}

// column is a column in SQL.
func (t target) column(field *schema.Field) string {
	if t.qualifier == "" {
		return string(field.SQLName)
	}
	return string(t.qualifier) + "." + string(field.SQLName)
}

// column finds a column by its name in the database; nothing else of what the caller gave reaches the statement.
func column(table *schema.Table, what, name string) (*schema.Field, error) {
	var names []string
	for _, field := range table.Fields {
		if field.Name == name {
			return field, nil
		}
	}
	for _, field := range table.Fields {
		names = append(names, field.Name)
	}
	return nil, fmt.Errorf("%w: %s %q: table %s has the columns %s",
		dossier.ErrInvalid, what, name, table.Name, strings.Join(names, ", "))
}

// literal is a value of a column in SQL.
func literal(table *schema.Table, name string, field *schema.Field, value any) (string, error) {
	b, err := appendLiteral(nil, table, name, field, value)
	return string(b), err
}

// invalidValue is what is said of a value that a column cannot be compared with.
func invalidValue(name string, err error) error {
	return fmt.Errorf("%w: filter on %q: %w", dossier.ErrInvalid, name, err)
}

func appendLiteral(b []byte, table *schema.Table, name string, field *schema.Field, value any) ([]byte, error) {
	v, err := convert(inner(field.IndirectType), value)
	if err != nil {
		return nil, invalidValue(name, err)
	}
	return appendValue(b, table, field, v), nil
}

// appendValue appends a value of the column's own type, behind no pointer.
func appendValue(b []byte, table *schema.Table, field *schema.Field, v reflect.Value) []byte {
	v = wrapped(field.IndirectType, v)
	if field.IsPtr {
		pointer := reflect.New(field.IndirectType)
		pointer.Elem().Set(v)
		v = pointer
	}
	return field.Append(schema.NewQueryGen(table.Dialect()), b, v)
}
