package repository

import (
	"context"

	"github.com/dossier-go/dossier/session"
)

// Service is a [Repository] whose writes go through rules: hooks that prepare a model, then a check of it, then the
// repository, all in one unit of work. That is all that it does; what is read needs no service, see [Service.Rows].
type Service[T any] struct {
	rows  *Repository[T]
	rules Rules[T]
}

// Rules of a [Service]. A function that is nil does nothing; an error of one is the call's, nothing is written then, and
// the unit of work is undone. They run in the transaction of the write or before it begins, so they should be quick. They may
// read and write with the repository given to them, which works in the same unit of work and without these rules.
type Rules[T any] struct {
	// BeforeCreate prepares a model that is about to be inserted. Default: nil.
	BeforeCreate func(ctx context.Context, rows *Repository[T], model *T) error
	// BeforeUpdate prepares a model whose row is about to be updated. Default: nil.
	BeforeUpdate func(ctx context.Context, rows *Repository[T], model *T) error
	// BeforeUpsert prepares a model of which nobody knows yet whether it is inserted. Default: nil.
	BeforeUpsert func(ctx context.Context, rows *Repository[T], model *T) error
	// BeforeDelete sees the row that is about to be deleted, as it is. Default: nil.
	BeforeDelete func(ctx context.Context, rows *Repository[T], model *T) error
	// Validate is called after these, but for BeforeDelete, and says by an [*Invalid] what is wrong; it changes nothing. What
	// only the database can know, as whether a value is taken, is left to its constraints. Default: nil.
	Validate func(ctx context.Context, model *T) error
}

// NewService returns a service over the repository: over one of [New] it works in that session, over one of [For] every
// call is a unit of work of its own.
func NewService[T any](rows *Repository[T], rules Rules[T]) *Service[T] {
	return &Service[T]{rows: rows, rules: rules}
}

// Rows returns the repository, for reading. What is written with it goes past the rules.
func (v *Service[T]) Rows() *Repository[T] { return v.rows }

// Create inserts the models by the rules, all of them or none. Errors: those of the rules and of [Repository.CreateMany];
// dossier.ErrInvalid for a nil model.
func (v *Service[T]) Create(ctx context.Context, models ...*T) error {
	if err := checkModels(models); err != nil {
		return wrap("create", err)
	}
	return v.run(ctx, session.RunOptions{}, func(ctx context.Context, rows *Repository[T]) error {
		if err := v.check(ctx, rows, v.rules.BeforeCreate, models...); err != nil {
			return err
		}
		return rows.CreateMany(ctx, models)
	})
}

// Upsert inserts the model's row or updates the one that it matches, by the rules, and tells which. The rules are called
// again when others were faster and it is tried again. Errors: those of the rules and of [Repository.Upsert].
func (v *Service[T]) Upsert(ctx context.Context, model *T, opts UpsertOptions) (created bool, err error) {
	if err := checkModels([]*T{model}); err != nil {
		return false, wrap("upsert", err)
	}
	err = v.run(ctx, session.RunOptions{Attempts: attempts}, func(ctx context.Context, rows *Repository[T]) error {
		if err := v.check(ctx, rows, v.rules.BeforeUpsert, model); err != nil {
			return err
		}
		created, err = rows.Upsert(ctx, model, opts)
		return err
	})
	return created && err == nil, err
}

// Update writes the named columns of the model's row, or all of them, by the rules. A rule that changes another column than
// the named ones changes the struct and not the row. Errors: those of the rules and of [Repository.Update].
func (v *Service[T]) Update(ctx context.Context, model *T, columns ...string) error {
	if err := checkModels([]*T{model}); err != nil {
		return wrap("update", err)
	}
	return v.run(ctx, session.RunOptions{}, func(ctx context.Context, rows *Repository[T]) error {
		if err := v.check(ctx, rows, v.rules.BeforeUpdate, model); err != nil {
			return err
		}
		return rows.Update(ctx, model, columns...)
	})
}

// Change loads the row with this primary key, lets change edit it, and updates it by the rules: for requests that name some
// fields only. It returns the row as it is then. Nothing that others write meanwhile is lost: the row is compared, under its
// lock, with what was loaded, and dossier.ErrStale if it differs; the call can be made again. Errors: those of change and
// of the rules, dossier.ErrNotFound, dossier.ErrInvalid for another primary key than before, those of [Repository.Update].
func (v *Service[T]) Change(ctx context.Context, change func(model *T) error, id ...any) (*T, error) {
	var model *T
	err := v.run(ctx, session.RunOptions{}, func(ctx context.Context, rows *Repository[T]) (err error) {
		if model, err = rows.Get(ctx, id...); err != nil {
			return err
		}
		loaded := rows.snapshot(model)
		if err = change(model); err != nil {
			return err
		}
		if err = v.check(ctx, rows, v.rules.BeforeUpdate, model); err != nil {
			return err
		}
		return rows.updateFrom(ctx, loaded, model)
	})
	if err != nil {
		return nil, err
	}
	return model, nil
}

// Delete deletes the row with this primary key by the rules. Errors: those of BeforeDelete, dossier.ErrNotFound, those of
// [Repository.Delete].
func (v *Service[T]) Delete(ctx context.Context, id ...any) error {
	return v.run(ctx, session.RunOptions{}, func(ctx context.Context, rows *Repository[T]) error {
		if v.rules.BeforeDelete == nil {
			return rows.Delete(ctx, id...)
		}
		model, err := rows.Get(ctx, id...)
		if err != nil {
			return err
		}
		if err := v.rules.BeforeDelete(ctx, rows, model); err != nil {
			return err
		}
		return rows.Delete(ctx, id...)
	})
}

// rule is a function of Rules that prepares a model.
type rule[T any] = func(ctx context.Context, rows *Repository[T], model *T) error

func (v *Service[T]) check(ctx context.Context, rows *Repository[T], before rule[T], models ...*T) error {
	for _, model := range models {
		if before != nil {
			if err := before(ctx, rows, model); err != nil {
				return err
			}
		}
		if v.rules.Validate == nil {
			continue
		}
		if err := v.rules.Validate(ctx, model); err != nil {
			return err
		}
	}
	return nil
}

// run calls fn with the repository in one unit of work.
func (v *Service[T]) run(ctx context.Context, opts session.RunOptions,
	fn func(ctx context.Context, rows *Repository[T]) error) error {
	return v.rows.run(ctx, opts, func(ctx context.Context, s *session.Session) error {
		rows := *v.rows
		rows.s, rows.m = s, nil
		return fn(ctx, &rows)
	})
}
