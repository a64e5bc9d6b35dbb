package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun/schema"
)

// Conflict says what [Session.InsertOrUpdate] does with rows that are there already.
type Conflict struct {
	// Match are the columns by which rows are found. The primary key or a unique index must be over exactly these columns.
	// None of them may be NULL. Default: none, the primary key.
	Match []string
	// Update are the columns that a row that is there gets from the model. Default: none, all but the primary key, those of
	// Match, and when and by whom the row was created.
	Update []string
}

// InsertOrUpdate writes rows of one type, inserting those that are not there and updating the others, in one statement for
// each 500 models of one shape, so that it is atomic under any concurrency: ON CONFLICT, on MySQL and MariaDB ON DUPLICATE
// KEY. The models are a pointer to a struct or to a slice; every column of them is what the row has afterwards, and created
// tells for each, in the order given, whether its row is new.
//
// Errors: errors.ErrUnsupported for models with file columns, a soft-delete column, a version or a slug, for which a row
// must be read before it is changed; dossier.ErrInvalid for a row given twice and for columns that are not there; the database's
// own, one for a value that is unique in another row among them, after which the session is rollback-only.
func (s *Session) InsertOrUpdate(ctx context.Context, models any, on Conflict) (created []bool, err error) {
	if err := s.enterWrite("insert or update"); err != nil {
		return nil, err
	}
	defer s.leave()
	rows, err := s.m.rows(models)
	if err == nil && len(rows) > 0 {
		created, err = s.upsertRows(ctx, rows, on)
	}
	if err != nil {
		return nil, fmt.Errorf("insert or update: %w", err)
	}
	return created, nil
}

// upsert is a statement that is being made.
type upsert struct {
	*plan
	match, update []*schema.Field
}

// upsertRows writes rows. When it fails the structs are as they were.
func (s *Session) upsertRows(ctx context.Context, rows []row, on Conflict) ([]bool, error) {
	u, err := rows[0].upsert(on)
	if err != nil {
		return nil, err
	}
	top, mark := s.top(), s.undoMark()
	created, err := s.upsertFilled(ctx, u, rows)
	if err != nil {
		top.takeBack(mark)
	}
	return created, err
}

func (s *Session) upsertFilled(ctx context.Context, u upsert, rows []row) ([]bool, error) {
	for i := range rows {
		if err := s.prepareInsert(ctx, &rows[i]); err != nil {
			return nil, err
		}
	}
	if err := s.distinctKeys(rows, u.match); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	var created []bool
	for start := 0; start < len(rows); {
		end, most := start+1, groupEnd(rows, start)
		for end < most && zeroShape(rows[end]) == zeroShape(rows[start]) {
			end++
		}
		some, err := s.upsertGroup(ctx, u, rows[start:end])
		if err != nil {
			return nil, err
		}
		created = append(created, some...)
		start = end
	}
	return created, nil
}

// upsert checks the columns.
func (p *plan) upsert(on Conflict) (upsert, error) {
	u := upsert{plan: p, match: p.table.PKs}
	if p.readFirst() {
		return u, fmt.Errorf("%w: table %s has files, a soft-delete column, a version or a slug", errors.ErrUnsupported, p.table.Name)
	}
	if len(on.Match) > 0 {
		u.match = nil
	}
	var err error
	if u.match, err = p.columns(u.match, on.Match); err != nil {
		return u, err
	}
	if len(u.match) == 0 {
		return u, fmt.Errorf("%w: table %s has no primary key to find rows by", dossier.ErrInvalid, p.table.Name)
	}
	if u.update, err = p.columns(nil, on.Update); err != nil {
		return u, err
	}
	for _, field := range p.table.DataFields {
		if len(on.Update) == 0 && !slices.Contains(u.match, field) && field != p.created && field != p.createdBy && !field.SkipUpdate() {
			u.update = append(u.update, field)
		}
	}
	for _, field := range []*schema.Field{p.updated, p.updatedBy} {
		if len(on.Update) > 0 && field != nil && !slices.Contains(u.update, field) {
			u.update = append(u.update, field)
		}
	}
	return u, nil
}

// columns appends the fields with these names.
func (p *plan) columns(to []*schema.Field, names []string) ([]*schema.Field, error) {
	for _, name := range names {
		field := p.field(name)
		if field == nil || slices.Contains(to, field) {
			return nil, fmt.Errorf("%w: table %s has no column %q, or it is named twice", dossier.ErrInvalid, p.table.Name, name)
		}
		to = append(to, field)
	}
	return to, nil
}

// upsertGroup is one statement, and one that reads what the rows are afterwards.
func (s *Session) upsertGroup(ctx context.Context, u upsert, rows []row) ([]bool, error) {
	known, err := s.knownBefore(ctx, u, rows)
	if err != nil {
		return nil, err
	}
	if _, err := s.affected(s.upsertQuery(u, rows).Exec(ctx)); err != nil {
		return nil, err
	}
	found, err := s.readBack(ctx, u, rows)
	if err != nil {
		return nil, err
	}
	created := make([]bool, len(rows))
	for i, r := range rows {
		f, ok := found[s.valuesOf(r, u.match)]
		if !ok && len(rows) == 1 && len(found) == 1 { // the database keeps the value in another form
			for _, f = range found {
				ok = true
			}
		}
		if !ok {
			return nil, s.watch(fmt.Errorf("%s: %w: a row is not found by the values it was written with", r.table.Name, dossier.ErrConflict))
		}
		s.copyColumns(r, f.value)
		created[i] = f.created && !known[s.valuesOf(r, u.match)]
		s.remember(r)
	}
	return created, nil
}

// copyColumns makes the struct what the row is, until the frame is undone.
func (s *Session) copyColumns(r row, from reflect.Value) {
	before := reflect.New(r.value.Type()).Elem()
	r.setColumns(before, r.value)
	top := s.top()
	top.undo = append(top.undo, undoing{fn: func() { r.setColumns(r.value, before) }})
	r.setColumns(r.value, from)
}

func (p *plan) setColumns(to, from reflect.Value) {
	for _, field := range p.table.Fields {
		field.Value(to).Set(field.Value(from))
	}
}

// readFirst reports whether rows of the table must be read before they are changed.
func (p *plan) readFirst() bool {
	return len(p.files) > 0 || p.table.SoftDeleteField != nil || p.version != nil || p.slug != nil
}
