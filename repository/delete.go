package repository

import (
	"context"
	"fmt"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// All selects all rows. It is how [Repository.DeleteWhere] and [Repository.UpdateWhere] are told that all of them are meant.
func All() Filter {
	return Filter{func(target) (condition, error) {
		return condition{constant: allRows, amounts: allRows, asked: true}, nil
	}}
}

// Delete deletes the row with this primary key, given as for Get or as a model, and orders the delete of its objects; a
// model with a soft-delete column keeps row and objects. A row that is not there, is soft-deleted already or outside of the
// scope is dossier.ErrNotFound.
func (r *Repository[T]) Delete(ctx context.Context, id ...any) error {
	return r.remove(ctx, "delete", id, func(ctx context.Context, s *session.Session, model *T) error {
		return s.Delete(ctx, model)
	})
}

// ForceDelete is Delete that removes the row and orders the delete of its objects whether the model has a soft-delete
// column or not. Rows that are soft-deleted are found.
func (r *Repository[T]) ForceDelete(ctx context.Context, id ...any) error {
	all := r.With(Options{Deleted: IncludeDeleted})
	return all.remove(ctx, "force delete", id, func(ctx context.Context, s *session.Session, model *T) error {
		return s.ForceDelete(ctx, model)
	})
}

// Restore takes a soft delete back. A row that is not soft-deleted, not there or outside of the scope is
// dossier.ErrNotFound; a model without a soft-delete column dossier.ErrInvalid.
func (r *Repository[T]) Restore(ctx context.Context, id ...any) error {
	deleted := r.With(Options{Deleted: OnlyDeleted})
	return deleted.remove(ctx, "restore", id, func(ctx context.Context, s *session.Session, model *T) error {
		return s.Restore(ctx, model)
	})
}

// remove finds the one row and does something final to it.
func (r *Repository[T]) remove(ctx context.Context, op string, id []any,
	do func(context.Context, *session.Session, *T) error) error {
	err := r.write(ctx, func(ctx context.Context, s *session.Session) error {
		k, err := keyOf(r.table(s), id)
		if err != nil {
			return err
		}
		if op == "restore" && k.table.SoftDeleteField == nil {
			return fmt.Errorf("%w: %s has no soft-delete column", dossier.ErrInvalid, k.table.Name)
		}
		if err := s.Begin(ctx); err != nil {
			return err
		}
		model, err := r.target(ctx, s, k, id)
		if err != nil {
			return err
		}
		return r.orMissing(ctx, s, []*T{model}, do(ctx, s, model))
	})
	return wrap(op, err)
}

// target is the model that was given, or else one with the key, whose row is there and locked.
func (r *Repository[T]) target(ctx context.Context, s *session.Session, k key, id []any) (*T, error) {
	model, given := id[0].(*T)
	if given && len(r.base.Scope) == 0 {
		return model, nil
	}
	rows, err := r.keys(ctx, s, ForUpdate, k.filter())
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, fmt.Errorf("%s: %w", k, dossier.ErrNotFound)
	case given:
		return model, nil
	}
	return rows[0], nil
}

// DeleteMany deletes the rows with these primary keys and returns how many were there: values, composite keys as []any or
// structs, or models, in any mixture. Rows that are not there are passed over. It is one statement for 500 rows; what
// their files are is read under the lock.
func (r *Repository[T]) DeleteMany(ctx context.Context, ids ...any) (int, error) {
	total := 0
	err := r.write(ctx, func(ctx context.Context, s *session.Session) error {
		total = 0
		var keys []key
		for _, id := range ids {
			k, err := keyOf(r.table(s), []any{id})
			if err != nil {
				return err
			}
			keys = append(keys, k)
		}
		for some := range slices.Chunk(keys, chunk) {
			n, err := r.deleteRows(ctx, s, anyOf(some))
			if err != nil {
				return err
			}
			total += n
		}
		return nil
	})
	if err != nil {
		return 0, wrap("delete many", err)
	}
	return total, nil
}

