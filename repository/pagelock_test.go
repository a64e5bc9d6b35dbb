package repository_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// PostgreSQL locks no rows of a query with a window; that is no reason to refuse a page.
func TestPagesOfLockedRowsAreCounted(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		fill(t, m, 5)
		run(t, m, func(ctx context.Context, s *session.Session) error {
			locked := repository.New[document](s).With(repository.Options{Lock: repository.ForUpdate})
			page, err := locked.Page(ctx, repository.ListOptions{Limit: 2, Total: repository.CountInWindow})
			if len(page.Items) != 2 || page.Total != 5 {
				t.Errorf("%d of %d rows", len(page.Items), page.Total)
			}
			return err
		})
	}, (*document)(nil))
}

// However a page was counted, the session knows its rows: an update of one that did not change writes nothing, and so
// nothing over what others wrote.
func TestRowsOfPagesAreRemembered(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		fill(t, m, 3)
		for _, total := range []repository.Total{repository.CountSeparately, repository.CountInWindow} {
			run(t, m, func(ctx context.Context, s *session.Session) error {
				page, err := repository.New[document](s).Page(ctx, repository.ListOptions{Limit: 2, Total: total})
				check(t, err)
				before := page.Items[0].UpdatedAt
				if modified := s.IsModified(page.Items[0]); modified {
					t.Errorf("total %d: the row is taken for changed", total)
				}
				check(t, s.Update(ctx, page.Items[0]))
				if !page.Items[0].UpdatedAt.Equal(before) {
					t.Errorf("total %d: a row that did not change was written", total)
				}
				return nil
			})
		}
	}, (*document)(nil))
}

// A client that asks for an odd address gets links to this host, and to pages that there can be.
func TestLinksStayOnTheHost(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"//evil.example/a?x=1":            "</.//evil.example/a?x=1>",
		"/a%0d%0aSet-Cookie:x?y=%0d%0aZ:": "</a%0d%0aSet-Cookie:x?y=%0D%0AZ%3A>",
		`/a>;rel="x?q=">,<x`:              `</a%3E;rel=%22x?q=%22%3E%2C%3Cx>`,
	} {
		this, err := url.ParseRequestURI(raw)
		check(t, err)
		header := http.Header{}
		repository.KeysetPage[int]{}.SetLinks(header, this)
		if got := header.Get("Link"); got != want+`; rel="first"` {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
	header := http.Header{}
	repository.Page[int]{Limit: 1, Offset: math.MaxInt, Total: 3}.SetLinks(header, &url.URL{Path: "/"})
	if got := header.Get("Link"); got != `</>; rel="first", </?currentPage=3>; rel="prev"` {
		t.Errorf("past all pages: %s", got)
	}
}

// The place of a mistake is a URI fragment, whatever the field is called.
func TestPointersAreFragments(t *testing.T) {
	t.Parallel()
	var invalid repository.Invalid
	for _, field := range []string{"pages/0/größe", "a b%~\"", ""} {
		invalid.Add(field, "is wrong")
	}
	var got []string
	for _, one := range repository.ProblemOf(invalid.Err()).Errors {
		got = append(got, one.Pointer)
	}
	if want := "#/pages/0/gr%C3%B6%C3%9Fe #/a%20b%25~0%22 #"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A problem whose status was forgotten is an answer, not a panic.
func TestAProblemWithoutStatusIs500(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	repository.Problem{Title: "Oops"}.Write(w)
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"status":500`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Names of parameters are made of whole letters.
func TestParametersOfColumnsBeyondASCII(t *testing.T) {
	t.Parallel()
	m := openOn(t, "sqlite", session.Options{}, (*exercise)(nil))
	parser, err := repository.NewParser(m, (*exercise)(nil), repository.Parameters{In: []string{"art_übung"}})
	check(t, err)
	options, err := parser.Parse(url.Values{"artÜbungIn": {"Lauf"}})
	if err != nil || len(options.Where) != 1 {
		t.Errorf("%d filters, %v", len(options.Where), err)
	}
}

type exercise struct {
	bun.BaseModel `bun:"table:exercises"`
	ID            int64  `bun:"id,pk"`
	Kind          string `bun:"art_übung,notnull"`
}

// numbered is an application's error with a code of its own.
type numbered int

func (n numbered) Error() string { return fmt.Sprint("rule ", int(n)) }
func (n numbered) Code() int     { return int(n) }

// An application may number its errors; 1029, 1555 and 2067 are SQLite's too, and no reason to answer 503 or 409, or to try again.
func TestCodesOfApplicationsAreTheirOwn(t *testing.T) {
	t.Parallel()
	for _, code := range []numbered{5, 14, 275, 1029, 1555, 2067} {
		if err := repository.Recognise(fmt.Errorf("create: %w", code)); errors.As(err, new(*repository.DatabaseError)) {
			t.Errorf("code %d became %v", code, err)
		}
	}
	wantError(t, repository.Recognise(errors.Join(numbered(5), liteError(2067))), repository.ErrDuplicate)
}

// Exists is EXISTS: whoever only asks whether there is a row does not have a million counted.
func TestExistsStopsAtTheFirstRow(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		fill(t, m, 3)
		seen := watchStatements(m)
		found, err := repository.For[document](m).Exists(t.Context(), repository.Less("group_number", 5))
		if n := seen.take("SELECT EXISTS (SELECT 1 FROM"); !found || err != nil || n != 1 {
			t.Errorf("found %v, %v, by %d statements with EXISTS", found, err, n)
		}
	}, (*document)(nil))
}
