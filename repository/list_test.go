package repository_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
)

func titles(documents []*document) string {
	var all []string
	for _, d := range documents {
		all = append(all, d.Title)
	}
	return strings.Join(all, " ")
}

// Limit, offset and order do what they say; ties are in order of the primary key, which here is that of creation.
func TestListOrdersAndCuts(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			fill(t, m, 7)
			for want, opts := range map[string]repository.ListOptions{
				"000 001 002 003 004 005 006": {},
				"002 003":                     {Limit: 2, Offset: 2},
				"006 005":                     {Limit: 2, Order: []repository.Order{{Column: "title", Descending: true}}},
				"002 005 001 004 000 003 006": {Order: []repository.Order{{Column: "group_number", Descending: true}}},
				"005 002 004 001 006 003 000": {Order: []repository.Order{{Column: "group_number", Descending: true},
					{Column: "id", Descending: true}}},
			} {
				got, err := repository.For[document](m).List(t.Context(), opts)
				if err != nil || titles(got) != want {
					t.Errorf("%+v: %s, want %s; %v", opts, titles(got), want, err)
				}
			}
		})
	}
}

// Pages neither repeat nor miss a row although all rows are equal in what was asked for.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			places := repository.For[place](m)
			for i := range 9 {
				check(t, places.Create(t.Context(), &place{Street: "Elm", Number: (i * 5) % 9, Name: "same"}))
			}
			var numbers []int
			for offset := 0; offset < 9; offset += 2 {
				page, err := places.List(t.Context(), repository.ListOptions{Limit: 2, Offset: offset,
					Order: []repository.Order{{Column: "name"}}})
				check(t, err)
				for _, p := range page {
					numbers = append(numbers, p.Number)
				}
			}
			if !slices.Equal(numbers, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}) {
				t.Errorf("pages %v", numbers)
			}
		})
	}
}

// Past the end there is an empty page, not nil: as JSON it is [] and not null.
func TestListPastTheEndIsEmpty(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			got, err := repository.For[document](m).List(t.Context(), repository.ListOptions{Offset: 5})
			if err != nil || got == nil || len(got) > 0 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// No caller gets an unbounded list, by accident or on purpose.
func TestListIsBounded(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			fill(t, m, repository.DefaultLimit+1)
			documents := repository.For[document](m)
			if got, err := documents.List(t.Context(), repository.ListOptions{}); err != nil || len(got) != repository.DefaultLimit {
				t.Errorf("%d rows, %v", len(got), err)
			}
			for _, opts := range []repository.ListOptions{{Limit: -1}, {Limit: repository.MaxLimit + 1}, {Offset: -1}} {
				if _, err := documents.List(t.Context(), opts); !errors.Is(err, dossier.ErrInvalid) {
					t.Errorf("%+v: %v", opts, err)
				}
			}
			if _, err := documents.List(t.Context(), repository.ListOptions{Limit: repository.MaxLimit}); err != nil {
				t.Error(err)
			}
		})
	}
}

// The order often comes from a query string: what is no column of the table never reaches the database.
func TestOrderTakesColumnsOnly(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			fill(t, m, 2)
			documents := repository.For[document](m)
			for _, name := range []string{
				"", "nothing", "TITLE", "Title", "documents.title", "title desc", "title; DROP TABLE documents", `title" DESC, "id`,
				"(SELECT 1)", "1", "random()", "rowid", "title--", "?0", "\x00",
			} {
				_, err := documents.List(t.Context(), repository.ListOptions{Order: []repository.Order{{Column: name}}})
				if !errors.Is(err, dossier.ErrInvalid) {
					t.Errorf("order by %q: %v", name, err)
				}
			}
			twice := []repository.Order{{Column: "title"}, {Column: "title", Descending: true}}
			if _, err := documents.List(t.Context(), repository.ListOptions{Order: twice}); !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("twice: %v", err)
			}
			if got, err := documents.List(t.Context(), repository.ListOptions{}); err != nil || len(got) != 2 {
				t.Errorf("the table suffered: %d rows, %v", len(got), err)
			}
		})
	}
}

type keyless struct {
	bun.BaseModel `bun:"table:keyless"`
	Name          string `bun:"name"`
}

// Rows without a key have no order that lasts, so there are no pages of them.
func TestListNeedsAPrimaryKey(t *testing.T) {
	t.Parallel()
	m := sessiontest.New(t, (*keyless)(nil))
	if _, err := repository.For[keyless](m).List(t.Context(), repository.ListOptions{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Error(err)
	}
}

type late struct {
	bun.BaseModel `bun:"table:late"`
	ID            int                    `bun:"id,pk,autoincrement"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

// A type that nobody registered is prepared at first use: the files of its first List find their backends.
func TestListPreparesTheType(t *testing.T) {
	t.Parallel()
	m := sessiontest.New(t, (*document)(nil)) // registers the backend "uploads", not the type
	_, err := m.DB().ExecContext(t.Context(), `CREATE TABLE late (id INTEGER PRIMARY KEY, file TEXT)`)
	check(t, err)
	b, err := m.Registry().Backend("uploads")
	check(t, err)
	_, err = b.Put(t.Context(), "k", dossier.BytesSource([]byte("found")), dossier.PutOptions{})
	check(t, err)
	_, err = m.DB().ExecContext(t.Context(), `INSERT INTO late VALUES (1, '{"filename":"k","backend":"uploads"}')`)
	check(t, err)
	run(t, m, func(ctx context.Context, s *session.Session) error {
		got, err := repository.New[late](s).List(ctx, repository.ListOptions{})
		check(t, err)
		if len(got) != 1 || content(ctx, t, got[0].File) != "found" {
			t.Errorf("got %v", got)
		}
		return nil
	})
}
