package session

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
	"github.com/google/uuid"
	"github.com/uptrace/bun/schema"
)

// filled are the columns that the session fills, by the tag `fill`; nil where a model does not have one.
type filled struct {
	key                  *schema.Field
	named                bool                  // files have the key in their names
	newKey               func(v reflect.Value) // fills it in
	zeros                []zeroField           // those that an insert fills in, and primary keys, which the database may
	created, updated     *schema.Field
	createdBy, updatedBy *schema.Field
	version              *schema.Field
	slug, slugFrom       *schema.Field
}

var textType, int64Type = reflect.TypeFor[string](), reflect.TypeFor[int64]()

// keyMakers are the values of the tag that make a key, with the type that it has.
var keyMakers = map[string]struct {
	kind reflect.Type
	fill func(v reflect.Value)
}{
	"uuid7":  {uuidType, func(v reflect.Value) { *v.Addr().Interface().(*uuid.UUID) = model.NewUUID() }},
	"uuid4":  {uuidType, func(v reflect.Value) { *v.Addr().Interface().(*uuid.UUID) = model.NewUUIDv4() }},
	"nanoid": {textType, func(v reflect.Value) { v.SetString(model.NewNanoID()) }},
}

// planFill reads the field's tag. A field of a struct that is not embedded, but prefixed, describes another row.
func (m *Manager) planFill(p *plan, t reflect.Type, field *schema.Field) error {
	tag, ok := field.StructField.Tag.Lookup("fill")
	if !ok || !embedded(t, field.Index) {
		return nil
	}
	if maker, ok := keyMakers[tag]; ok {
		p.key, p.newKey = field, maker.fill
		return checkKind(field, tag, maker.kind)
	}
	place, kind := p.place(tag)
	if place == nil {
		return fmt.Errorf("%w: there is no `fill:%q`", dossier.ErrInvalid, tag)
	}
	*place = field
	if kind == nil { // an actor's, of the application's type
		kind = field.StructField.Type
	}
	return checkKind(field, tag, kind)
}

func (f *filled) place(tag string) (place **schema.Field, kind reflect.Type) {
	switch tag {
	case "created":
		return &f.created, timeType
	case "updated":
		return &f.updated, timeType
	case "created-by":
		return &f.createdBy, nil
	case "updated-by":
		return &f.updatedBy, nil
	case "version":
		return &f.version, int64Type
	case "slug":
		return &f.slug, textType
	}
	return nil, nil
}

func checkKind(field *schema.Field, tag string, kind reflect.Type) error {
	if field.StructField.Type != kind {
		return fmt.Errorf("%w: `fill:%q` is for a %v, not a %v", dossier.ErrInvalid, tag, kind, field.StructField.Type)
	}
	return nil
}

// embedded reports whether all structs around the field are embedded ones.
func embedded(t reflect.Type, index []int) bool {
	for _, around := range around(t, index) {
		if !around.Anonymous {
			return false
		}
	}
	return true
}

// around returns the fields of t that lead to the one with this index.
func around(t reflect.Type, index []int) []reflect.StructField {
	var path []reflect.StructField
	for _, i := range index[:len(index)-1] {
		path = append(path, t.Field(i))
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return path
}

// planSlug finds the column that the slug is made from.
func (p *plan) planSlug(t reflect.Type) error {
	if p.slug == nil {
		return nil
	}
	name, ok := p.slug.StructField.Tag.Lookup("slug")
	for _, around := range around(t, p.slug.Index) {
		if from, has := around.Tag.Lookup("slug"); has {
			name, ok = from, true
		}
	}
	if p.slugFrom = p.field(name); ok && p.slugFrom == nil {
		return fmt.Errorf("%w: the tag slug names the column %q, which the table does not have", dossier.ErrInvalid, name)
	}
	return nil
}

// columnType is the type of a filled column in CreateSchema, or "" for what bun makes of it.
func (f *filled) columnType(field *schema.Field, traits traits) string {
	length := "255"
	switch {
	case field.IndirectType.Kind() != reflect.String:
		return ""
	case field == f.key:
		length = "21"
	case field == f.slug:
		length = fmt.Sprint(model.MaxSlug)
	case field != f.createdBy && field != f.updatedBy:
		return ""
	}
	return strings.ReplaceAll(traits.exact, "?", length)
}

// prepareInsert fills what is zero.
func (s *Session) prepareInsert(ctx context.Context, r *row) error {
	if err := s.fillZeros(ctx, *r); err != nil {
		return err
	}
	if err := r.checkTexts(nil); err != nil {
		return err
	}
	return s.prepareSlug(r)
}

// zeroField is a field of which an insert must know whether it is zero.
type zeroField struct {
	*schema.Field
	plain bool // reflect's zero is bun's
}

// planZeros collects them.
func (p *plan) planZeros() error {
	for place, field := range p.table.Fields {
		plain := p.plain[place] && plainZero(field.StructField.Type)
		if field.IsPK || slices.Contains([]*schema.Field{p.key, p.created, p.updated, p.version, p.createdBy, p.updatedBy}, field) {
			p.zeros = append(p.zeros, zeroField{field, plain})
		}
	}
	p.named = p.key != nil && slices.ContainsFunc(p.files, func(f *fileField) bool {
		return f.policy.Key.NeedsID() || slices.Contains(f.policy.Key.Columns(), p.key.Name)
	})
	if len(p.zeros) > 64 {
		return fmt.Errorf("%w: table %s has a primary key of %d columns", dossier.ErrInvalid, p.table.Name, len(p.table.PKs))
	}
	return nil
}

// plainZero reports whether bun takes for zero what reflect does, and no method decides.
func plainZero(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ IsZero() bool }]()) {
		return false
	}
	switch v := reflect.Zero(t); t.Kind() {
	case reflect.Bool, reflect.String:
		return true
	case reflect.Array:
		return t.Elem().Kind() == reflect.Uint8
	default:
		return v.CanInt() || v.CanUint() || v.CanFloat()
	}
}

