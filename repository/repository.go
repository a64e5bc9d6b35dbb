package repository

import (
	"context"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// Repository reads and writes the rows of T, a struct with bun's tags. One that was made with [For] is safe for
// concurrent use, one that was made with [New] is for one goroutine like its session. Errors of the database answer
// [errors.Is] for the kinds of this package; see [Recognise].
type Repository[T any] struct {
	s    *session.Session
	m    *session.Manager
	base Options
}

// New returns a repository that works in the session: nothing is committed before the session is, and reads see what it
// wrote.
func New[T any](s *session.Session) *Repository[T] { return &Repository[T]{s: s} }

// For returns a repository each of whose calls is a unit of work of its own: it is committed when the call returns
// nil, and undone when it returns an error. Reads run outside of any transaction.
func For[T any](m *session.Manager) *Repository[T] { return &Repository[T]{m: m} }

// run calls fn in the repository's session, or in a unit of work of its own, and recognises the errors of the database.
func (r *Repository[T]) run(ctx context.Context, opts session.RunOptions,
	fn func(ctx context.Context, s *session.Session) error) error {
	m := r.m
	if r.s != nil {
		m = r.s.Manager()
	}
	switch t := reflect.TypeFor[T](); {
	case t.Kind() != reflect.Struct:
		return fmt.Errorf("repository: %w: %v is no struct", dossier.ErrInvalid, t)
	case m == nil:
		return fmt.Errorf("repository of %v: %w: it was made without a session or manager", t, dossier.ErrInvalid)
	}
	if err := m.Register((*T)(nil)); err != nil {
		return fmt.Errorf("repository: %w", err)
	}
	if !opts.ReadOnly && m.Replicas() > 0 {
		ctx = session.OnPrimary(ctx) // what a write decides by must not be behind
	}
	if r.s != nil {
		return Recognise(fn(ctx, r.s))
	}
	return Recognise(m.RunWith(ctx, opts, fn))
}

// read is run for reads.
func (r *Repository[T]) read(ctx context.Context, fn func(ctx context.Context, s *session.Session) error) error {
	return r.run(ctx, session.RunOptions{ReadOnly: true}, fn)
}

// write is run for writes.
func (r *Repository[T]) write(ctx context.Context, fn func(ctx context.Context, s *session.Session) error) error {
	return r.run(ctx, session.RunOptions{}, fn)
}
