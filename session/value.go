package session

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/google/uuid"
	"github.com/uptrace/bun/schema"
)

// row is one model of a call with its plan.
type row struct {
	*plan
	model any           // pointer to the struct
	value reflect.Value // the struct
	made  *generated    // nil: its slug is the caller's
}

// rows turns the models of a call, pointers to structs or to slices of them, into rows.
func (m *Manager) rows(models ...any) ([]row, error) { return m.appendRows(nil, models...) }

func (m *Manager) appendRows(all []row, models ...any) ([]row, error) {
	for _, model := range models {
		v := reflect.ValueOf(model)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			return nil, fmt.Errorf("%w: a model is a non-nil pointer to a struct or slice, not %T", dossier.ErrInvalid, model)
		}
		if v.Elem().Kind() != reflect.Slice {
			r, err := m.row(v)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
			continue
		}
		for i := range v.Elem().Len() {
			r, err := m.row(pointerTo(v.Elem().Index(i)))
			if err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

func pointerTo(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Struct {
		return v.Addr()
	}
	return v
}

func (m *Manager) row(v reflect.Value) (row, error) {
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return row{}, fmt.Errorf("%w: a model is a non-nil pointer to a struct, not %v", dossier.ErrInvalid, v.Type())
	}
	p, err := m.planOf(v.Type())
	return row{plan: p, model: v.Interface(), value: v.Elem()}, err
}

// id names the row: table and the SQL form of its primary key, of a UUID the bytes.
func (r row) id(gen schema.QueryGen) string {
	b := append(make([]byte, 0, 64), r.table.Name...)
	for _, pk := range r.table.PKs {
		b = append(b, '|')
		if pk.IndirectType == uuidType && !pk.IsPtr {
			id := pk.Value(r.value).Addr().Interface().(*uuid.UUID)
			b = append(b, id[:]...) // its text says the same at the cost of four allocations
			continue
		}
		b = pk.AppendValue(gen, b, r.value)
	}
	return string(b)
}

// files returns the handles of a column, without the nil ones.
func (r row) files(f *fileField) []*fileobject.FileObject {
	v, ok := lookField(r.value, f.field.Index)
	if !ok {
		return nil
	}
	return filesIn(v)
}

// lookField is reflect.Value.FieldByIndex that stops at nil embedded pointers.
func lookField(v reflect.Value, index []int) (reflect.Value, bool) {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// filesIn returns the handles in a field of any of the three kinds.
func filesIn(v reflect.Value) []*fileobject.FileObject {
	switch file := v.Addr().Interface().(type) {
	case **fileobject.FileObject:
		if *file == nil || (*file).IsZero() {
			return nil
		}
		return []*fileobject.FileObject{*file}
	case *fileobject.FileObject:
		if file.IsZero() {
			return nil
		}
		return []*fileobject.FileObject{file}
	case *fileobject.List:
		return slices.DeleteFunc(slices.Clone([]*fileobject.FileObject(*file)), func(f *fileobject.FileObject) bool { return f == nil })
	}
	return nil
}

// checkList refuses lists that cannot be stored: nil elements, too many files, one handle twice.
func (r row) checkList(f *fileField) error {
	v, ok := lookField(r.value, f.field.Index)
	if !ok || !f.many {
		return nil
	}
	list := v.Interface().(fileobject.List)
	if f.policy.Many > 0 && len(list) > f.policy.Many {
		return fmt.Errorf("%w: %d files, at most %d", dossier.ErrTooLarge, len(list), f.policy.Many)
	}
	for i, file := range list {
		if file == nil {
			return fmt.Errorf("%w: element %d is nil", dossier.ErrInvalid, i)
		}
		if slices.Index(list, file) != i {
			return fmt.Errorf("%w: element %d is in the list twice", dossier.ErrConflict, i)
		}
	}
	return nil
}

// unstored reports whether a file has no object yet, or none any more because its source was used up: its upload says so.
func unstored(f *fileobject.FileObject) bool { return f.Pending() || f.Reference().Key == "" }

// references returns what the handles stand for; those without an object have none.
func references(files []*fileobject.FileObject) []fileobject.Reference {
	var refs []fileobject.Reference
	for _, f := range files {
		if !unstored(f) {
			refs = append(refs, f.Reference())
		}
	}
	return refs
}

// sameSet compares two lists of distinct references.
func sameSet(a, b []fileobject.Reference) bool {
	if len(a) != len(b) {
		return false
	}
	for _, ref := range a {
		if !slices.Contains(b, ref) {
			return false
		}
	}
	return true
}

// without returns the references of a that are not in b.
func without(a, b []fileobject.Reference) []fileobject.Reference {
	var rest []fileobject.Reference
	for _, ref := range a {
		if !slices.Contains(b, ref) {
			rest = append(rest, ref)
		}
	}
	return rest
}

// keyValues fills a key template from the row.
func (r row) keyValues(f *fileField) dossier.KeyValues {
	return dossier.KeyValues{
		Table: r.table.Name, Field: f.field.Name,
		ID: func() (string, bool) {
			var parts []string
			for _, pk := range r.table.PKs {
				if pk.HasZeroValue(r.value) {
					return "", false
				}
				parts = append(parts, fmt.Sprint(pk.Value(r.value).Interface()))
			}
			return strings.Join(parts, "-"), true
		},
		Column: func(name string) (string, bool) {
			field := r.field(name)
			if field == nil || field.HasZeroValue(r.value) {
				return "", false
			}
			return r.text(field), true
		},
	}
}

// text is the value of a column that is not zero.
func (r row) text(field *schema.Field) string {
	v := field.Value(r.value)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return fmt.Sprint(v.Interface())
}
