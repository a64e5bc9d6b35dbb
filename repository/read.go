package repository

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// Get returns the row with this primary key. A composite key is given in the order of the struct, or as a struct that has
// fields of its columns' Go names, such as the model itself. No row, one that is soft-deleted or outside of the scope is
// dossier.ErrNotFound; a key of another type or length dossier.ErrInvalid.
func (r *Repository[T]) Get(ctx context.Context, id ...any) (*T, error) {
	model := new(T)
	err := r.read(ctx, func(ctx context.Context, s *session.Session) error {
		key, err := keyOf(r.table(s), id)
		if err != nil {
			return err
		}
		q, err := r.byKey(ctx, s, model, key)
		if err != nil {
			return err
		}
		if err = s.Select(ctx, q); errors.Is(err, dossier.ErrNotFound) {
			return fmt.Errorf("%s: %w", key, err)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	return model, nil
}

// byKey selects the row, by the key in the model if it can.
func (r *Repository[T]) byKey(ctx context.Context, s *session.Session, model *T, k key) (*bun.SelectQuery, error) {
	inModel, err := k.set(reflect.ValueOf(model).Elem())
	if err != nil {
		return nil, err
	}
	if !inModel {
		return r.selecting(ctx, s, model, k.filter())
	}
	q, err := r.selecting(ctx, s, model)
	if err != nil {
		return nil, err
	}
	return q.WherePK(), nil
}

// GetOne returns the one row that the filters select. None is dossier.ErrNotFound, more than one ErrMultiple.
func (r *Repository[T]) GetOne(ctx context.Context, where ...Filter) (*T, error) {
	model, found, err := r.GetOneOrNone(ctx, where...)
	if err == nil && !found {
		return nil, fmt.Errorf("get one: %w", dossier.ErrNotFound)
	}
	return model, err
}

// GetOneOrNone returns the one row that the filters select, and whether there is one. More than one is ErrMultiple.
func (r *Repository[T]) GetOneOrNone(ctx context.Context, where ...Filter) (model *T, found bool, err error) {
	var models []*T
	err = r.read(ctx, func(ctx context.Context, s *session.Session) error {
		q, err := r.selecting(ctx, s, &models, where...)
		if err != nil {
			return err
		}
		return s.Select(ctx, q.Limit(2))
	})
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("get one: %w", err)
	case len(models) > 1:
		return nil, false, fmt.Errorf("get one: %w", ErrMultiple)
	case len(models) == 0:
		return nil, false, nil
	}
	return models[0], true, nil
}

// Count returns how many rows the filters select.
func (r *Repository[T]) Count(ctx context.Context, where ...Filter) (int64, error) {
	var n int64
	err := r.read(ctx, func(ctx context.Context, s *session.Session) error {
		q, err := r.rows(s, (*T)(nil), where...)
		if err != nil {
			return err
		}
		return s.Select(ctx, q.ColumnExpr("count(*)"), &n)
	})
	if err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return n, nil
}

// Exists reports whether the filters select any row. The database stops at the first.
func (r *Repository[T]) Exists(ctx context.Context, where ...Filter) (bool, error) {
	var exists bool
	err := r.read(ctx, func(ctx context.Context, s *session.Session) error {
		q, err := r.rows(s, (*T)(nil), where...)
		if err != nil {
			return err
		}
		return s.Select(ctx, s.Manager().DB().NewSelect().ColumnExpr("EXISTS (?)", q.ColumnExpr("1")), &exists)
	})
	if err != nil {
		return false, fmt.Errorf("exists: %w", err)
	}
	return exists, nil
}
