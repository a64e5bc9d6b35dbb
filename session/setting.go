package session

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/lossless"
	"github.com/dossier-go/dossier/internal/plaintext"
	"github.com/dossier-go/dossier/model"
)

// setting is a column of a bulk update, and what it is set to in SQL.
type setting struct {
	field *schema.Field
	value schema.QueryAppender
}

// CheckSet returns the error, dossier.ErrInvalid, with which [Session.UpdateWhere] would refuse these columns and values before
// any statement. row is a pointer to the model's struct, nil or not.
func (s *Session) CheckSet(row any, set map[string]any) error {
	p, err := s.m.planOf(reflect.TypeOf(row))
	if err == nil {
		_, _, err = s.settings(p, set)
	}
	if err != nil {
		return fmt.Errorf("check set: %w", err)
	}
	return nil
}

// settings turns the values of a bulk update into SQL, each as its field would be written. cleared are the file columns among
// them.
func (s *Session) settings(p *plan, set map[string]any) (cleared []*fileField, all []setting, err error) {
	if cleared, err = p.checkSet(set); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		field := p.field(name)
		value, err := s.setTo(p, field, set[name])
		if err != nil {
			return nil, nil, fmt.Errorf("%w: column %s of table %s: %w", dossier.ErrInvalid, name, p.table.Name, err)
		}
		all = append(all, setting{field, value})
	}
	return cleared, all, nil
}

// appendFilled adds what the session sets beside what the caller did.
func (s *Session) appendFilled(ctx context.Context, all []setting, p *plan, set map[string]any) ([]setting, error) {
	actor, err := actorFor(ctx, p.updatedBy)
	if err != nil {
		return nil, err
	}
	if p.version != nil {
		all = append(all, setting{p.version, bun.Safe(string(p.version.SQLName) + " + 1")})
	}
	for field, value := range map[*schema.Field]reflect.Value{p.updated: reflect.ValueOf(model.Now()), p.updatedBy: actor} {
		if _, own := set[columnName(field)]; field == nil || own || !value.IsValid() {
			continue
		}
		to, err := s.setTo(p, field, value.Interface())
		if err != nil {
			return nil, err
		}
		all = append(all, setting{field, to})
	}
	return all, nil
}

// setTo is a value of a field in SQL. What is SQL already, and no value of the field's type, stays so.
func (s *Session) setTo(p *plan, field *schema.Field, value any) (schema.QueryAppender, error) {
	v, to := reflect.ValueOf(value), field.StructField.Type
	if sql, ok := value.(schema.QueryAppender); ok && !v.Type().AssignableTo(to) {
		return sql, nil
	}
	made, err := asType(to, v)
	if err != nil {
		return nil, err
	}
	if !made.IsValid() {
		return bun.Safe("NULL"), nil
	}
	row := reflect.New(p.table.Type).Elem()
	field.Value(row).Set(made)
	if text := reflect.Indirect(made); isText(field) && text.Kind() == reflect.String {
		if err := plaintext.Check(text.String()); err != nil {
			return nil, err
		}
	}
	text := field.AppendValue(s.m.db.QueryGen(), nil, row)
	if strings.HasPrefix(string(text), "?!(") { // bun's way to say that a value has no form in SQL
		return nil, fmt.Errorf("a value of %v cannot be written: %s", to, strings.TrimSuffix(string(text[len("?!("):]), ")"))
	}
	return bun.Safe(text), nil
}

// asType makes a value of a type, exactly or not at all. It returns an invalid one for NULL.
func asType(to reflect.Type, v reflect.Value) (reflect.Value, error) {
	switch {
	case !v.IsValid():
		return v, nil
	case v.Type().AssignableTo(to):
		made := reflect.New(to).Elem()
		made.Set(v)
		return made, nil
	case to.Kind() == reflect.Pointer:
		element, err := asType(to.Elem(), v)
		if err != nil || !element.IsValid() {
			return element, err
		}
		made := reflect.New(to.Elem())
		made.Elem().Set(element)
		return made, nil
	case v.Kind() == reflect.Pointer:
		return asType(to, v.Elem())
	}
	if valuer, ok := asValuer(v); ok {
		value, err := valuer.Value()
		if err != nil || reflect.TypeOf(value) == v.Type() {
			return reflect.Value{}, mismatch(to, v, err)
		}
		return asType(to, reflect.ValueOf(value))
	}
	if made := reflect.New(to).Elem(); lossless.Set(made, v) {
		return made, nil
	}
	return readAs(to, v)
}

// asValuer is a value that says itself what it is to a database.
func asValuer(v reflect.Value) (driver.Valuer, bool) {
	if v.CanAddr() {
		v = v.Addr()
	}
	valuer, ok := v.Interface().(driver.Valuer)
	return valuer, ok
}

// readAs has a type read a value: one with a field Valid, as those of package sql, one that reads texts, or what a database
// gives.
func readAs(to reflect.Type, v reflect.Value) (reflect.Value, error) {
	made := reflect.New(to)
	scanner, scans := made.Interface().(sql.Scanner)
	if scans && to.Kind() == reflect.Struct && to.NumField() == 2 && to.Field(1).Name == "Valid" && to.Field(0).IsExported() {
		inner, err := asType(to.Field(0).Type, v)
		if err != nil || !inner.IsValid() {
			return inner, err
		}
		made.Elem().Field(0).Set(inner)
		made.Elem().Field(1).SetBool(true)
		return made.Elem(), nil
	}
	if reads, ok := made.Interface().(encoding.TextUnmarshaler); ok && v.Kind() == reflect.String {
		return made.Elem(), mismatch(to, v, reads.UnmarshalText([]byte(v.String())))
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(v.Interface())
	if !scans || err != nil {
		return reflect.Value{}, fmt.Errorf("a %v is no %v", v.Type(), to)
	}
	return made.Elem(), mismatch(to, v, scanner.Scan(value))
}

// mismatch says that a value is none of a type; nil for no problem.
func mismatch(to reflect.Type, v reflect.Value, problem error) error {
	if problem == nil {
		return nil
	}
	return fmt.Errorf("a %v is no %v: %w", v.Type(), to, problem)
}
