package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// Who was slower is told, and nothing of his is written: otherwise the first one's change is lost in silence.
func TestSlowerUpdateIsStale(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a := &article{Title: "Plan"}
		w.insert(a)
		for name, columns := range map[string][]string{"all columns": nil, "a named column": {"title"}} {
			first, second := load[article](w, a.ID), load[article](w, a.ID)
			first.Title, second.Title = "first", "second"
			w.run(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, first, columns...) })
			err := w.try(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, second, columns...) })
			wantError(t, err, dossier.ErrStale)
			if second.Version != first.Version-1 {
				t.Errorf("%s: the loser has number %d, the winner %d", name, second.Version, first.Version)
			}
			if got := load[article](w, a.ID); got.Title != "first" || got.Version != first.Version {
				t.Errorf("%s: %+v", name, got)
			}
		}
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return s.Update(ctx, &article{NanoID: a.NanoID, Title: "never loaded"})
		})
		wantError(t, err, dossier.ErrStale)
	}, (*article)(nil))
}

// Of many that read the same state one wins each round, so every success is one step of the counter.
func TestRacingUpdatesLoseNothing(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a := &article{Title: "0"}
		w.insert(a)
		const writers, each = 6, 5
		done := make(chan error)
		for range writers {
			go func() {
				for range each {
					if err := addOne(w, a.ID); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range writers {
			must(t, <-done)
		}
		got := load[article](w, a.ID)
		if got.Title != fmt.Sprint(writers*each) || got.Version != writers*each+1 {
			t.Errorf("title %s, version %d, want %d and %d", got.Title, got.Version, writers*each, writers*each+1)
		}
	}, (*article)(nil))
}

// addOne adds one to the number in the title, again and again while others are faster.
func addOne(w *world, id string) error {
	for {
		err := w.try(func(ctx context.Context, s *session.Session) error {
			var a article
			if err := s.Get(ctx, &a, id); err != nil {
				return err
			}
			var n int
			if _, err := fmt.Sscan(a.Title, &n); err != nil {
				return err
			}
			a.Title = fmt.Sprint(n + 1)
			return s.Update(ctx, &a)
		})
		if !errors.Is(err, dossier.ErrStale) && !session.Retryable(err) {
			return err
		}
	}
}

// The struct is as the row is: after success ahead, after a rollback back, so that the next update is right either way.
func TestVersionFollowsRollbacks(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a, failed := oldArticle(w), errors.New("no")
		before := a.Audit
		change := func(ctx context.Context, s *session.Session) error {
			a.Title += "!"
			return s.Update(ctx, a)
		}
		err := w.try(func(ctx context.Context, s *session.Session) error {
			must(t, change(ctx, s))
			must(t, change(ctx, s))
			if a.Version != 3 {
				t.Errorf("version %d after two updates", a.Version)
			}
			return failed
		})
		if !errors.Is(err, failed) || a.Version != 1 || a.Audit != before {
			t.Errorf("after the rollback: %d, %v, %v", a.Version, a.Audit, err)
		}
		w.run(func(ctx context.Context, s *session.Session) error {
			must(t, change(ctx, s))
			after := a.Audit
			err := s.Nested(ctx, func(ctx context.Context) error { return errors.Join(change(ctx, s), change(ctx, s), failed) })
			if !errors.Is(err, failed) || a.Version != 2 || a.Audit != after {
				t.Errorf("after the savepoint: %d, %v, %v", a.Version, a.Audit, err)
			}
			return s.Nested(ctx, func(ctx context.Context) error { return change(ctx, s) })
		})
		if got := load[article](w, a.ID); got.Version != 3 || a.Version != 3 || got.Title != a.Title {
			t.Errorf("row %d %s, struct %d %s", got.Version, got.Title, a.Version, a.Title)
		}
	}, (*article)(nil))
}

// A unit of work that is tried again begins with the numbers that it began with.
func TestVersionThroughRetries(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a, attempts := oldArticle(w), 0
		fresh := &article{Title: a.Title}
		must(t, w.RunWith(w.ctx, session.RunOptions{Attempts: 3, Backoff: time.Microsecond},
			func(ctx context.Context, s *session.Session) error {
				attempts++
				a.Title = "retried"
				must(t, errors.Join(s.Update(ctx, a), s.Insert(ctx, fresh)))
				if attempts < 3 {
					return busy{}
				}
				return nil
			}))
		got, other := load[article](w, a.ID), load[article](w, fresh.ID)
		if attempts != 3 || got.Version != 2 || a.Version != 2 || other.Version != 1 || other.Slug != fresh.Slug {
			t.Errorf("%d attempts, row %+v, struct %+v, fresh %+v", attempts, got, a, other)
		}
	}, (*article)(nil))
}

