package repository

import (
	"encoding"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/plaintext"
	"github.com/uptrace/bun/schema"
)

// position is a place between rows in an order.
type position struct {
	// Values of the order's columns, as text; nil is NULL.
	Values []*string `json:"v"`
	// Back asks for the rows before the position.
	Back bool `json:"b,omitempty"`
	// Including asks for the row at the position too.
	Including bool `json:"i,omitempty"`
}

func (p *position) encode() ([]byte, error) { return json.Marshal(p) }

func (p *position) decode(payload []byte, terms int) error {
	if err := json.Unmarshal(payload, p); err != nil || len(p.Values) != terms {
		return fmt.Errorf("%w: it holds no position in this order", dossier.ErrBadSignature)
	}
	return nil
}

// positions refuses orders whose values do not come back exactly.
func (o order) positions() error {
	for _, t := range o.terms {
		switch {
		case t.field == nil:
			return fmt.Errorf("%w: order by %q: keyset pages are ordered by columns", dossier.ErrInvalid, t.label)
		case t.field.IndirectType.Kind() == reflect.Float32 || !comparable(t.field.IndirectType) || !printable(t.field.IndirectType):
			return fmt.Errorf("%w: order by %q: a %v does not come back exactly", dossier.ErrInvalid, t.label, t.field.IndirectType)
		case t.nullable && !t.field.IsPtr:
			return fmt.Errorf("%w: order by %q: the column may be NULL, which its type in Go cannot tell; "+
				"tag it notnull or make it a pointer", dossier.ErrInvalid, t.label)
		}
	}
	return nil
}

// printable reports whether textOf has a text for the type.
func printable(t reflect.Type) bool {
	plain := t.Kind() != reflect.Struct && t.Kind() != reflect.Array
	return plain || t == timeType || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// valuesOf are the values that the order's columns have in a model.
func (o order) valuesOf(model any) ([]*string, error) {
	row := reflect.ValueOf(model).Elem()
	values := make([]*string, len(o.terms))
	for i, t := range o.terms {
		v := t.field.Value(row)
		if t.field.IsPtr {
			if v.IsNil() {
				continue
			}
			v = v.Elem()
		}
		text, err := textOf(v)
		if err != nil {
			return nil, fmt.Errorf("%w: order by %q: %w", dossier.ErrInvalid, t.label, err)
		}
		values[i] = &text
	}
	return values, nil
}

// textOf is a value as assignText reads it.
func textOf(v reflect.Value) (string, error) {
	switch value := v.Interface().(type) {
	case time.Time:
		return value.UTC().Format(time.RFC3339Nano), nil
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		return string(text), err
	}
	switch {
	case v.Kind() == reflect.String:
		return v.String(), plaintext.Check(v.String()) // any other would come back as another text
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), nil
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), nil
	case v.Kind() == reflect.Slice:
		return fmt.Sprintf("%x", v.Bytes()), nil
	}
	return "", fmt.Errorf("no text for a %v", v.Type())
}

// after is the condition of the rows after a position in the order. Beside what must hold it says what follows from
// it for the first column alone, which is what databases look up in an index.
func (o order) after(table *schema.Table, p position) (condition, error) {
	var ways []string
	same := ""
	first := ""
	for i, t := range o.terms {
		equal, beyond := t.sql+" IS NULL", ""
		if t.nullable && t.nullsFirst {
			beyond = t.sql + " IS NOT NULL"
		}
		if value := p.Values[i]; value != nil {
			literal, err := t.position(table, *value)
			if err != nil {
				return condition{}, err
			}
			equal, beyond = t.sql+" = "+literal, t.beyond(literal)
			if i == 0 {
				first = t.bound(literal)
			}
		}
		if beyond != "" {
			ways = append(ways, same+beyond)
		}
		same += equal + " AND "
	}
	if p.Including {
		ways = append(ways, strings.TrimSuffix(same, " AND "))
	}
	if len(ways) == 0 {
		return constantly(noRows), nil
	}
	sql := "(" + strings.Join(ways, ") OR (") + ")"
	if first != "" && len(ways) > 1 {
		sql = first + " AND (" + sql + ")"
	}
	return condition{sql: sql}, nil
}

// position is a value of a cursor in SQL.
func (t term) position(table *schema.Table, text string) (string, error) {
	var value any = text
	stored, isStored := strings.CutPrefix(text, storedTime)
	switch kind := t.field.IndirectType.Kind(); {
	case kind == reflect.Slice:
		raw, err := hex.DecodeString(text)
		if err != nil {
			return "", fmt.Errorf("%w: it holds no bytes", dossier.ErrBadSignature)
		}
		value = raw
	case kind == reflect.Float64: // what filters refuse is in rows: infinities, and on PostgreSQL NaN
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "", fmt.Errorf("%w: it holds no number", dossier.ErrBadSignature)
		}
		v := reflect.ValueOf(number).Convert(t.field.IndirectType)
		return string(appendValue(nil, table, t.field, v)), nil
	case isStored && t.field.IndirectType == timeType:
		return target{table: table}.quote(stored), plaintext.Check(stored)
	}
	return literal(table, t.label, t.field, value)
}

func (t term) operator() string {
	if t.descending {
		return " < "
	}
	return " > "
}

// beyond is the condition of values after a literal.
func (t term) beyond(literal string) string {
	sql := t.sql + t.operator() + literal
	if t.nullable && !t.nullsFirst {
		return "(" + sql + " OR " + t.sql + " IS NULL)"
	}
	return sql
}

// bound is the condition of values at or after a literal, or empty where NULL comes after it.
func (t term) bound(literal string) string {
	if t.nullable && !t.nullsFirst {
		return ""
	}
	return t.sql + strings.TrimSuffix(t.operator(), " ") + "= " + literal
}
