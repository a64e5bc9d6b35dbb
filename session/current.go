package session

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/uptrace/bun/schema"
)

// memory is what the session knows of a row; of a column that is missing it knows nothing.
type memory struct {
	files  map[string][]fileobject.Reference
	hashes map[string]uint64 // of the SQL form
	model  any               // the struct that it was read into or written from
}

var memorySeed = maphash.MakeSeed()

func (s *Session) hashColumn(r row, field *schema.Field) uint64 {
	return maphash.Bytes(memorySeed, field.AppendValue(s.m.db.QueryGen(), nil, r.value))
}

// remember keeps what the row holds now in the named columns, or in all, until the frame is undone.
func (s *Session) remember(r row, columns ...string) {
	if len(r.table.PKs) == 0 {
		return
	}
	id := r.id(s.m.db.QueryGen())
	m := memory{map[string][]fileobject.Reference{}, map[string]uint64{}, r.model}
	if known, ok := s.loaded[id]; ok && len(columns) > 0 {
		m = memory{maps.Clone(known.files), maps.Clone(known.hashes), r.model}
	}
	for _, field := range r.table.Fields {
		if len(columns) == 0 || slices.Contains(columns, field.Name) {
			m.hashes[field.Name] = s.hashColumn(r, field)
		}
	}
	for _, f := range r.plan.files {
		if len(columns) == 0 || slices.Contains(columns, f.field.Name) {
			m.files[f.field.Name] = references(r.files(f))
		}
	}
	s.setMemory(id, &m)
}

func (s *Session) forget(r row) { s.setMemory(r.id(s.m.db.QueryGen()), nil) }

// setMemory replaces what is known of a row, nil for nothing, and can be undone.
func (s *Session) setMemory(id string, m *memory) {
	before, had := s.loaded[id]
	top := s.top()
	top.undo = append(top.undo, func() {
		if had {
			s.loaded[id] = before
			return
		}
		delete(s.loaded, id)
	})
	if m == nil {
		delete(s.loaded, id)
		return
	}
	s.loaded[id] = *m
}

// current reads the file columns of the row as the database has them, under the row's lock or SQLite's write lock. ok is
// false when there is no such row.
func (s *Session) current(ctx context.Context, r row, fields []*fileField) (values [][]*fileobject.FileObject, ok bool, err error) {
	gen := s.m.db.QueryGen()
	query := []byte("SELECT 1")
	for _, f := range fields {
		query = append(append(query, ", "...), f.field.SQLName...)
	}
	query = append(append(query, " FROM "...), r.table.SQLName...)
	for i, pk := range r.table.PKs {
		query = append(query, [2]string{" AND ", " WHERE "}[btoi(i == 0)]...)
		query = append(append(query, pk.SQLName...), " = "...)
		query = pk.AppendValue(gen, query, r.value)
	}
	if lock := s.m.engine.traits().lock; lock != "" {
		query = append(append(query, " FOR "...), lock...)
	}
	rows, err := s.tx.conn.Conn.QueryContext(ctx, string(query))
	if err != nil {
		return nil, false, s.watch(err)
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, false, s.watch(rows.Err())
	}
	values, err = scanFiles(fields, rows.Scan)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", r.table.Name, err)
	}
	return values, true, s.watch(rows.Close())
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// scanFiles reads a leading number and then the file columns of one database row.
func scanFiles(fields []*fileField, scan func(dest ...any) error) ([][]*fileobject.FileObject, error) {
	raw := make([]any, len(fields)+1)
	dest := make([]any, len(raw))
	for i := range raw {
		dest[i] = &raw[i]
	}
	if err := scan(dest...); err != nil {
		return nil, err
	}
	values := make([][]*fileobject.FileObject, len(fields))
	for i, f := range fields {
		v := reflect.New(fileOrList(f)).Elem()
		if err := v.Addr().Interface().(interface{ Scan(any) error }).Scan(raw[i+1]); err != nil {
			return nil, fmt.Errorf("column %s: %w; the row cannot be changed until its JSON is mended", f.field.Name, err)
		}
		values[i] = filesIn(v)
	}
	return values, nil
}

func fileOrList(f *fileField) reflect.Type {
	if f.many {
		return listType
	}
	return fileType
}

// checkFresh is rule 5: the current value must be one that the caller's struct was loaded with.
func (s *Session) checkFresh(r row, f *fileField, now []fileobject.Reference) error {
	files := r.files(f)
	known, isKnown := s.loaded[r.id(s.m.db.QueryGen())].files[f.field.Name]
	if isKnown && sameSet(known, now) {
		return nil
	}
	for _, file := range files {
		if origin := file.Origin(); origin != nil && sameSet(origin.References(), now) {
			return nil
		}
	}
	if len(now) == 0 && !isKnown && !hasOrigin(files) {
		return nil // nothing is lost
	}
	if !isKnown && !f.many && len(files) == 1 && files[0].Origin() == nil {
		return nil // a new file for a row that was never loaded: it replaces whatever is there
	}
	if sameSet(references(files), now) && len(references(files)) == len(files) {
		return nil // it changes nothing
	}
	return fmt.Errorf("%s.%s: %w: it holds other files now; load the row again, or name the column to mean exactly this value",
		r.table.Name, f.field.Name, dossier.ErrStale)
}

func hasOrigin(files []*fileobject.FileObject) bool {
	for _, f := range files {
		if f.Origin() != nil {
			return true
		}
	}
	return false
}

// forgetTable drops what is known of all rows of a table.
func (s *Session) forgetTable(name string) {
	for id := range s.loaded {
		if strings.HasPrefix(id, name+"|") {
			s.setMemory(id, nil)
		}
	}
}
