package session

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// plan is what is known about a model's type: found once, then immutable.
type plan struct {
	filled
	table *schema.Table
	files []*fileField
	texts []*schema.Field
	plain []bool // by the place in the table: see isPlain
}

// fileField is a column of one file or of many.
type fileField struct {
	field  *schema.Field
	policy fileobject.Policy
	many   bool
}

var (
	fileType = reflect.TypeFor[fileobject.FileObject]()
	listType = reflect.TypeFor[fileobject.List]()
	uuidType = reflect.TypeFor[uuid.UUID]()
	timeType = reflect.TypeFor[time.Time]()
	// timeTypes are all that bun writes as a time.
	timeTypes = []reflect.Type{timeType, reflect.TypeFor[bun.NullTime](), reflect.TypeFor[sql.NullTime]()}
)

// planOf returns the plan of a struct, or of a pointer to one.
func (m *Manager) planOf(t reflect.Type) (*plan, error) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%w: a model is a pointer to a struct, not %v", dossier.ErrInvalid, t)
	}
	if p, ok := m.plans.Load(t); ok {
		return p.(*plan), nil
	}
	m.planMu.Lock()
	defer m.planMu.Unlock()
	if p, ok := m.plans.Load(t); ok {
		return p.(*plan), nil
	}
	p, err := m.makePlan(t)
	if err != nil {
		return nil, fmt.Errorf("model %v: %w", t, err)
	}
	m.plans.Store(t, p)
	return p, nil
}

func (m *Manager) makePlan(t reflect.Type) (*plan, error) {
	p := &plan{table: m.db.Table(t)}
	for _, field := range p.table.Fields {
		if err := m.planField(p, t, field); err != nil {
			return nil, fmt.Errorf("field %s: %w", field.GoName, err)
		}
		p.plain = append(p.plain, isPlain(t, field))
		if isText(field) {
			p.texts = append(p.texts, field)
		}
	}
	if err := errors.Join(p.planSlug(t), p.planZeros()); err != nil {
		return nil, err
	}
	if len(p.files) > 0 && len(p.table.PKs) == 0 {
		return nil, fmt.Errorf("%w: it has files and no primary key", dossier.ErrInvalid)
	}
	for _, f := range p.files {
		if err := m.bindScan(f); err != nil {
			return nil, fmt.Errorf("field %s: %w", f.field.GoName, err)
		}
	}
	return p, nil
}

func (m *Manager) planField(p *plan, t reflect.Type, field *schema.Field) error {
	if field.IndirectType == fileType || field.IndirectType == listType {
		f, err := m.planFile(p, field)
		p.files = append(p.files, f)
		return err
	}
	if err := m.planFill(p, t, field); err != nil {
		return err
	}
	m.planType(p, field)
	return nil
}

// planType sets the column's type for CreateSchema, and has times written in UTC where the column keeps no zone.
func (m *Manager) planType(p *plan, field *schema.Field) {
	traits := m.engine.traits()
	own := field.Tag.HasOption("type") // bun sets UserSQLType without it too
	if field.IndirectType == uuidType && !own {
		field.CreateTableSQLType = traits.uuid
	}
	if text := p.columnType(field, traits); text != "" && !own {
		field.CreateTableSQLType = text
	}
	if !slices.Contains(timeTypes, field.IndirectType) {
		return
	}
	if traits.now != "" && strings.EqualFold(field.SQLDefault, "current_timestamp") {
		field.SQLDefault = traits.now
	}
	if traits.time == "" {
		return
	}
	if !own {
		field.CreateTableSQLType = traits.time
	}
	appendTime := field.Append
	field.Append = func(gen schema.QueryGen, b []byte, v reflect.Value) []byte {
		return appendTime(gen, b, inUTC(v))
	}
}

