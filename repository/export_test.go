package repository

import (
	"context"

	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// Compile makes the condition of filters about the table of a model, for a statement about that table alone.
func Compile(db *bun.DB, model any, filters ...Filter) (schema.QueryAppender, error) {
	return compile(db.NewSelect().Model(model).GetModel().(bun.TableModel).Table(), "", filters)
}

// CursorPurpose is what the cursors of a query are signed for.
func (r *Repository[T]) CursorPurpose(ctx context.Context, opts KeysetOptions) (purpose string, err error) {
	err = r.read(ctx, func(ctx context.Context, s *session.Session) error {
		k, _, err := r.openKeyset(ctx, s, opts, &[]*T{})
		if err == nil {
			purpose = k.purpose
		}
		return err
	})
	return purpose, err
}