// DeleteWhere deletes the rows that all filters select and returns how many, in one statement, or where they have files in
// one per 500 rows, which are locked first. No filter, or filters that restrict nothing, are dossier.ErrInvalid: [All] says
// that all rows are meant. Nothing is restricted by empty groups, [NotIn] without values, a search for an empty text, [NotNull]
// of a column that is never NULL, and by whatever these make of a group, of Not and of NotExists; conditions that happen
// to be true of every row are not found out.
func (r *Repository[T]) DeleteWhere(ctx context.Context, where ...Filter) (int, error) {
	n := 0
	err := r.write(ctx, func(ctx context.Context, s *session.Session) (err error) {
		n, err = r.deleteRows(ctx, s, where...)
		return err
	})
	if err != nil {
		return 0, wrap("delete where", err)
	}
	return n, nil
}

func (r *Repository[T]) deleteRows(ctx context.Context, s *session.Session, where ...Filter) (int, error) {
	cond, err := r.bulk(s, where)
	if err != nil {
		return 0, err
	}
	return s.DeleteWhere(ctx, (*T)(nil), "?", cond)
}

// bulk is the condition of a bulk statement, in the scope, which the caller's filters must narrow.
func (r *Repository[T]) bulk(s *session.Session, where []Filter) (condition, error) {
	table := r.table(s)
	if r.base.Deleted != HideDeleted {
		return condition{}, fmt.Errorf("%w: bulk statements are for rows that are not soft-deleted", dossier.ErrInvalid)
	}
	cond, err := compile(table, "", where)
	if err != nil {
		return condition{}, err
	}
	if cond.unasked() {
		return condition{}, fmt.Errorf("%w: no filter selects fewer than all rows of %s; All() means all", dossier.ErrInvalid,
			table.Name)
	}
	return compile(table, "", append(r.base.Scope[:len(r.base.Scope):len(r.base.Scope)], where...))
}

// UpdateWhere sets columns of the rows that all filters select and returns how many; audit times and versions follow. A file
// column can be cleared, with nil, and never set. Values are written as Update writes the struct's fields, NULL for nil; one
// that does not fit its field is dossier.ErrInvalid before any statement: see [session.Session.UpdateWhere]. No filter, or
// filters that restrict nothing, are dossier.ErrInvalid, as for [Repository.DeleteWhere]; so are values that put rows outside
// of the scope, which undoes all of it.
func (r *Repository[T]) UpdateWhere(ctx context.Context, set map[string]any, where ...Filter) (int, error) {
	n := 0
	err := r.write(ctx, func(ctx context.Context, s *session.Session) error {
		cond, err := r.bulk(s, where)
		if err == nil {
			err = s.CheckSet((*T)(nil), set)
		}
		if err != nil {
			return err
		}
		if len(r.base.Scope) > 0 {
			n, err = r.updateScoped(ctx, s, set, where)
			return err
		}
		n, err = s.UpdateWhere(ctx, (*T)(nil), set, "?", cond)
		return err
	})
	if err != nil {
		return 0, wrap("update where", err)
	}
	return n, nil
}

// updateScoped locks the rows first, because they must be found again afterwards, inside of the scope.
func (r *Repository[T]) updateScoped(ctx context.Context, s *session.Session, set map[string]any,
	where []Filter) (n int, err error) {
	rows, err := r.keys(ctx, s, ForUpdate, where...)
	if err != nil {
		return 0, err
	}
	table := r.table(s)
	return n, r.scoped(ctx, s, rows, func(ctx context.Context) error {
		for some := range slices.Chunk(rows, chunk) {
			var keys []key
			for _, row := range some {
				k, err := modelKey(table, row)
				if err != nil {
					return err
				}
				keys = append(keys, k)
			}
			cond, err := compile(table, "", []Filter{anyOf(keys)})
			if err != nil {
				return err
			}
			count, err := s.UpdateWhere(ctx, (*T)(nil), set, "?", cond)
			if err != nil {
				return err
			}
			n += count
		}
		return nil
	})
}
