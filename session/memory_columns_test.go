package session_test

import (
	"context"
	"testing"

	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// shared has columns of every sort that a copy of the struct does not keep.
type shared struct {
	bun.BaseModel `bun:"table:shareds"`
	model.UUID
	Text  string         `bun:"text"`
	Bytes []byte         `bun:"bytes"`
	Map   map[string]any `bun:"map"`
	List  []string       `bun:"list"`
	Count *int           `bun:"count"`
}

// What changes in place, behind a pointer, in a slice or in a map, is a change as much as an assignment: who took a copy of
// the struct for the row would not see it, and the update would be left out as one of nothing.
func TestModifiedInPlaceIsModified(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{}, (*shared)(nil))
	count := 1
	row := &shared{Text: "a", Bytes: []byte("bytes"), Map: map[string]any{"a": "b"}, List: []string{"x"}, Count: &count}
	must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, row) }))
	for name, change := range map[string]func(r *shared){
		"text":    func(r *shared) { r.Text = "b" },
		"bytes":   func(r *shared) { r.Bytes[0] = 'B' },
		"map":     func(r *shared) { r.Map["a"] = "c" },
		"list":    func(r *shared) { r.List[0] = "y" },
		"pointer": func(r *shared) { *r.Count = 2 },
	} {
		must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error {
			got := &shared{UUID: row.UUID}
			must(t, s.Get(ctx, got))
			if s.IsModified(got) {
				t.Errorf("%s: modified before it was", name)
			}
			if change(got); !s.IsModified(got) {
				t.Errorf("%s: not modified after it was", name)
			}
			return nil
		}))
	}
}

// A context that the session gives away ends with what it was given for, also when nobody asked before: a goroutine that
// keeps it must not believe that the clean-up is still going on.
func TestContextOfAfterCommitEndsAfterIt(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{}, (*shared)(nil))
	type key struct{}
	var asked, kept, empty context.Context
	must(t, w.Run(context.WithValue(w.ctx, key{}, "value"), func(ctx context.Context, s *session.Session) error {
		s.AfterCommit(func(ctx context.Context) {
			asked = ctx
			if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil || ctx.Value(key{}) != "value" {
				t.Errorf("bounded %v, %v, value %v", bounded, ctx.Err(), ctx.Value(key{}))
			}
		})
		s.AfterCommit(func(ctx context.Context) { kept = ctx })
		return s.Insert(ctx, &shared{Text: "a"})
	}))
	must(t, w.Run(w.ctx, func(_ context.Context, s *session.Session) error {
		s.AfterCommit(func(ctx context.Context) { empty = ctx })
		return nil
	}))
	for name, ctx := range map[string]context.Context{"asked": asked, "kept": kept, "of nothing": empty} {
		select {
		case <-ctx.Done():
		default:
			t.Errorf("%s: it goes on", name)
		}
		if ctx.Err() == nil || context.Cause(ctx) == nil {
			t.Errorf("%s: %v, %v", name, ctx.Err(), context.Cause(ctx))
		}
	}
}
