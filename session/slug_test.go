package session_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// post has a slug and another unique column.
type post struct {
	bun.BaseModel `bun:"table:posts"`
	model.Int64
	model.SlugKey `slug:"title"`
	Title         string `bun:"title"`
	Code          string `bun:"code,unique,nullzero"`
}

// Two sessions that insert the same title at once both succeed, with two slugs: a check before the insert could not see
// what the other has not committed.
func TestRacingInsertsGetDifferentSlugs(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		const n = 20
		errs := make(chan error)
		for i := range n {
			go func() {
				errs <- w.Run(w.ctx, func(ctx context.Context, s *session.Session) error {
					return s.Insert(ctx, &post{Title: "Annual Report"}, &post{Title: fmt.Sprint("Note ", i)})
				})
			}()
		}
		for range n {
			if err := <-errs; err != nil {
				t.Errorf("an insert failed: %v", err)
			}
		}
		slugs := w.texts("SELECT slug FROM posts WHERE title = 'Annual Report' ORDER BY slug")
		if len(slugs) != n || slugs[0] != "annual-report" {
			t.Fatalf("%d slugs: %v", len(slugs), slugs)
		}
		for _, slug := range slugs[1:] {
			if !regexp.MustCompile(`^annual-report-[0-9a-z]{4,12}$`).MatchString(slug) {
				t.Errorf("slug %q", slug)
			}
		}
	}, (*post)(nil))
}

// The loser of a race goes on in its transaction: rows that it wrote before are there, and those after.
func TestTakenSlugLeavesTheTransactionWhole(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		w.insert(&post{Title: "Plan"})
		many := make([]*post, 9)
		for i := range many {
			many[i] = &post{Title: fmt.Sprint("Chapter ", i%3)}
		}
		w.insert(&post{Title: "Chapter 1"})
		w.run(func(ctx context.Context, s *session.Session) error {
			return errors.Join(s.Insert(ctx, &post{Title: "before"}), s.Insert(ctx, &post{Title: "Plan"}), s.Insert(ctx, &many),
				s.Insert(ctx, &post{Title: "after"}))
		})
		for _, p := range many {
			got := load[post](w, p.ID)
			if got.Slug != p.Slug || got.Title != p.Title || !strings.HasPrefix(got.Slug, model.Slugify(p.Title)) {
				t.Errorf("row %+v, struct %+v", got, p)
			}
		}
		if n := w.texts("SELECT count(*) FROM posts")[0]; n != "14" {
			t.Errorf("%s rows, want 14", n)
		}
	}, (*post)(nil))
}

// A slug is for people and for URLs whatever the text is.
func TestSlugsOfOddTexts(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		for text, want := range map[string]string{
			"Ärger & Łódź": `^arger-and-lodz$`, "北京 2026": `^bei-jing-2026$`, "": `^[0-9a-z]{4}$`, "!?…": `^[0-9a-z]{4}$`,
			"🙂":                         `^[0-9a-z]{4}$`,
			strings.Repeat("word ", 50): `^(word-){19}word$`, strings.Repeat("x", 240): `^x{100}$`,
		} {
			for range 2 {
				p := &post{Title: text}
				w.insert(p)
				got := load[post](w, p.ID).Slug
				if !regexp.MustCompile(want).MatchString(got) {
					t.Errorf("slug %q of %.20q, want %s", got, text, want)
				}
				if len(got) > model.MaxSlug || got != p.Slug {
					t.Errorf("slug %q of %d characters, in the struct %q", got, len(got), p.Slug)
				}
				want = `^[0-9a-z]([0-9a-z-]*-)?[0-9a-z]{3,}$`
			}
		}
	}, (*post)(nil))
}

// A slug that the caller chose is his: it is not replaced by another one in silence.
func TestExplicitSlugThatIsTakenIsAnError(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		w.insert(&post{Title: "Plan"})
		own := &post{Title: "B", SlugKey: model.SlugKey{Slug: "plan"}}
		if err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, own) }); err == nil ||
			own.Slug != "plan" {
			t.Errorf("slug %q, %v", own.Slug, err)
		}
		long := &post{SlugKey: model.SlugKey{Slug: strings.Repeat("ä", model.MaxSlug+1)}}
		err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, long) })
		wantError(t, err, dossier.ErrInvalid)
		long.Slug = strings.Repeat("ä", model.MaxSlug)
		w.insert(long)
	}, (*post)(nil))
}

// The duplicate of another column is the caller's to know, with that column's name.
func TestDuplicateOfAnotherColumnIsNotRetriedAway(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		w.insert(&post{Title: "Plan", Code: "a"})
		double := []*post{{Title: "C", Code: "c"}, {Title: "Plan", Code: "a"}, {Title: "D", Code: "d"}}
		err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, &double) })
		if err == nil || !strings.Contains(err.Error(), "code") && !strings.Contains(err.Error(), "'a'") && w.on != "postgresql" {
			t.Errorf("error %v", err)
		}
		if n := w.texts("SELECT count(*) FROM posts")[0]; n != "1" {
			t.Errorf("%s rows, want 1", n)
		}
		if double[1].Slug != "" {
			t.Errorf("the struct kept the slug %q of a rolled back insert", double[1].Slug)
		}
	}, (*post)(nil))
}

// What a rollback undid is no slug of the caller's: the second attempt makes its own.
func TestSlugIsMadeAnewAfterARollback(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		p, failed := &post{Title: "Plan"}, errors.New("no")
		w.run(func(ctx context.Context, s *session.Session) error {
			err := s.Nested(ctx, func(ctx context.Context) error { return errors.Join(s.Insert(ctx, p), failed) })
			if !errors.Is(err, failed) || p.Slug != "" {
				t.Errorf("slug %q after the savepoint, %v", p.Slug, err)
			}
			must(t, s.Insert(ctx, &post{Title: "Plan"}))
			return s.Insert(ctx, p)
		})
		if got := load[post](w, p.ID).Slug; got != p.Slug || !strings.HasPrefix(got, "plan-") {
			t.Errorf("slug %q, in the struct %q", got, p.Slug)
		}
	}, (*post)(nil))
}

// Links stay whatever becomes of the title, until somebody asks for another slug.
func TestUpdateMakesASlugOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	everyDatabase(t, func(t *testing.T, w *world) {
		p := &post{Title: "Plan"}
		w.insert(&post{Title: "Report"}, p)
		save := func(slug string, columns ...string) *post {
			t.Helper()
			p.Title, p.Slug = "Report", slug
			w.run(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, p, columns...) })
			return load[post](w, p.ID)
		}
		if got := save(""); got.Slug != "plan" || got.Title != "Report" {
			t.Errorf("%+v", got)
		}
		if got := save("own"); got.Slug != "own" {
			t.Errorf("%+v", got)
		}
		if got := save("", "slug"); !strings.HasPrefix(got.Slug, "report-") || got.Slug != p.Slug {
			t.Errorf("%+v, struct %+v", got, p)
		}
		err := w.try(func(ctx context.Context, s *session.Session) error {
			p.Slug = "report"
			return s.Update(ctx, p, "slug")
		})
		if err == nil {
			t.Error("a slug of one's own that is taken was written")
		}
	}, (*post)(nil))
}
