package repository

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// Repository reads and writes the rows of T, a struct with bun's tags. One that was made with [For] is safe for
// concurrent use, one that was made with [New] is for one goroutine like its session.
type Repository[T any] struct {
	s *session.Session
	m *session.Manager
}

// New returns a repository that works in the session: nothing is committed before the session is, and reads see what it
// wrote.
func New[T any](s *session.Session) *Repository[T] { return &Repository[T]{s: s} }

// For returns a repository each of whose calls is a unit of work of its own: it is committed when the call returns
// nil, and undone when it returns an error. Reads run outside of any transaction.
func For[T any](m *session.Manager) *Repository[T] { return &Repository[T]{m: m} }

// Create uploads the model's files and inserts its row. Keys and times that are made on the way come back in the model.
// Errors: as [session.Session.Insert].
func (r *Repository[T]) Create(ctx context.Context, model *T) error {
	return r.run(ctx, session.RunOptions{}, func(ctx context.Context, s *session.Session) error {
		return s.Insert(ctx, model)
	})
}

// Get returns the row with this primary key; a composite key is given in the order of the struct. No row, or a
// soft-deleted one, is dossier.ErrNotFound; a key of another type or length dossier.ErrInvalid.
func (r *Repository[T]) Get(ctx context.Context, id ...any) (*T, error) {
	if err := checkID("get", id); err != nil {
		return nil, err
	}
	model := new(T)
	err := r.run(ctx, session.RunOptions{ReadOnly: true}, func(ctx context.Context, s *session.Session) error {
		return s.Get(ctx, model, id...)
	})
	if err != nil {
		return nil, err
	}
	return model, nil
}

// Update writes the named columns of the model's row, or all of them. Errors: as [session.Session.Update]; a row that is
// not there is dossier.ErrStale.
func (r *Repository[T]) Update(ctx context.Context, model *T, columns ...string) error {
	return r.run(ctx, session.RunOptions{}, func(ctx context.Context, s *session.Session) error {
		return s.Update(ctx, model, columns...)
	})
}

// Delete deletes the row with this primary key, or that of the *T given in its place, and orders the delete of its
// objects; a model with a soft-delete column keeps row and objects. No row is dossier.ErrNotFound.
func (r *Repository[T]) Delete(ctx context.Context, id ...any) error {
	if err := checkID("delete", id); err != nil {
		return err
	}
	return r.run(ctx, session.RunOptions{}, func(ctx context.Context, s *session.Session) error {
		model, given := id[0].(*T)
		if !given {
			model = new(T)
			if err := s.Get(ctx, model, id...); err != nil {
				return err
			}
		}
		err := s.Delete(ctx, model)
		if errors.Is(err, dossier.ErrStale) { // a delete knows only one way to be stale
			return fmt.Errorf("%w: %w", dossier.ErrNotFound, err)
		}
		return err
	})
}

func checkID(op string, id []any) error {
	if len(id) == 0 {
		return fmt.Errorf("%s: %w: no primary key was given", op, dossier.ErrInvalid)
	}
	return nil
}

// run calls fn in the repository's session, or in a unit of work of its own.
func (r *Repository[T]) run(ctx context.Context, opts session.RunOptions, fn func(ctx context.Context, s *session.Session) error) error {
	switch t := reflect.TypeFor[T](); {
	case t.Kind() != reflect.Struct:
		return fmt.Errorf("repository: %w: %v is no struct", dossier.ErrInvalid, t)
	case r.s != nil:
		return fn(ctx, r.s)
	case r.m == nil:
		return fmt.Errorf("repository of %v: %w: it was made without a session or manager", t, dossier.ErrInvalid)
	}
	if err := r.m.Register((*T)(nil)); err != nil {
		return fmt.Errorf("repository: %w", err)
	}
	return r.m.RunWith(ctx, opts, fn)
}
