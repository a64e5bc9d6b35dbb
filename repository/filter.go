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
	amounts  truth // what it comes to where no field is NULL: a search for nothing finds every text
	asked    bool  // somebody wrote All
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

// constantly is the condition that asks nothing of a row.
func constantly(t truth) condition { return condition{constant: t, amounts: t} }

// everything reports whether the condition selects all rows, whatever they hold.
func (c condition) everything() bool { return c.constant == allRows }

// unasked reports whether the condition restricts nothing, though nobody said that all rows are meant: it came of empty
// groups and lists, of searches for nothing, or of what these are inside of.
func (c condition) unasked() bool { return c.amounts == allRows && !c.asked }

// opposite is what Not makes of it.
func (t truth) opposite() truth {
	switch t {
	case allRows:
		return noRows
	case noRows:
		return allRows
	case depends:
	}
	return depends
}

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
		if err != nil {
			return condition{}, err
		}
		not := condition{constant: c.constant.opposite(), amounts: c.amounts.opposite(), asked: c.asked}
		if not.constant == depends {
			not.sql = "(" + c.sql + ") IS NOT TRUE"
		}
		return not, nil
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
	all := constantly(neutral)
	for _, filter := range filters {
		c, err := filter.on(t) // also when the others decide already
		if err != nil {
			return condition{}, err
		}
		if c.constant == depends {
			parts = append(parts, "("+c.sql+")")
		}
		all.constant, all.amounts = all.constant.and(c.constant, neutral), all.amounts.and(c.amounts, neutral)
		all.asked = all.asked || c.asked
	}
	if all.constant == depends {
		all.sql = joined(parts, operator)
	}
	return all, nil
}

// and joins what two conditions say in a group: the opposite of what is neutral decides it.
func (t truth) and(other, neutral truth) truth {
	switch {
	case t == neutral.opposite() || other == neutral.opposite():
		return neutral.opposite()
	case t == neutral:
		return other
	}
	return depends
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
