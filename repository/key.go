package repository

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier"
)

// key is the primary key of a row of a table.
type key struct {
	table  *schema.Table
	values []any
}

// keyOf makes a key of what a caller gave: values in the order of the struct, or a struct that has them.
func keyOf(table *schema.Table, id []any) (key, error) {
	k := key{table: table, values: id}
	switch {
	case len(table.PKs) == 0:
		return key{}, fmt.Errorf("%w: table %s has no primary key", dossier.ErrInvalid, table.Name)
	case len(id) == 0:
		return key{}, fmt.Errorf("%w: no primary key was given", dossier.ErrInvalid)
	case len(id) == 1:
		if all, ok := id[0].([]any); ok { // a composite key among the ids of DeleteMany
			return keyOf(table, all)
		}
		if values, ok := keyIn(table, reflect.ValueOf(id[0])); ok {
			k.values = values
		}
	}
	if len(k.values) != len(table.PKs) {
		return key{}, fmt.Errorf("%w: table %s has a primary key of %d columns, not %d", dossier.ErrInvalid, table.Name, len(table.PKs),
			len(k.values))
	}
	return k, nil
}

// keyIn takes the key from a struct, or a pointer to one: a model, or one with fields of the same Go names.
func keyIn(table *schema.Table, v reflect.Value) ([]any, bool) {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type() == table.PKs[0].IndirectType {
		return nil, false
	}
	var values []any
	for _, pk := range table.PKs {
		field := v.FieldByName(pk.GoName)
		if v.Type() == table.Type {
			field = pk.Value(addressable(v))
		}
		if !field.IsValid() || !field.CanInterface() {
			return nil, false
		}
		values = append(values, field.Interface())
	}
	return values, true
}

// addressable copies a struct, because looking for fields may allocate embedded ones.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// set puts the key into a model, from which [bun.SelectQuery.WherePK] takes it with less ado than a filter. It reports whether
// it can: a zero that stands for NULL is a key all the same.
func (k key) set(model reflect.Value) (bool, error) {
	for i, pk := range k.table.PKs {
		if pk.IsPtr || pk.NullZero || inner(pk.IndirectType) != pk.IndirectType {
			return false, nil
		}
		if err := convertTo(pk.Value(model).Addr(), k.values[i]); err != nil {
			return false, invalidValue(pk.Name, err)
		}
	}
	return true, nil
}

// filter selects the row: [Equal] for each column of the key, in one piece.
func (k key) filter() Filter { return Filter{k.compile} }

func (k key) compile(t target) (condition, error) {
	b := make([]byte, 0, 96)
	for i, pk := range k.table.PKs {
		if i > 0 {
			b = append(b, " AND "...)
		}
		if t.qualifier != "" {
			b = append(append(b, t.qualifier...), '.')
		}
		b = append(append(b, pk.SQLName...), " = "...)
		var err error
		if b, err = appendLiteral(b, t.table, pk.Name, pk, k.values[i]); err != nil {
			return condition{}, err
		}
	}
	return condition{sql: string(b)}, nil
}

// String is the table and the key.
func (k key) String() string {
	parts := make([]string, len(k.values))
	for i, value := range k.values {
		parts[i] = fmt.Sprint(value)
	}
	return k.table.Name + " " + strings.Join(parts, ", ")
}

// anyOf selects the rows of all the keys, which are of one table and not none.
func anyOf(keys []key) Filter {
	if table := keys[0].table; len(table.PKs) == 1 {
		return Filter{func(t target) (condition, error) { return oneColumn(t, keys) }}
	}
	parts := make([]Filter, len(keys))
	for i, k := range keys {
		parts[i] = k.filter()
	}
	return Or(parts...)
}

func oneColumn(t target, keys []key) (condition, error) {
	o, err := t.operand(keys[0].table.PKs[0].Name)
	if err != nil {
		return condition{}, err
	}
	values := make([]string, len(keys))
	for i, k := range keys {
		if values[i], err = o.literal(k.values[0]); err != nil {
			return condition{}, err
		}
	}
	return condition{sql: o.sql + " IN (" + strings.Join(values, ", ") + ")"}, nil
}

// modelKey is the key of a model.
func modelKey[T any](table *schema.Table, model *T) (key, error) {
	if model == nil {
		return key{}, fmt.Errorf("%w: a nil model", dossier.ErrInvalid)
	}
	return keyOf(table, []any{model})
}

// text tells keys of one table apart: their values in SQL.
func text[T any](db *bun.DB, table *schema.Table, model *T) string {
	var b []byte
	for _, pk := range table.PKs {
		b = append(pk.AppendValue(db.QueryGen(), b, reflect.ValueOf(model).Elem()), ',')
	}
	return string(b)
}