// inUTC is a copy in UTC of a time, or of a pointer to one; every other value is returned as it is.
func inUTC(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Pointer && !v.IsNil() && slices.Contains(timeTypes, v.Type().Elem()) {
		to := reflect.New(v.Type().Elem())
		to.Elem().Set(inUTC(v.Elem()))
		return to
	}
	switch t := v.Interface().(type) {
	case time.Time:
		return reflect.ValueOf(t.UTC())
	case bun.NullTime:
		t.Time = t.UTC()
		return reflect.ValueOf(t)
	case sql.NullTime:
		t.Time = t.Time.UTC()
		return reflect.ValueOf(t)
	}
	return v
}

func (m *Manager) planFile(p *plan, field *schema.Field) (*fileField, error) {
	f := &fileField{field: field, many: field.IndirectType == listType}
	tag, ok := field.StructField.Tag.Lookup("file")
	if !ok {
		return nil, fmt.Errorf("%w: the tag `file:\"backend,…\"` is missing", dossier.ErrInvalid)
	}
	var err error
	if f.policy, err = fileobject.ParsePolicy(tag); err != nil {
		return nil, err
	}
	if f.policy.Many > 0 && !f.many {
		return nil, fmt.Errorf("%w: the option many is for a fileobject.List", dossier.ErrInvalid)
	}
	if f.many && field.IsPtr {
		return nil, fmt.Errorf("%w: use fileobject.List, not a pointer to it", dossier.ErrInvalid)
	}
	for _, column := range f.policy.Key.Columns() {
		if p.field(column) == nil {
			return nil, fmt.Errorf("%w: the key template names the column %q, which the table does not have", dossier.ErrInvalid, column)
		}
	}
	_, err = m.opts.Registry.Backend(f.policy.Backend)
	return f, err
}

// field finds a column by its SQL or Go name.
func (p *plan) field(name string) *schema.Field {
	for _, field := range p.table.Fields {
		if field.Name == name || field.GoName == name {
			return field
		}
	}
	return nil
}

// fileField finds a file column by its SQL or Go name.
func (p *plan) fileField(name string) (*fileField, error) {
	for _, f := range p.files {
		if f.field.Name == name || f.field.GoName == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: table %s has no file column %q", dossier.ErrInvalid, p.table.Name, name)
}

// binding asks the scan of a column, in place of a value, which registry it binds.
type binding struct{ registry *dossier.Registry }

// bindScan makes the column's scans bind the registry, and makes NULL into a used pointer nil. The handles themselves
// remember what was scanned. The scan belongs to the bun.DB, so all managers over it must have one registry.
func (m *Manager) bindScan(f *fileField) error {
	field, scan := f.field, f.field.Scan
	var bound binding
	_ = scan(reflect.New(field.StructField.Type).Elem(), &bound) // a scan that is not ours does not know the type
	if bound.registry == m.opts.Registry {
		return nil
	}
	if bound.registry != nil {
		return fmt.Errorf("%w: another manager over this bun.DB has another registry; make a bun.DB for each over the same sql.DB",
			dossier.ErrConflict)
	}
	if !field.Tag.HasOption("type") {
		field.CreateTableSQLType = m.engine.traits().file
	}
	field.Scan = func(dest reflect.Value, src any) error {
		if asked, ok := src.(*binding); ok {
			asked.registry = m.opts.Registry
			return nil
		}
		if src == nil {
			dest.SetZero()
			return nil
		}
		if field.IsPtr {
			dest.Set(reflect.New(fileType)) // never into a handle that another row may hold
		}
		if err := scan(dest, src); err != nil {
			return fmt.Errorf("%s.%s: %w", field.Table.Name, field.Name, err)
		}
		switch file := dest.Addr().Interface().(type) {
		case **fileobject.FileObject:
			(*file).Bind(m.opts.Registry)
		case *fileobject.FileObject:
			file.Bind(m.opts.Registry)
		case *fileobject.List:
			file.Bind(m.opts.Registry)
		}
		return nil
	}
	return nil
}
