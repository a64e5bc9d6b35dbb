package repository

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// MatchOptions of [Repository.GetOrCreate]. The zero value matches by the tag, or by the primary key.
type MatchOptions struct {
	// Match are the columns by which a row is found, with the values that the model has; NULL is dossier.ErrInvalid. They must
	// be unique in the database, or two callers at once make two rows. Default: none, the columns whose fields have the
	// tag `repository:"match"`, and without any the primary key.
	Match []string
}

// UpsertOptions of [Repository.Upsert]. The zero value matches by the tag, or by the primary key, and updates the rest.
type UpsertOptions struct {
	// Match is as in [MatchOptions].
	Match []string
	// Update are the columns that a row that is there gets from the model. Default: none, all but the primary key, those of
	// Match, and when and by whom it was created.
	Update []string
}

// attempts is how often a unit of work of For is tried in which others may be first.
const attempts = 8

// GetOrCreate returns the row that has the model's values in the columns of match, or else creates the model's and returns
// the model; created tells which. When others do the same at the same time one of them creates the row and the others get
// it. A row that is there is returned as it is, with relations and lock; nothing of the model is written, and its files are
// not stored. Errors: as Create; ErrDuplicate when another row, or one that is soft-deleted or outside of the scope, is in
// the way; ErrSerialization in a session, whose unit of work can be tried again.
func (r *Repository[T]) GetOrCreate(ctx context.Context, model *T, opts MatchOptions) (row *T, created bool, err error) {
	if err := checkModels([]*T{model}); err != nil {
		return nil, false, wrap("get or create", err)
	}
	err = r.run(ctx, session.RunOptions{Attempts: attempts}, func(ctx context.Context, s *session.Session) error {
		row, created, err = r.getOrCreate(ctx, s, model, opts.Match)
		return err
	})
	if err != nil {
		return nil, false, wrap("get or create", err)
	}
	return row, created, nil
}

func (r *Repository[T]) getOrCreate(ctx context.Context, s *session.Session, model *T, match []string) (*T, bool, error) {
	where, err := matching(r.table(s), model, match)
	if err != nil {
		return nil, false, err
	}
	if where != nil {
		if row, err := r.find(ctx, s, *where); row != nil || err != nil {
			return row, false, err
		}
	}
	failure, err := r.tryCreate(ctx, s, model)
	if err != nil || failure == nil {
		return model, true, err
	}
	if where == nil {
		return nil, false, failure
	}
	row, err := r.find(ctx, s, *where)
	if row == nil && err == nil {
		err = failure
	}
	return row, false, err
}

// find returns the row, or nil.
func (r *Repository[T]) find(ctx context.Context, s *session.Session, where Filter) (*T, error) {
	var rows []*T
	q, err := r.selecting(ctx, s, &rows, where)
	if err != nil {
		return nil, err
	}
	if err := s.Select(ctx, q.Limit(2)); err != nil || len(rows) == 0 {
		return nil, err
	}
	if len(rows) > 1 {
		return nil, fmt.Errorf("%w: the columns of match are not unique", ErrMultiple)
	}
	return rows[0], nil
}

// tryCreate inserts the row in a savepoint, and returns a duplicate as a failure after which the session goes on.
func (r *Repository[T]) tryCreate(ctx context.Context, s *session.Session, model *T) (failure, err error) {
	if err := s.Stage(ctx, model); err != nil { // before the transaction holds locks
		return nil, err
	}
	err = Recognise(s.Nested(ctx, func(ctx context.Context) error { return r.create(ctx, s, []*T{model}) }))
	if errors.Is(err, ErrDuplicate) {
		return err, nil
	}
	return nil, err
}

// Upsert inserts the model's row, or updates the one that has its values in the columns of match, and tells which. The model is
// the row afterwards, its key included. It is atomic: when others do the same at the same time, one inserts and the
// others update. Where the model has no file columns, no soft-delete column and no version, and the repository no
// scope, it is one statement ([session.Session.InsertOrUpdate]); else it inserts, and on a conflict locks the row and
// updates it. Errors: as Create and Update; ErrDuplicate when another row, or one that is soft-deleted or outside of the
// scope, is in the way; ErrSerialization in a session, whose unit of work can be tried again.
func (r *Repository[T]) Upsert(ctx context.Context, model *T, opts UpsertOptions) (created bool, err error) {
	all, err := r.UpsertMany(ctx, []*T{model}, opts)
	return err == nil && all[0], err
}

