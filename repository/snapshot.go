package repository

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// snapshot is a row as it was read: its columns in SQL, the primary key apart.
type snapshot struct {
	where   key
	key     string
	columns []string
}

// snapshot is of a model with the key; the repository is one of New.
func (r *Repository[T]) snapshot(model *T) snapshot {
	db, table := r.s.Manager().DB(), r.table(r.s)
	taken := snapshot{key: text(db, table, model)}
	for _, field := range table.Fields {
		taken.columns = append(taken.columns, string(field.AppendValue(db.QueryGen(), nil, reflect.ValueOf(model).Elem())))
	}
	taken.where, _ = modelKey(table, model) // of a model that was read it is there
	return taken
}

// updateFrom updates the whole row of the model if it still is as it was when the snapshot was taken. Files are uploaded before
// the row is locked.
func (r *Repository[T]) updateFrom(ctx context.Context, loaded snapshot, model *T) error {
	err := r.write(ctx, func(ctx context.Context, s *session.Session) error {
		if text(s.Manager().DB(), r.table(s), model) != loaded.key {
			return fmt.Errorf("%w: %s: a change cannot give the row another primary key", dossier.ErrInvalid, loaded.where)
		}
		if err := s.Stage(ctx, model); err != nil {
			return err
		}
		q, err := r.rows(s, (*T)(nil), loaded.where.filter())
		if err == nil {
			err = r.lock(ctx, s, q, ForUpdate)
		}
		if err != nil {
			return err
		}
		rows, err := scanned[T](ctx, s, q)
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return fmt.Errorf("%s: %w", loaded.where, dossier.ErrNotFound)
		case !slices.Equal(r.snapshot(rows[0]).columns, loaded.columns):
			return fmt.Errorf("%s: %w: others changed the row since it was loaded", loaded.where, dossier.ErrStale)
		}
		return r.Update(ctx, model)
	})
	return wrap("change", err)
}
