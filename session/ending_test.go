package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// What a function after the end of a unit of work writes through the session would be undone by Close without a word: it is
// refused, and what Add cannot refuse is logged.
func TestFunctionsAfterTheEndCannotWriteThroughTheSession(t *testing.T) {
	t.Parallel()
	log := &strings.Builder{}
	hook := func(ctx context.Context, s *session.Session) { s.Add(&paper{Title: "of a hook"}) }
	opts := session.Options{
		Logger: slog.New(slog.NewTextHandler(log, nil)), Hooks: session.Hooks{AfterCommit: hook, AfterRollback: hook},
	}
	w := newMemoryWorld(t, opts)
	for _, failure := range []error{nil, errors.New("no")} {
		var got []error
		err := w.try(func(ctx context.Context, s *session.Session) error {
			after := func(ctx context.Context) {
				got = append(got, s.Insert(ctx, &paper{Title: "later"}), s.Delete(ctx, &paper{}), s.Nested(ctx, nil), s.Commit(ctx))
			}
			s.AfterCommit(after)
			s.AfterRollback(after)
			return errors.Join(failure, s.Insert(ctx, &paper{Title: "a"}))
		})
		if !errors.Is(err, failure) || len(got) != 4 {
			t.Fatalf("error %v, and %d answers", err, len(got))
		}
		for _, refused := range got[:3] {
			wantError(t, refused, dossier.ErrInvalid)
		}
	}
	if titles := w.texts("SELECT title FROM papers"); !slices.Equal(titles, []string{"a"}) {
		t.Errorf("rows %q", titles)
	}
	if n := strings.Count(log.String(), "what Add queued"); n != 2 {
		t.Errorf("Add was reported %d times: %s", n, log)
	}
	w.insert(&paper{Title: "b"}) // the write lock is free
}

// A session can be used for the next unit of work although a function tried to use it between the two.
func TestSessionIsUsableAfterAFunctionWasRefused(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{Logger: slog.New(slog.DiscardHandler)})
	s, err := w.Begin(w.ctx)
	must(t, err)
	defer s.Close()
	s.AfterCommit(func(context.Context) { s.Add(&paper{Title: "lost"}) })
	must(t, s.Insert(w.ctx, &paper{Title: "a"}))
	must(t, s.Commit(w.ctx))
	must(t, s.Insert(w.ctx, &paper{Title: "b"}))
	must(t, s.Commit(w.ctx))
	if titles := w.texts("SELECT title FROM papers ORDER BY title"); !slices.Equal(titles, []string{"a", "b"}) {
		t.Errorf("rows %q", titles)
	}
}

// The commit has happened when AfterCommit runs: a panic in it changes nothing about that, and leaves nothing open.
func TestPanicAfterTheCommitLeavesTheCommit(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		for i := range 12 { // more than the pool has connections
			func() {
				defer func() {
					if got := recover(); got != "after" {
						t.Errorf("recovered %v", got)
					}
				}()
				_ = w.try(func(ctx context.Context, s *session.Session) error {
					s.AfterCommit(func(context.Context) { panic("after") })
					return s.Insert(ctx, &paper{Title: fmt.Sprint(i), File: text(fmt.Sprint("content ", i))})
				})
			}()
		}
		var contents []string
		for i := range 12 {
			contents = append(contents, fmt.Sprint("content ", i))
		}
		w.settle(contents...)
	})
}
