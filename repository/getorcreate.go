package repository

import (
	"context"
	"errors"
	"fmt"

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
