package session

import (
	"context"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

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
	known, isKnown := s.memoryOf(r).filesIn(r, f)
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
