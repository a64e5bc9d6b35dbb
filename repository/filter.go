package repository

import (
	"fmt"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun/schema"
)

// Filter selects rows of a table. It is made with the functions of this package, is immutable, and may be used any number
// of times, for any table that has its fields; the zero Filter is dossier.ErrInvalid.
//
// A field is a column by its name in the database, or a value inside the record of a file column: "file.size",
// "file.content_type", "file.backend", "file.filename" or "file.last_modified" for a column called file. For a column of many
// files the filter asks whether any of them is as it says. Names may come from a client: no part of a name reaches the
// database, and an unknown one is dossier.ErrInvalid, never a wider result.
//
// Values are converted to the column's type before any SQL is run: numbers that fit, and text that is one number, truth
// value, time (RFC 3339, or a date at midnight UTC) or whatever else the column's type reads from text. All other
// values are dossier.ErrInvalid, nil among them: see [Null].
//
// A comparison with NULL is neither true nor false, as in SQL: only [Null], [Not] and [NotExists] select such rows.
type Filter struct {
	compile func(t target) (condition, error)
}

// target is what filters are compiled for: a table, and what stands before its columns in the statement.
type target struct {
	table     *schema.Table
	qualifier schema.Safe
}

// truth is what a condition says without asking the database.
type truth int

const (
	depends truth = iota
	allRows
	noRows
)

// condition is a compiled filter. It can stand in the WHERE clause of any statement about its table, as an argument for a
// question mark.
type condition struct {
	sql      string
	constant truth // depends, unless no row can be told from another
}

// AppendQuery implements [schema.QueryAppender].
func (c condition) AppendQuery(_ schema.QueryGen, b []byte) ([]byte, error) {
	switch c.constant {
	case allRows:
		return append(b, "1 = 1"...), nil
	case noRows:
		return append(b, "1 = 0"...), nil
	case depends:
	}
	return append(b, c.sql...), nil
}

// everything reports whether the condition selects all rows, whatever they hold.
func (c condition) everything() bool { return c.constant == allRows }

// compile turns filters into one condition, which selects the rows that all of them select; no filter selects everything.
// The qualifier, if any, stands before each column: the table's alias in a SELECT that joins other tables. Without it the
// condition suits SELECT, UPDATE and DELETE of the one table on every database, because relations are asked for by
// subqueries that do not refer to the outer row by name.
func compile(table *schema.Table, qualifier schema.Safe, filters []Filter) (condition, error) {
	return group(target{table, qualifier}, filters, " AND ", allRows)
}

// And selects the rows that all filters select; without filters, all rows.
func And(filters ...Filter) Filter {
	return Filter{func(t target) (condition, error) { return group(t, filters, " AND ", allRows) }}
}

// Or selects the rows that at least one of the filters selects; without filters, none.
func Or(filters ...Filter) Filter {
	return Filter{func(t target) (condition, error) { return group(t, filters, " OR ", noRows) }}
}

// Not selects exactly the rows that the filter does not select, those with NULL in its fields included. (NotEqual, NotIn and
// NotSearch leave these out.)
func Not(filter Filter) Filter {
	return Filter{func(t target) (condition, error) {
		c, err := filter.on(t)
		switch {
		case err != nil:
			return condition{}, err
		case c.constant == allRows:
			return condition{constant: noRows}, nil
		case c.constant == noRows:
			return condition{constant: allRows}, nil
		}
		return condition{sql: "(" + c.sql + ") IS NOT TRUE"}, nil
	}}
}

// on compiles the filter.
func (f Filter) on(t target) (condition, error) {
	if f.compile == nil {
		return condition{}, fmt.Errorf("%w: an empty Filter; make filters with the functions of the package", dossier.ErrInvalid)
	}
	return f.compile(t)
}

// group joins conditions; neutral is the constant that adds nothing to it, and its opposite decides it.
func group(t target, filters []Filter, operator string, neutral truth) (condition, error) {
	if len(filters) == 1 {
		return filters[0].on(t)
	}
	var parts []string
	decided := false
	for _, filter := range filters {
		c, err := filter.on(t)
		if err != nil {
			return condition{}, err
		}
		switch c.constant {
		case depends:
			parts = append(parts, "("+c.sql+")")
		case neutral:
		default:
			decided = true // the other filters are still checked
		}
	}
	switch {
	case decided:
		return condition{constant: allRows + noRows - neutral}, nil
	case len(parts) == 0:
		return condition{constant: neutral}, nil
	}
	return condition{sql: joined(parts, operator)}, nil
}

// joined keeps the expression flat: a chain of operators is as deep as it is long, and SQLite goes down 1,000 levels.
func joined(parts []string, operator string) string {
	const most = 100
	if len(parts) <= most {
		return strings.Join(parts, operator)
	}
	half := len(parts) / 2
	return "(" + joined(parts[:half], operator) + ")" + operator + "(" + joined(parts[half:], operator) + ")"
}
