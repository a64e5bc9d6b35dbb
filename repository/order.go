package repository

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// Order by one column.
type Order struct {
	// Column is the name in the database, or that of a value in the record of a file column, such as "file.size"; see [Filter].
	// It may come from a client: only what the table has is taken.
	Column string
	// Descending puts the greatest first. Default: false.
	Descending bool
	// Nulls says where NULL stands. Default: NullsLeast.
	Nulls Nulls
}

// Nulls is the place of NULL in an order. It is the same on every database.
type Nulls uint8

const (
	// NullsLeast puts NULL before all values, and after them when the order is descending. SQLite, MySQL and MariaDB do so by
	// themselves; on PostgreSQL an index serves it if it was made with NULLS FIRST, or the column is NOT NULL.
	NullsLeast Nulls = iota
	// NullsFirst puts NULL before all values.
	NullsFirst
	// NullsLast puts NULL after all values.
	NullsLast
)

// term is one column of a total order.
type term struct {
	operand
	field      *schema.Field // nil of a value inside a record
	descending bool
	nullable   bool
	nullsFirst bool // if nullable
}

// order is a total order of a table's rows. It is an argument for a question mark in ORDER BY.
type order struct {
	terms []term
	name  dialect.Name
}

// totalOrder is the order that was asked for, and after it the rest of the primary key.
func totalOrder(t target, asked []Order) (order, error) {
	if len(t.table.PKs) == 0 {
		return order{}, fmt.Errorf("%w: table %s has no primary key, so its rows have no fixed order", dossier.ErrInvalid, t.table.Name)
	}
	o := order{name: t.table.Dialect().Name()}
	var used []string
	for _, a := range asked {
		if slices.Contains(used, a.Column) {
			return order{}, fmt.Errorf("%w: order by %s twice", dossier.ErrInvalid, a.Column)
		}
		used = append(used, a.Column)
		added, err := t.term(a)
		if err != nil {
			return order{}, err
		}
		o.terms = append(o.terms, added)
	}
	for _, pk := range t.table.PKs {
		if slices.Contains(used, pk.Name) {
			continue
		}
		added, err := t.term(Order{Column: pk.Name})
		if err != nil {
			return order{}, err
		}
		o.terms = append(o.terms, added)
	}
	return o, nil
}

func (t target) term(asked Order) (term, error) {
	var field *schema.Field
	o, err := t.named("order by", asked.Column)
	if err == nil && o.each != nil {
		err = fmt.Errorf("%w: order by %q: the column holds many files", dossier.ErrInvalid, asked.Column)
	}
	if err != nil {
		return term{}, err
	}
	if !strings.Contains(asked.Column, ".") {
		if field, err = column(t.table, "order by", asked.Column); err != nil {
			return term{}, err
		}
	}
	added := term{operand: o, field: field, descending: asked.Descending, nullable: field == nil || !field.IsPK && !field.NotNull}
	switch asked.Nulls {
	case NullsLeast:
		added.nullsFirst = !asked.Descending
	case NullsFirst:
		added.nullsFirst = true
	case NullsLast:
	default:
		return term{}, fmt.Errorf("%w: order by %q: Nulls is %d", dossier.ErrInvalid, asked.Column, asked.Nulls)
	}
	return added, nil
}

// AppendQuery implements [schema.QueryAppender].
func (o order) AppendQuery(_ schema.QueryGen, b []byte) ([]byte, error) {
	for i, t := range o.terms {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, o.clause(t)...)
	}
	return b, nil
}

// clause is a term in SQL; it says where NULL stands only if that is not the database's own way, so that indexes serve.
func (o order) clause(t term) string {
	direction, place := " ASC", " NULLS LAST"
	if t.descending {
		direction = " DESC"
	}
	if t.nullsFirst {
		place = " NULLS FIRST"
	}
	nullsAreLeast := o.name != dialect.PG
	switch {
	case !t.nullable || t.nullsFirst == (nullsAreLeast != t.descending):
		return t.sql + direction
	case o.name == dialect.MySQL && t.nullsFirst:
		return t.sql + " IS NOT NULL, " + t.sql + direction
	case o.name == dialect.MySQL:
		return t.sql + " IS NULL, " + t.sql + direction
	}
	return t.sql + direction + place
}

// reversed is the order from its end.
func (o order) reversed() order {
	back := order{name: o.name, terms: slices.Clone(o.terms)}
	for i := range back.terms {
		back.terms[i].descending, back.terms[i].nullsFirst = !o.terms[i].descending, !o.terms[i].nullsFirst
	}
	return back
}