// UpsertMany is Upsert for several models, all of them or none. created tells for each, in the order given, whether its row
// is new. One row given twice is dossier.ErrInvalid.
func (r *Repository[T]) UpsertMany(ctx context.Context, models []*T, opts UpsertOptions) (created []bool, err error) {
	if err := checkModels(models); err != nil || len(models) == 0 {
		return nil, wrap("upsert", err)
	}
	err = r.run(ctx, session.RunOptions{Attempts: attempts}, func(ctx context.Context, s *session.Session) error {
		created, err = r.upsert(ctx, s, models, opts)
		return err
	})
	if err != nil {
		return nil, wrap("upsert", err)
	}
	return created, nil
}

func (r *Repository[T]) upsert(ctx context.Context, s *session.Session, models []*T, opts UpsertOptions) (created []bool, err error) {
	table := r.table(s)
	if len(opts.Match) == 0 {
		opts.Match = tagged(table)
	}
	if len(r.base.Scope) > 0 || !plain(table) {
		return r.upsertLocked(ctx, s, models, opts)
	}
	err = s.Nested(ctx, func(ctx context.Context) error {
		created, err = s.InsertOrUpdate(ctx, &models, session.Conflict{Match: opts.Match, Update: opts.Update})
		return err
	})
	if code := journal.MySQLNumber(err); code == severalRows { // see session.InsertOrUpdate
		err = &DatabaseError{Kind: ErrDuplicate, Code: strconv.Itoa(code), Table: table.Name, Err: err}
	}
	return created, err
}

// severalRows is MySQL's number for a subquery that returns more than one row.
const severalRows = 1242

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

func (r *Repository[T]) upsertRow(ctx context.Context, s *session.Session, model *T, opts UpsertOptions) (created bool, err error) {
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
	return false, failure
}

// updateMatch locks the row and updates it, if it is there.
func (r *Repository[T]) updateMatch(ctx context.Context, s *session.Session, model *T, where Filter, columns []string) (bool, error) {
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
		if err := r.present(ctx, s, []*T{model}, NoLock); err != nil {
			return false, fmt.Errorf("%w: the row would be outside of the repository's scope", dossier.ErrInvalid)
		}
	}
	return true, s.Refresh(ctx, model)
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

// matching selects the row that has the model's values in the columns of match; nil if the database makes its key.
func matching[T any](table *schema.Table, model *T, match []string) (*Filter, error) {
	if len(match) == 0 {
		match = tagged(table)
	}
	var parts []Filter
	value := reflect.ValueOf(model).Elem()
	for _, name := range match {
		field, err := column(table, "match by", name)
		if err != nil {
			return nil, err
		}
		if field.IsPtr && field.Value(value).IsNil() {
			return nil, fmt.Errorf("%w: column %s is NULL, by which a row is to be found", dossier.ErrInvalid, name)
		}
		if field.IsPK && field.HasZeroValue(value) {
			return nil, nil
		}
		parts = append(parts, Equal(name, field.Value(value).Interface()))
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: table %s has no primary key to find rows by", dossier.ErrInvalid, table.Name)
	}
	where := And(parts...)
	return &where, nil
}

// tagged are the columns with the tag, or those of the primary key.
func tagged(table *schema.Table) []string {
	var marked, keys []string
	for _, field := range table.Fields {
		if field.StructField.Tag.Get("repository") == "match" {
			marked = append(marked, field.Name)
		}
		if field.IsPK {
			keys = append(keys, field.Name)
		}
	}
	if len(marked) > 0 {
		return marked
	}
	return keys
}

// matchText tells models apart that mean different rows; "" where the database makes the key.
func matchText[T any](s *session.Session, table *schema.Table, model *T, match []string) string {
	var b []byte
	value := reflect.ValueOf(model).Elem()
	for _, field := range table.Fields {
		if !slices.Contains(match, field.Name) {
			continue
		}
		if field.IsPK && field.HasZeroValue(value) {
			return ""
		}
		b = append(field.AppendValue(s.Manager().DB().QueryGen(), b, value), ',')
	}
	return string(b)
}

// plain reports whether rows of the table can be written without being read.
func plain(table *schema.Table) bool {
	return table.SoftDeleteField == nil && !slices.ContainsFunc(table.Fields, func(f *schema.Field) bool {
		return filledBy(f, "version", "slug") || f.IndirectType == reflect.TypeFor[fileobject.FileObject]() || f.IndirectType == reflect.TypeFor[fileobject.List]()
	})
}

// filledBy reports whether the session fills the column in one of these ways; see package model.
func filledBy(field *schema.Field, ways ...string) bool {
	return slices.Contains(ways, field.StructField.Tag.Get("fill"))
}