func (f zeroField) isZero(model reflect.Value) bool {
	switch {
	case f.plain:
		return f.Value(model).IsZero()
	case f.StructField.Type == timeType && !f.IsPK: // a time of ours, in a struct that is embedded
		return f.time(model).IsZero()
	}
	return f.HasZeroValue(model)
}

func (f zeroField) time(model reflect.Value) *time.Time {
	return f.Value(model).Addr().Interface().(*time.Time)
}

// fillZeros sets fields that are there and zero. When the frame is undone they are zero again, and so are primary keys that
// the database makes: another row may have them then. A key that files have in their names stays as long as they do: another
// attempt writes them for the same one.
func (s *Session) fillZeros(ctx context.Context, r row) error {
	createdBy, err := actorFor(ctx, r.createdBy)
	if err != nil {
		return err
	}
	updatedBy, err := actorFor(ctx, r.updatedBy)
	if err != nil {
		return err
	}
	now, zero := model.Now(), uint64(0)
	for i, field := range r.zeros {
		if !field.isZero(r.value) {
			continue
		}
		zero |= 1 << i
		switch field.Field {
		case r.key:
			r.newKey(field.Value(r.value))
			if r.named {
				zero &^= 1 << i
				s.kept = append(s.kept, undoing{plan: r.plan, value: r.value, zero: 1 << i})
			}
		case r.created, r.updated:
			*field.time(r.value) = now
		case r.version:
			field.Value(r.value).SetInt(1)
		case r.createdBy:
			setValid(field.Value(r.value), createdBy)
		case r.updatedBy:
			setValid(field.Value(r.value), updatedBy)
		}
	}
	if zero != 0 {
		s.top().undo = append(s.top().undo, undoing{plan: r.plan, value: r.value, zero: zero})
	}
	return nil
}

func setValid(field, value reflect.Value) {
	if value.IsValid() {
		field.Set(value)
	}
}

// undoing is a step of what is undone with a frame: fields that become zero again, or a function.
type undoing struct {
	plan  *plan
	value reflect.Value // the struct
	zero  uint64        // bits of the places in plan.zeros
	fn    func()
}

func (u undoing) undo() {
	if u.fn != nil {
		u.fn()
		return
	}
	for i, field := range u.plan.zeros {
		if u.zero&(1<<i) != 0 {
			field.Value(u.value).SetZero()
		}
	}
}

// fill sets a field, until the frame is undone.
func (s *Session) fill(r row, field *schema.Field, value reflect.Value) {
	target := field.Value(r.value)
	before := reflect.New(target.Type()).Elem()
	before.Set(target)
	top := s.top()
	top.undo = append(top.undo, undoing{fn: func() { field.Value(r.value).Set(before) }})
	target.Set(value)
}

// takeBack undoes what was filled since the frame had mark functions.
func (f *frame) takeBack(mark int) {
	for i := len(f.undo) - 1; i >= mark; i-- {
		f.undo[i].undo()
	}
	f.undo = f.undo[:mark]
}

// actorFor is the actor of the context as the column's type, or nothing.
func actorFor(ctx context.Context, field *schema.Field) (reflect.Value, error) {
	actor := reflect.ValueOf(model.ActorFrom(ctx))
	if field == nil || !actor.IsValid() {
		return reflect.Value{}, nil
	}
	to := field.StructField.Type
	switch {
	case actor.Type().AssignableTo(to):
		return actor, nil
	case actor.Kind() == to.Kind() && actor.CanConvert(to):
		return actor.Convert(to), nil
	}
	return reflect.Value{}, fmt.Errorf("%s.%s: %w: the actor of the context is a %v, the column holds a %v",
		field.Table.Name, field.Name, dossier.ErrInvalid, actor.Type(), to)
}
