package repository

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun/dialect"

	"github.com/dossier-go/dossier/session"
)

// MatchOptions of [Repository.GetOrCreate]. The zero value matches by the tag, or by the primary key.
type MatchOptions struct {
	// Match are the columns by which a row is found, with the values that the model has; NULL is dossier.ErrInvalid. They must
	// be unique in the database, or two callers at once make two rows. Default: none, the columns whose fields have the
	// tag `repository:"match"`, and without any the primary key.
	Match []string
}

// GetOrCreate returns the row that has the model's values in the columns of match, or else creates the model's and returns
// the model; created tells which. When others do the same at the same time one of them creates the row and the others get
// it. A row that is there is returned as it is, with relations and lock; nothing of the model is written, and its files are
// not stored. Errors: as Create; ErrDuplicate when another row, or one that is soft-deleted or outside of the scope, is in
// the way; ErrSerialization in a session, whose unit of work can be tried again: [session.Retryable] says so, also where the
// session's level of isolation hides a row that others committed after its first statement.
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
		err = r.inTheWay(ctx, s, *where, failure)
	}
	return row, false, err
}

// inTheWay is the error for a row that cannot be created and is not found: the duplicate that it is of, or one to try again after
// when others committed the row after the transaction's snapshot, which hides it. So it is if a read beside the transaction
// finds the row, and the transaction has none of its key.
func (r *Repository[T]) inTheWay(ctx context.Context, s *session.Session, where Filter, duplicate error) error {
	db := s.Manager().DB()
	if s.Isolation() == sql.LevelReadCommitted || db.Dialect().Name() == dialect.SQLite { // whose snapshots are as late as can be
		return duplicate
	}
	var rows []*T
	q, err := r.rows(s, &rows, where)
	if err != nil {
		return err
	}
	if err := q.Conn(db).Limit(1).Scan(ctx); err != nil || len(rows) == 0 {
		return cmp.Or(err, duplicate)
	}
	k, err := modelKey(r.table(s), rows[0])
	if err != nil {
		return err
	}
	all := &Repository[T]{s: r.s, m: r.m, base: Options{Deleted: IncludeDeleted}}
	if here, err := all.keys(ctx, s, NoLock, k.filter()); err != nil || len(here) > 0 {
		return cmp.Or(err, duplicate)
	}
	return &DatabaseError{Kind: ErrSerialization, Table: r.table(s).Name, Err: session.TryAgain(fmt.Errorf("%s was committed by others after "+
		"this transaction's snapshot, which does not show it: try the whole unit of work again (session.RunOptions.Attempts), or use the level "+
		"READ COMMITTED; the insert failed with: %s", k, duplicate.Error()))}
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
