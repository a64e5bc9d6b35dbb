package lifecycle_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier/session"
)

// Two hundred goroutines replace one file: all succeed; at once exactly one object is left, with the default all until
// they fall due, then one.
func TestConcurrentReplaceKeepsOneObject(t *testing.T) {
	onEveryDatabase(t, testConcurrentReplaceKeepsOneObject)
}

func testConcurrentReplaceKeepsOneObject(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, want := range map[string]struct {
		delay   time.Duration
		objects int
	}{"AtOnce": {session.AtOnce, 1}, "default": {0, replacers + 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replaceConcurrently(t, setup{options: session.Options{DeleteAfter: want.delay}}, want.objects)
		})
	}
}

const replacers = 200

// replaceConcurrently demands so many objects before the sweep.
func replaceConcurrently(t *testing.T, with setup, want int) {
	t.Helper()
	w := newWorld(t, with)
	d := w.insert(t, "a", "first")
	var group sync.WaitGroup
	for i := range replacers {
		group.Go(func() {
			mine := &document{UUID: d.UUID, File: file(fmt.Sprint("content ", i))}
			err := w.m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
				if i%4 == 0 {
					return lockAndReplace(ctx, s, mine)
				}
				return s.Update(ctx, mine, "file")
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := len(w.keys(t)); n != want {
		t.Errorf("%d objects, want %d", n, want)
	}
	w.sweep(t)
	if keys, refs := w.keys(t), w.referenced(t); len(keys) != 1 || keys[0] != refs[0] {
		t.Errorf("objects %v, rows %v", keys, refs)
	}
}

func lockAndReplace(ctx context.Context, s *session.Session, mine *document) error {
	f := mine.File
	if err := s.StageFile(ctx, mine, "File", f); err != nil {
		return err
	}
	if err := s.Lock(ctx, mine); err != nil {
		return err
	}
	mine.File = f
	return s.Update(ctx, mine)
}
