package repository

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// Create uploads the model's files and inserts its row. Keys and times that are made on the way come back in the model.
// Errors: ErrDuplicate, ErrForeignKey, ErrCheck, ErrNotNull; dossier.ErrInvalid for a row outside of the scope; those of
// [session.Session.Insert].
func (r *Repository[T]) Create(ctx context.Context, model *T) error {
	if len(r.base.Scope) > 0 || model == nil {
		return r.CreateMany(ctx, []*T{model})
	}
	err := r.write(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, model) })
	return wrap("create", err)
}

// CreateMany is Create for several models, all of them or none, in the order given; adjacent ones of one shape are one
// statement. None is no error.
func (r *Repository[T]) CreateMany(ctx context.Context, models []*T) error {
	if err := checkModels(models); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	err := r.write(ctx, func(ctx context.Context, s *session.Session) error {
		return r.create(ctx, s, models)
	})
	return wrap("create", err)
}

func (r *Repository[T]) create(ctx context.Context, s *session.Session, models []*T) error {
	if len(models) == 0 {
		return nil
	}
	if len(r.base.Scope) > 0 {
		if err := s.Stage(ctx, &models); err != nil {
			return err
		}
	}
	return r.scoped(ctx, s, models, func(ctx context.Context) error { return s.Insert(ctx, &models) })
}

// Update writes the named columns of the model's row, or all of them; names are the columns'. Errors: dossier.ErrNotFound
// for a row that is not there, is soft-deleted or outside of the scope; dossier.ErrStale, as [session.Session.Update] has
// it, for one that somebody else changed; dossier.ErrInvalid for a row that the update would put outside of the scope.
func (r *Repository[T]) Update(ctx context.Context, model *T, columns ...string) error {
	if err := checkModels([]*T{model}); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return r.change(ctx, "update", []*T{model}, columns, func(ctx context.Context, s *session.Session) error {
		return s.Update(ctx, model, columns...)
	})
}

// UpdateMany is Update for several models, all of them or none: one statement, or as many as the models have files, for each
// file's row is locked and compared by itself. When rows are not there the error is dossier.ErrNotFound and a
// [*MissingError] with their keys. One row given twice is dossier.ErrInvalid.
func (r *Repository[T]) UpdateMany(ctx context.Context, models []*T, columns ...string) error {
	if err := checkModels(models); err != nil || len(models) == 0 {
		return wrap("update many", err)
	}
	return r.change(ctx, "update many", models, columns, func(ctx context.Context, s *session.Session) error {
		if err := s.StageUpdate(ctx, &models, columns...); err != nil { // before the savepoint begins the transaction
			return err
		}
		return s.Nested(ctx, func(ctx context.Context) error { return s.UpdateMany(ctx, &models, columns...) })
	})
}

// MissingError says which rows of many are not there. It is dossier.ErrNotFound.
type MissingError struct {
	// Keys are the primary keys of the rows, in the order in which they were given, each with its values in the order of
	// the struct.
	Keys [][]any
	err  error
}

// Error lists the keys.
func (e *MissingError) Error() string {
	text := fmt.Sprintf("%v: %d rows are not there:", dossier.ErrNotFound, len(e.Keys))
	for i, key := range e.Keys {
		if i == 10 {
			return text + " …"
		}
		text += " " + fmt.Sprint(key...)
	}
	return text
}

// Unwrap gives dossier.ErrNotFound and the cause, if any.
func (e *MissingError) Unwrap() []error {
	if e.err == nil {
		return []error{dossier.ErrNotFound}
	}
	return []error{dossier.ErrNotFound, e.err}
}

// change runs a write on rows that must be there, inside of the scope before and after it.
func (r *Repository[T]) change(ctx context.Context, op string, models []*T, columns []string,
	do func(context.Context, *session.Session) error) error {
	err := r.write(ctx, func(ctx context.Context, s *session.Session) error {
		if len(r.base.Scope) == 0 {
			return r.orMissing(ctx, s, models, do(ctx, s))
		}
		if err := r.present(ctx, s, models, NoLock); err != nil { // before anything is uploaded
			return err
		}
		if err := s.StageUpdate(ctx, &models, columns...); err != nil {
			return err
		}
		return r.scoped(ctx, s, models, func(ctx context.Context) error {
			if err := r.present(ctx, s, models, ForUpdate); err != nil {
				return err
			}
			return r.orMissing(ctx, s, models, do(ctx, s))
		})
	})
	return wrap(op, err)
}

// scoped runs a write in a savepoint that is undone when it puts rows outside of the scope. Files are uploaded before, because the
// savepoint begins the transaction.
func (r *Repository[T]) scoped(ctx context.Context, s *session.Session, models []*T, do func(context.Context) error) error {
	if len(r.base.Scope) == 0 {
		return do(ctx)
	}
	return s.Nested(ctx, func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		return r.inside(ctx, s, models)
	})
}

// inside refuses rows that were written outside of the scope.
func (r *Repository[T]) inside(ctx context.Context, s *session.Session, models []*T) error {
	err := r.present(ctx, s, models, NoLock)
	var missing *MissingError
	if errors.As(err, &missing) {
		return fmt.Errorf("%w: rows outside of the repository's scope: %v", dossier.ErrInvalid, missing.Keys)
	}
	return err
}

// orMissing tells that rows are not there from that somebody else changed them.
func (r *Repository[T]) orMissing(ctx context.Context, s *session.Session, models []*T, err error) error {
	if !errors.Is(err, dossier.ErrStale) {
		return err
	}
	problem := r.present(ctx, s, models, NoLock)
	var missing *MissingError
	if errors.As(problem, &missing) {
		missing.err = err
		return missing
	}
	return err
}

// chunk is how many keys stand in one statement.
const chunk = 500

// present returns a MissingError unless the repository has the rows of all models.
func (r *Repository[T]) present(ctx context.Context, s *session.Session, models []*T, lock Lock) error {
	db, table, found := s.Manager().DB(), r.table(s), map[string]bool{}
	var keys []key
	for _, model := range models {
		k, err := modelKey(table, model)
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	for some := range slices.Chunk(keys, chunk) {
		rows, err := r.keys(ctx, s, lock, anyOf(some))
		if err != nil {
			return err
		}
		for _, row := range rows {
			found[text(db, table, row)] = true
		}
	}
	missing := &MissingError{}
	for i, model := range models {
		if !found[text(db, table, model)] {
			missing.Keys = append(missing.Keys, keys[i].values)
		}
	}
	if len(missing.Keys) > 0 {
		return missing
	}
	return nil
}

// keys reads the primary keys of the rows that the filters select.
func (r *Repository[T]) keys(ctx context.Context, s *session.Session, lock Lock, where ...Filter) ([]*T, error) {
	var rows []*T
	q, err := r.rows(s, &rows, where...)
	if err == nil && lock != NoLock {
		err = r.lock(ctx, s, q, lock)
	}
	if err != nil {
		return nil, err
	}
	for _, pk := range r.table(s).PKs {
		q = q.Column(pk.Name)
	}
	read, err := scanned[T](ctx, s, q)
	return read, err
}

func checkModels[T any](models []*T) error {
	if i := slices.Index(models, nil); i >= 0 {
		return fmt.Errorf("%w: model %d is nil", dossier.ErrInvalid, i)
	}
	return nil
}

// wrap names the operation.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", op, err)
}
