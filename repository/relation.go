package repository

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun/schema"
)

// Exists selects the rows that have at least one related row that all filters select; without filters, any related row.
// The relation is named as the field of the struct, by its name in Go; bun's tags has-one, belongs-to, has-many and m2m
// make relations. Filters are about the related table, and may be Exists themselves. Related rows that are soft-deleted
// do not count.
//
// Errors when it is used: dossier.ErrInvalid for an unknown relation, and for one with the option join_on, whose SQL is
// for joins alone.
func Exists(relation string, filters ...Filter) Filter {
	return Filter{func(t target) (condition, error) {
		r, err := t.relation(relation)
		if err != nil {
			return condition{}, err
		}
		related, amounts, err := relatedRows(r, filters)
		if err != nil {
			return condition{}, fmt.Errorf("%s: %w", relation, err)
		}
		return condition{sql: row(t.columns(r.BasePKs)) + " IN (" + related + ")", amounts: amounts}, nil
	}}
}

// NotExists selects the rows that have no related row that all filters select: exactly those that [Exists] does not
// select.
func NotExists(relation string, filters ...Filter) Filter { return Not(Exists(relation, filters...)) }

func (t target) relation(name string) (*schema.Relation, error) {
	r, known := t.table.Relations[name]
	if !known {
		return nil, fmt.Errorf("%w: filter on relation %q: table %s has the relations %s", dossier.ErrInvalid, name, t.table.Name,
			strings.Join(slices.Sorted(maps.Keys(t.table.Relations)), ", "))
	}
	if len(r.Condition) > 0 {
		return nil, fmt.Errorf("%w: filter on relation %q: its tag has the option join_on", dossier.ErrInvalid, name)
	}
	return r, nil
}

// relatedRows selects, of the related rows, the columns that equal those of their base rows. amounts is noRows if there can be
// none of them.
func relatedRows(r *schema.Relation, filters []Filter) (query string, amounts truth, err error) {
	inner := target{table: r.JoinTable}
	c, err := group(inner, filters, " AND ", allRows)
	if err != nil {
		return "", depends, err
	}
	if c.amounts == noRows {
		amounts = noRows
	}
	sql, err := c.AppendQuery(schema.QueryGen{}, nil)
	if err != nil {
		return "", depends, err
	}
	where := "(" + string(sql) + ")"
	if deleted := r.JoinTable.SoftDeleteField; deleted != nil {
		where += " AND " + notDeleted(r.JoinTable, deleted)
	}
	if r.PolymorphicField != nil {
		where += " AND " + string(r.PolymorphicField.SQLName) + " = " + inner.quote(r.PolymorphicValue)
	}
	related := selectFrom(r.JoinTable, inner.columns(r.JoinPKs), where)
	if r.Type != schema.ManyToManyRelation {
		return related, amounts, nil
	}
	link := target{table: r.M2MTable}
	return selectFrom(r.M2MTable, link.columns(r.M2MBasePKs), row(link.columns(r.M2MJoinPKs))+" IN ("+related+")"), amounts, nil
}

func notDeleted(table *schema.Table, field *schema.Field) string {
	if field.IsPtr || field.NullZero {
		return string(field.SQLName) + " IS NULL"
	}
	return string(field.SQLName) + " = " + string(table.Dialect().AppendTime(nil, time.Time{}))
}

func selectFrom(table *schema.Table, columns []string, where string) string {
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + string(table.SQLNameForSelects) + " WHERE " + where
}

func (t target) columns(fields []*schema.Field) []string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = t.column(field)
	}
	return names
}

// row is a list of columns as a value that IN compares.
func row(columns []string) string {
	if len(columns) == 1 {
		return columns[0]
	}
	return "(" + strings.Join(columns, ", ") + ")"
}
