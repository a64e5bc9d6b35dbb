package repository

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// upsertLocked finds, locks and updates each row, or inserts it.
func (r *Repository[T]) upsertLocked(ctx context.Context, s *session.Session, models []*T, opts UpsertOptions) ([]bool, error) {
	created := make([]bool, len(models))
	seen := map[string]int{}
	for i, model := range models {
		if id := matchText(s, r.table(s), model, opts.Match); id != "" {
			if first, ok := seen[id]; ok {
				return nil, fmt.Errorf("%w: models %d and %d are the same row", dossier.ErrInvalid, first, i)
			}
			seen[id] = i
		}
	}
	if err := s.Stage(ctx, &models); err != nil {
		return nil, err
	}
	return created, s.Nested(ctx, func(ctx context.Context) error {
		for i, model := range models {
			var err error
			if created[i], err = r.upsertRow(ctx, s, model, opts); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *Repository[T]) upsertRow(ctx context.Context, s *session.Session, model *T,
	opts UpsertOptions) (created bool, err error) {
	where, err := matching(r.table(s), model, opts.Match)
	if err != nil {
		return false, err
	}
	if where == nil { // the database makes the key
		return true, r.create(ctx, s, []*T{model})
	}
	var failure error
	for range attempts { // what another one inserted may be deleted again before it is locked
		done, err := r.updateMatch(ctx, s, model, *where, opts.Update)
		if done || err != nil {
			return false, err
		}
		if failure != nil {
			break // in the way is something that is not this row
		}
		if failure, err = r.tryCreate(ctx, s, model); failure == nil {
			return err == nil, err
		}
	}
	return false, r.inTheWay(ctx, s, *where, failure)
}

// updateMatch locks the row and updates it, if it is there.
func (r *Repository[T]) updateMatch(ctx context.Context, s *session.Session, model *T, where Filter,
	columns []string) (bool, error) {
	table, row := r.table(s), new(T)
	q, err := r.rows(s, row, where)
	if err == nil {
		err = r.lock(ctx, s, q, ForUpdate)
	}
	if err == nil {
		err = s.Select(ctx, q)
	}
	if errors.Is(err, dossier.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	to, from := reflect.ValueOf(model).Elem(), reflect.ValueOf(row).Elem()
	restoreAfterRollback(s, table, to)
	for _, field := range table.Fields {
		if field.IsPK || filledBy(field, "created", "created-by", "version") {
			field.Value(to).Set(field.Value(from))
		}
	}
	if len(columns) == 0 {
		columns = updatable(table)
	}
	if err := s.Update(ctx, model, columns...); err != nil {
		return false, err
	}
	if len(r.base.Scope) > 0 {
		if err := r.inside(ctx, s, []*T{model}); err != nil {
			return false, err
		}
	}
	return true, s.Refresh(ctx, model)
}

// restoreAfterRollback makes the struct what it is now when this point of the work is undone: files that it waits to have uploaded
// among the rest. A file that is no pointer is left as it is: its parts know by themselves.
func restoreAfterRollback(s *session.Session, table *schema.Table, model reflect.Value) {
	before := reflect.New(table.Type).Elem()
	set := func(to, from reflect.Value) {
		for _, field := range table.Fields {
			if field.StructField.Type != fileType {
				field.Value(to).Set(field.Value(from))
			}
		}
	}
	set(before, model)
	s.AfterRollback(func(context.Context) { set(model, before) })
}

// updatable are the columns that an upsert writes unless it is told which. They are named, so that files replace those that the
// row has.
func updatable(table *schema.Table) []string {
	var names []string
	for _, field := range table.DataFields {
		filled := filledBy(field, "created", "created-by", "updated", "updated-by", "version", "slug")
		if !filled && field != table.SoftDeleteField && !field.SkipUpdate() {
			names = append(names, field.Name)
		}
	}
	return names
}
