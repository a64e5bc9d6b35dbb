package session

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/uptrace/bun/dialect/feature"
)

// Insert uploads the files of models and writes their rows now, in the order given; adjacent models of one shape are one
// statement. Keys that the database makes come back into the models. Models are pointers to structs or to slices.
//
// Errors: dossier.ErrType, ErrTooLarge and others of the upload, before any row; ErrConflict for a stored file that
// belongs elsewhere; ErrLeaseLost; the database's own, after which the session is rollback-only.
func (s *Session) Insert(ctx context.Context, models ...any) error {
	if err := s.enterWrite("insert"); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.appendRows(s.rowRoom[:0], models...)
	if err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	if err := s.insertRows(ctx, rows); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	return nil
}

// Add queues models for insertion: they are written by the next Flush or Commit, their files uploaded before the
// transaction begins. Errors, those of the models too, come from there.
func (s *Session) Add(models ...any) {
	if err := s.enterWrite("add"); err != nil {
		s.deferError(err)
		return
	}
	defer s.leave()
	rows, err := s.m.rows(models...)
	if err != nil {
		s.deferError(fmt.Errorf("add: %w", err))
		return
	}
	s.queue = append(s.queue, rows...)
}

// deferError makes Commit fail with what Add could not return.
func (s *Session) deferError(err error) {
	if s.poison == nil {
		s.poison = err
		s.top().poisoned = true
	}
}

// Flush writes what Add queued. Errors: as Insert.
func (s *Session) Flush(ctx context.Context) error {
	if err := s.hook(ctx, s.m.opts.Hooks.BeforeFlush); err != nil {
		return fmt.Errorf("before flush: %w", err)
	}
	if err := s.flushQueue(ctx); err != nil {
		return err
	}
	if err := s.hook(ctx, s.m.opts.Hooks.AfterFlush); err != nil {
		return fmt.Errorf("after flush: %w", err)
	}
	return nil
}

func (s *Session) flushQueue(ctx context.Context) error {
	if err := s.enterWrite("flush"); err != nil {
		return err
	}
	defer s.leave()
	rows := s.queue
	s.queue = nil
	if err := s.insertRows(ctx, rows); err != nil {
		s.deferError(err) // what was queued is not written: the unit of work is not what the caller asked for
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}

func (s *Session) hook(ctx context.Context, hook func(context.Context, *Session) error) error {
	if hook == nil {
		return nil
	}
	return hook(ctx, s)
}

// insertRows writes rows. When it fails the structs are as they were.
func (s *Session) insertRows(ctx context.Context, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	top, mark := s.top(), s.undoMark()
	err := s.insertFilled(ctx, rows)
	if err != nil {
		top.takeBack(mark)
	}
	return err
}

func (s *Session) insertFilled(ctx context.Context, rows []row) error {
	for i := range rows {
		if err := s.prepareInsert(ctx, &rows[i]); err != nil {
			return err
		}
		if err := s.checkEntering(rows[i]); err != nil {
			return err
		}
	}
	distinctSlugs(rows)
	if err := s.stageRows(ctx, rows, nil); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	var entries []entry
	for _, r := range rows {
		for _, f := range r.plan.files {
			entries = append(entries, r.entries(f)...)
		}
	}
	if err := s.adopt(ctx, entries); err != nil {
		return err
	}
	for start := 0; start < len(rows); {
		end := s.sameShape(rows, start)
		if err := s.insertGroup(ctx, rows[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// checkEntering refuses, before anything is uploaded, files that cannot enter a row of this session.
func (s *Session) checkEntering(r row) error {
	for _, f := range r.plan.files {
		for _, e := range r.entries(f) {
			if s.staged[e.ref] == nil && !s.leftHere(e.ref) {
				return refuse(e, "it was not uploaded by this session and did not leave another row in it")
			}
		}
	}
	return nil
}

// maxGroup bounds the rows of one statement, and maxBytes their texts: MariaDB takes 16 MiB at once, and escapes may double
// what is sent.
const maxGroup, maxBytes = 500, 4 << 20

// groupEnd returns the end of the rows from start that one statement can hold.
func groupEnd(rows []row, start int) int {
	most := min(len(rows), start+maxGroup)
	bytes := 0
	for end := start; end < most && most > start+1; end++ {
		if bytes += rows[end].bytes(); bytes > maxBytes && end > start {
			return end
		}
	}
	return most
}

// bytes is how long the texts of the row are, the part of it that has no bound.
func (r row) bytes() int {
	n := 0
	for _, field := range r.table.Fields {
		v := reflect.Indirect(field.Value(r.value))
		if v.Kind() == reflect.String || v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			n += v.Len()
		}
	}
	return n
}

// sameShape returns the end of the rows from start that can be one statement: of one type, with the same columns zero.
// Otherwise SQLite would take the column list of the first row for all.
func (s *Session) sameShape(rows []row, start int) int {
	end := start + 1
	if rows[start].awaitsKey() && !s.m.db.HasFeature(feature.InsertReturning) {
		return end // MySQL tells the first key only, and the others need not follow it one by one
	}
	most := groupEnd(rows, start)
	for end < most && rows[end].table == rows[start].table && zeroShape(rows[end]) == zeroShape(rows[start]) {
		end++
	}
	return end
}

// awaitsKey reports whether the database makes a key of the row.
func (r row) awaitsKey() bool {
	for _, pk := range r.table.PKs {
		if pk.AutoIncrement && pk.HasZeroValue(r.value) {
			return true
		}
	}
	return false
}

func zeroShape(r row) string {
	shape := make([]byte, len(r.table.Fields))
	for i, field := range r.table.Fields {
		shape[i] = '1'
		if field.HasZeroValue(r.value) {
			shape[i] = '0'
		}
	}
	return string(shape)
}

func (s *Session) insertGroup(ctx context.Context, rows []row) error {
	statement := s.insertStatement
	if slices.ContainsFunc(rows, func(r row) bool { return r.made != nil }) {
		statement = s.tryGroup
	}
	if err := s.watch(statement(ctx, rows)); err != nil {
		return err
	}
	for _, r := range rows {
		s.wrote(r)
	}
	return nil
}

func (s *Session) insertStatement(ctx context.Context, rows []row) error {
	model := rows[0].model
	if len(rows) > 1 {
		slice := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(model)), 0, len(rows))
		for _, r := range rows {
			slice = reflect.Append(slice, reflect.ValueOf(r.model))
		}
		pointer := reflect.New(slice.Type())
		pointer.Elem().Set(slice)
		model = pointer.Interface()
	}
	result, err := s.m.db.NewInsert().Conn(s.tx.conn.Conn).Model(model).Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || int(n) != len(rows) {
		return fmt.Errorf("%s: %w: %d of %d rows were inserted", rows[0].table.Name, dossier.ErrStale, n, len(rows))
	}
	return nil
}

// maxPlaces is how many rows are kept as evidence of a commit; one would do.
const maxPlaces = 8

// wrote keeps what a row holds after the named columns, or all, were written.
func (s *Session) wrote(r row, columns ...string) {
	s.remember(r, columns...)
	top := s.top()
	for _, f := range r.plan.files {
		if len(columns) > 0 && !slices.Contains(columns, f.field.Name) {
			continue
		}
		if files := r.files(f); len(files) > 0 {
			top.written = append(top.written, append([]*fileobject.FileObject(nil), files...))
		}
	}
	if len(r.plan.files) > 0 && len(top.adopted) > 0 && len(top.places) < maxPlaces {
		top.places = append(top.places, r)
	}
}