// busy is an error that says to try again.
type busy struct{}

func (busy) Error() string    { return "busy" }
func (busy) SQLState() string { return "40001" }

// List edits merge with what others did, so they count and do not compare; the struct that has not seen the rest of the
// row must not become able to overwrite it.
func TestListEditsCountWithoutComparing(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a := oldArticle(w)
		stale := load[article](w, a.ID)
		appendTo := func(a *article) {
			w.run(func(ctx context.Context, s *session.Session) error { return s.AppendFiles(ctx, a, "pages", text("x")) })
		}
		appendTo(a)
		appendTo(stale)
		got := load[article](w, a.ID)
		if got.Version != 3 || len(got.Pages) != 2 || a.Version != 2 || stale.Version != 1 || !got.UpdatedAt.After(stale.CreatedAt) {
			t.Errorf("row %d with %d pages, structs %d and %d", got.Version, len(got.Pages), a.Version, stale.Version)
		}
		err := w.try(func(ctx context.Context, s *session.Session) error {
			stale.Title = "old news"
			return s.Update(ctx, stale, "title")
		})
		wantError(t, err, dossier.ErrStale)
		w.run(func(ctx context.Context, s *session.Session) error {
			return s.RemoveFiles(ctx, got, "pages", []*fileobject.FileObject(got.Pages)...)
		})
		if got.Version != 4 || len(load[article](w, a.ID).Pages) != 0 {
			t.Errorf("%+v", got)
		}
	}, (*article)(nil))
}

// Who deletes what he has not seen is told, unless he did not say what he saw.
func TestDeleteComparesTheVersion(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a := oldArticle(w)
		stale := load[article](w, a.ID)
		w.update(w.ctx, a.ID, func(a *article) { a.Title = "B" })
		remove := func(a *article) error {
			return w.try(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
		}
		wantError(t, remove(stale), dossier.ErrStale)
		if !stale.DeletedAt.IsZero() {
			t.Error("the struct of the row that was not deleted says that it was")
		}
		must(t, remove(&article{NanoID: a.NanoID}))
		d := &draft{Title: "A"}
		w.insert(d)
		wantError(t, removeDraft(w, &draft{Int64: d.Int64, Versioned: model.Versioned{Version: 9}}), dossier.ErrStale)
		must(t, removeDraft(w, d))
	}, (*article)(nil), (*draft)(nil))
}

// draft is deleted for good.
type draft struct {
	bun.BaseModel `bun:"table:drafts"`
	model.Int64
	model.Versioned
	Title string `bun:"title"`
}

func removeDraft(w *world, d *draft) error {
	return w.try(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) })
}

// A deleted row is out of sight and cannot be changed, its time is as the column keeps it, and a rollback brings it back in
// the struct too.
func TestSoftDeleteMarksTheRow(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		a, b, failed := oldArticle(w), oldArticle(w), errors.New("no")
		err := w.try(func(ctx context.Context, s *session.Session) error { return errors.Join(s.Delete(ctx, a), failed) })
		if !errors.Is(err, failed) || !a.DeletedAt.IsZero() {
			t.Errorf("%v, deleted at %v", err, a.DeletedAt)
		}
		before := model.Now()
		w.run(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
		w.run(func(ctx context.Context, s *session.Session) error {
			n, err := s.DeleteWhere(ctx, b, "id = ?", b.ID)
			if n != 1 {
				t.Errorf("%d rows were deleted", n)
			}
			return err
		})
		for _, row := range []*article{a, b} {
			err := w.try(func(ctx context.Context, s *session.Session) error { return s.Get(ctx, &article{}, row.ID) })
			wantError(t, err, dossier.ErrNotFound)
			wantError(t, w.try(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, row) }), dossier.ErrStale)
			wantError(t, w.try(func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, row) }), dossier.ErrStale)
			var kept article
			must(t, w.DB().NewSelect().Model(&kept).WhereAllWithDeleted().Where("id = ?", row.ID).Scan(w.ctx))
			if kept.DeletedAt.Before(before) || kept.DeletedAt.After(model.Now()) || row == a && !kept.DeletedAt.Equal(a.DeletedAt) {
				t.Errorf("deleted at %v, the struct says %v", kept.DeletedAt, a.DeletedAt)
			}
		}
		again := &article{Title: "Plan"}
		w.insert(again)
		if again.Slug == "plan" {
			t.Error("the slug of a deleted row was given away")
		}
	}, (*article)(nil))
}
