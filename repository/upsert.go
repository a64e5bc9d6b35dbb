package repository

import (
	"context"
	"strconv"

	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

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

func (r *Repository[T]) upsert(ctx context.Context, s *session.Session, models []*T,
	opts UpsertOptions) (created []bool, err error) {
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
