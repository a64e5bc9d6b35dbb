package repository

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/internal/plaintext"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// members of a record that filters may name. The key of the object is not among them: whoever could search for parts of keys by
// a name that came from a client would learn them one character after the other. [HoldsObject] asks for a whole key.
var members = map[string]reflect.Type{
	"backend": textType, "content_type": textType, "filename": textType, "size": reflect.TypeFor[int64](), "last_modified": timeType,
}

var (
	textType = reflect.TypeFor[string]()
	fileType = reflect.TypeFor[fileobject.FileObject]()
	listType = reflect.TypeFor[fileobject.List]()
)

// HoldsObject selects the rows whose file column, or one of whose files in a column of many, is the object with this key in
// the backend of this name. Both are compared exactly. It is meant for the application's own use: a client that may
// ask it learns which keys exist.
func HoldsObject(field, backend, key string) Filter {
	return Filter{func(t target) (condition, error) {
		record, err := t.record("filter on", field)
		if err != nil {
			return condition{}, err
		}
		is := make([]string, 2)
		for i, value := range []string{backend, key} {
			if err := plaintext.Check(value); err != nil {
				return condition{}, fmt.Errorf("%w: filter on %q: %w", dossier.ErrInvalid, field, err)
			}
			is[i] = " = " + t.quote(value)
		}
		o := operand{each: record.each}
		return o.where(func(string) string {
			name, key := t.member(record.sql, "filename", textType), t.member(record.sql, "to_filename", textType)
			key = "COALESCE(" + key + ", " + name + ")"
			return t.member(record.sql, "backend", textType) + is[0] + " AND " + key + is[1]
		}), nil
	}}
}

// record is the file column, or one element of a column of many.
func (t target) record(use, name string) (operand, error) {
	field, err := column(t.table, use, name)
	if err != nil {
		return operand{}, err
	}
	switch field.IndirectType {
	case fileType:
		return operand{sql: t.column(field)}, nil
	case listType:
		return operand{sql: "dossier_element", each: t.eachOf(t.column(field))}, nil
	}
	return operand{}, fmt.Errorf("%w: %s %q: column %s of table %s holds no files",
		dossier.ErrInvalid, use, name, field.Name, t.table.Name)
}

// inside is a member of the record in a file column.
func (t target) inside(use, name, member string) (operand, error) {
	record, err := t.record(use, name)
	if err != nil {
		return operand{}, err
	}
	label := name + "." + member
	want, known := members[member]
	if !known {
		return operand{}, fmt.Errorf("%w: %s %q: of a file there are %s",
			dossier.ErrInvalid, use, label, strings.Join(slices.Sorted(maps.Keys(members)), ", "))
	}
	return operand{
		label: label, sql: t.member(record.sql, member, want), want: want, each: record.each,
		literal: func(value any) (string, error) {
			v, err := convert(want, value)
			if err != nil {
				return "", fmt.Errorf("%w: filter on %q: %w", dossier.ErrInvalid, label, err)
			}
			return t.memberLiteral(v), nil
		},
	}, nil
}

func (t target) memberLiteral(v reflect.Value) string {
	if at, ok := v.Interface().(time.Time); ok {
		return seconds(at)
	}
	if v.CanInt() {
		return fmt.Sprint(v.Int())
	}
	return t.quote(v.String())
}

// seconds since 1970 with six digits of a fraction, as records hold times.
func seconds(t time.Time) string {
	micro, sign := t.UnixMicro(), ""
	if micro < 0 {
		micro, sign = -micro, "-"
	}
	return fmt.Sprintf("%s%d.%06d", sign, micro/1e6, micro%1e6)
}

func (t target) quote(text string) string {
	return string(t.table.Dialect().AppendString(nil, text))
}

// member is a value of the record in SQL; NULL where the record does not have it as this kind.
func (t target) member(record, name string, want reflect.Type) string {
	switch t.table.Dialect().Name() {
	case dialect.PG:
		value := "(" + record + "::jsonb ->> '" + name + "')"
		if want == textType {
			return value
		}
		return "(CASE jsonb_typeof(" + record + "::jsonb -> '" + name + "') WHEN 'number' THEN " + value + "::numeric END)"
	case dialect.MySQL:
		value := "JSON_EXTRACT(" + record + ", '$." + name + "')"
		if want == textType {
			return "(CASE JSON_TYPE(" + value + ") WHEN 'STRING' THEN JSON_UNQUOTE(" + value + ") END COLLATE utf8mb4_bin)"
		}
		return "CAST(CASE WHEN JSON_TYPE(" + value + ") NOT IN ('NULL', 'STRING') THEN " + value + " END AS DECIMAL(38, 6))"
	}
	value := "json_extract(" + record + ", '$." + name + "')"
	types := "('integer', 'real')"
	if want == textType {
		types = "('text')"
	}
	return "(CASE WHEN json_type(" + record + ", '$." + name + "') IN " + types + " THEN " + value + " END)"
}

// eachOf asks a condition about dossier_element of each element of a column; what is no array has none.
func (t target) eachOf(list string) func(condition string) string {
	from := ""
	switch t.table.Dialect().Name() {
	case dialect.PG:
		from = "jsonb_array_elements(CASE jsonb_typeof(" + list + "::jsonb) WHEN 'array' THEN " + list + "::jsonb ELSE '[]' END)" +
			" AS dossier_elements (dossier_element)"
	case dialect.MySQL:
		from = "JSON_TABLE(CASE JSON_TYPE(" + list + ") WHEN 'ARRAY' THEN " + list + " ELSE '[]' END," +
			" '$[*]' COLUMNS (dossier_element JSON PATH '$')) AS dossier_elements"
	default: // the columns of json_each must not hide the table's own
		from = "(SELECT e.value AS dossier_element FROM (SELECT " + list + " AS dossier_list) AS l," +
			" json_each(CASE json_type(l.dossier_list) WHEN 'array' THEN l.dossier_list ELSE '[]' END) AS e)"
	}
	return func(condition string) string { return "EXISTS (SELECT 1 FROM " + from + " WHERE " + condition + ")" }
}

var _ schema.QueryAppender = condition{}
