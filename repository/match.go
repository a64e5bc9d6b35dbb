package repository

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// matching selects the row that has the model's values in the columns of match; nil if its key is yet to be made.
func matching[T any](table *schema.Table, model *T, match []string) (*Filter, error) {
	if len(match) == 0 {
		match = tagged(table)
	}
	var parts []Filter
	value := reflect.ValueOf(model).Elem()
	for _, name := range match {
		field, err := column(table, "match by", name)
		if err != nil {
			return nil, err
		}
		if made(field) && field.HasZeroValue(value) {
			return nil, nil
		}
		if string(field.AppendValue(schema.NewQueryGen(table.Dialect()), nil, value)) == "NULL" {
			return nil, fmt.Errorf("%w: column %s is NULL, by which a row is to be found", dossier.ErrInvalid, name)
		}
		parts = append(parts, Equal(name, field.Value(value).Interface()))
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: table %s has no primary key to find rows by", dossier.ErrInvalid, table.Name)
	}
	where := And(parts...)
	return &where, nil
}

// tagged are the columns with the tag, or those of the primary key.
func tagged(table *schema.Table) []string {
	var marked, keys []string
	for _, field := range table.Fields {
		if field.StructField.Tag.Get("repository") == "match" {
			marked = append(marked, field.Name)
		}
		if field.IsPK {
			keys = append(keys, field.Name)
		}
	}
	if len(marked) > 0 {
		return marked
	}
	return keys
}

// matchText tells models apart that mean different rows; "" where the key is yet to be made.
func matchText[T any](s *session.Session, table *schema.Table, model *T, match []string) string {
	var b []byte
	value := reflect.ValueOf(model).Elem()
	for _, field := range table.Fields {
		if !slices.Contains(match, field.Name) {
			continue
		}
		if made(field) && field.HasZeroValue(value) {
			return ""
		}
		b = append(field.AppendValue(s.Manager().DB().QueryGen(), b, value), ',')
	}
	return string(b)
}

// plain reports whether rows of the table can be written without being read.
func plain(table *schema.Table) bool {
	return table.SoftDeleteField == nil && !slices.ContainsFunc(table.Fields, func(f *schema.Field) bool {
		return filledBy(f, "version", "slug") || f.IndirectType == reflect.TypeFor[fileobject.FileObject]() ||
			f.IndirectType == reflect.TypeFor[fileobject.List]()
	})
}

// made reports whether a zero in the column stands for a key that the database or the session makes. In other keys, as in one
// part of a composite key, zero is a value.
func made(field *schema.Field) bool {
	return field.IsPK && (field.NullZero || filledBy(field, "uuid7", "uuid4", "nanoid"))
}

// filledBy reports whether the session fills the column in one of these ways; see package model.
func filledBy(field *schema.Field, ways ...string) bool {
	return slices.Contains(ways, field.StructField.Tag.Get("fill"))
}
