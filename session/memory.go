package session

import (
	"hash/maphash"
	"reflect"
	"slices"
	"strings"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/uptrace/bun/schema"
)

// memory is what the session knows of a row. Making one costs little, because most rows that are read are never written:
// columns that share nothing with the model are copied with the struct, and compared when somebody asks.
type memory struct {
	model  any                      // the struct that it was read into or written from
	values reflect.Value            // a copy of the struct, for its plain columns
	hashes []uint64                 // of the SQL forms of the other columns, by their place in the table; nil if all are plain
	known  []bool                   // by the place in the table; nil: all columns are known
	files  [][]fileobject.Reference // by the place in the plan
}

var memorySeed = maphash.MakeSeed()

// hashColumn is of the SQL form.
func (s *Session) hashColumn(r row, field *schema.Field) uint64 {
	s.scratch = field.AppendValue(s.m.db.QueryGen(), s.scratch[:0], r.value)
	return maphash.Bytes(memorySeed, s.scratch)
}

// memoryOf is what is known of a row, or nil.
func (s *Session) memoryOf(r row) *memory {
	s.index()
	return s.loaded[r.id(s.m.db.QueryGen())]
}

// noted is what is known of a whole row, until somebody asks: most are not asked for.
type noted struct {
	plan *plan
	memory
}

// maxFresh is how many wait to be indexed: one row may be read again and again.
const maxFresh = 1000

// index moves what was noted to where it is found. It is called before the top frame changes, in which all of it was noted, and
// before anything else is remembered.
func (s *Session) index() {
	if len(s.fresh) == 0 {
		return
	}
	rows := s.fresh
	s.fresh = nil
	for i := range rows {
		id := row{plan: rows[i].plan, value: rows[i].values}.id(s.m.db.QueryGen())
		if len(s.frames) == 1 { // nothing undoes it but the end of the unit of work, which forgets everything
			put(&s.loaded, id, &rows[i].memory)
		} else {
			s.setMemory(id, &rows[i].memory)
		}
	}
}

// undoMark is where the top frame is now, for takeBack.
func (s *Session) undoMark() int {
	s.index() // what was noted before it is not taken back
	return len(s.top().undo)
}

// knows reports whether the column at this place of the table is known.
func (m *memory) knows(place int) bool { return m != nil && (m.known == nil || m.known[place]) }

// filesIn are the files that a column is known to have held.
func (m *memory) filesIn(r row, f *fileField) ([]fileobject.Reference, bool) {
	if !m.knows(slices.Index(r.table.Fields, f.field)) {
		return nil, false
	}
	return m.files[slices.Index(r.plan.files, f)], true
}

// same reports whether the column at this place, which is known, is as it was.
func (s *Session) same(r row, m *memory, place int) bool {
	field := r.table.Fields[place]
	if !r.plain[place] {
		return m.hashes[place] == s.hashColumn(r, field)
	}
	before := row{plan: r.plan, value: m.values}
	return s.hashColumn(before, field) == s.hashColumn(r, field)
}

// remember keeps what the row holds now in the named columns, or in all, until the frame is undone.
func (s *Session) remember(r row, columns ...string) {
	if len(r.table.PKs) == 0 {
		return
	}
	values := reflect.New(r.value.Type()).Elem()
	if len(columns) == 0 {
		s.rememberAs(r, values)
		return
	}
	m, before := &memory{values: values}, s.memoryOf(r)
	switch {
	case before != nil:
		m.values.Set(before.values)
		m.hashes, m.known, m.files = slices.Clone(before.hashes), slices.Clone(before.known), slices.Clone(before.files)
	default:
		m.known = make([]bool, len(r.table.Fields))
	}
	s.note(r, m, columns)
	s.setMemory(r.id(s.m.db.QueryGen()), m)
}

// note fills a memory with the named columns of the row, or with all but the plain ones, which it has.
func (s *Session) note(r row, m *memory, columns []string) {
	m.model = r.model
	all := len(columns) == 0
	for place, field := range r.table.Fields {
		switch {
		case !all && !slices.Contains(columns, field.Name):
			continue
		case !r.plain[place]:
			if m.hashes == nil {
				m.hashes = make([]uint64, len(r.table.Fields))
			}
			m.hashes[place] = s.hashColumn(r, field)
		case !all:
			field.Value(m.values).Set(field.Value(r.value))
		}
		if m.known != nil {
			m.known[place] = true
		}
	}
	for place, f := range r.plan.files {
		if m.files == nil {
			m.files = make([][]fileobject.Reference, len(r.plan.files))
		}
		if all || slices.Contains(columns, f.field.Name) {
			m.files[place] = references(r.files(f))
		}
	}
}

// rememberRead is remember for rows of one type that were read.
func (s *Session) rememberRead(rows []row) {
	if len(rows) == 0 || len(rows[0].table.PKs) == 0 {
		return
	}
	values := reflect.MakeSlice(reflect.SliceOf(rows[0].value.Type()), len(rows), len(rows))
	s.fresh = slices.Grow(s.fresh, len(rows))
	for i, r := range rows {
		s.rememberAs(r, values.Index(i))
	}
}

// rememberAs keeps the whole row, with values as the copy of its struct.
func (s *Session) rememberAs(r row, values reflect.Value) {
	if len(s.fresh) >= maxFresh {
		s.index()
	}
	values.Set(r.value)
	s.fresh = append(s.fresh, noted{r.plan, memory{values: values}})
	s.note(r, &s.fresh[len(s.fresh)-1].memory, nil)
}

func (s *Session) forget(r row) { s.setMemory(r.id(s.m.db.QueryGen()), nil) }

// setMemory replaces what is known of a row, nil for nothing, and can be undone.
func (s *Session) setMemory(id string, m *memory) {
	s.index()
	before := s.loaded[id]
	top := s.top()
	top.undo = append(top.undo, undoing{fn: func() { s.replaceMemory(id, before) }})
	s.replaceMemory(id, m)
}

func (s *Session) replaceMemory(id string, m *memory) {
	if m == nil {
		delete(s.loaded, id)
		return
	}
	put(&s.loaded, id, m)
}

// forgetTable drops what is known of all rows of a table.
func (s *Session) forgetTable(name string) {
	s.index()
	for id := range s.loaded {
		if strings.HasPrefix(id, name+"|") {
			s.setMemory(id, nil)
		}
	}
}

// isPlain reports whether a copy of the struct keeps the value of a column, whatever happens to the struct: no pointer leads
// to the field, and none out of it to anything that can change.
func isPlain(t reflect.Type, field *schema.Field) bool {
	for _, i := range field.Index {
		if t.Kind() != reflect.Struct {
			return false
		}
		t = t.Field(i).Type
	}
	return isPlainType(t)
}

func isPlainType(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	case reflect.Array:
		return isPlainType(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if t != timeType && !isPlainType(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}
