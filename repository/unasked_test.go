package repository_test

import (
	"errors"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// shelf and book are related, and nothing of a book need have a value but its title.
type shelf struct {
	bun.BaseModel `bun:"table:shelves"`
	ID            int64   `bun:"id,pk"`
	Label         string  `bun:"label,notnull"`
	Note          *string `bun:"note"`
	Books         []*book `bun:"rel:has-many,join:id=shelf_id"`
}

type book struct {
	bun.BaseModel `bun:"table:books"`
	ID            int64  `bun:"id,pk"`
	ShelfID       int64  `bun:"shelf_id"`
	Title         string `bun:"title,notnull"`
}

// searches for nothing, of every kind.
var searches = map[string]repository.Filter{
	"search":        repository.Search("", "label", "note"),
	"exact":         repository.SearchExact("", "label"),
	"starts":        repository.StartsWith("label", ""),
	"starts folded": repository.StartsWithFold("label", ""),
	"ends":          repository.EndsWith("label", ""),
	"ends folded":   repository.EndsWithFold("label", ""),
}

// restrictsNothing are filters that select whatever there is.
func restrictsNothing() map[string][]repository.Filter {
	empty, none := repository.Search("", "label"), repository.NotSearch("", "label")
	narrow := repository.Equal("label", "a")
	all := map[string][]repository.Filter{
		"none":                     nil,
		"and":                      {repository.And()},
		"and of and":               {repository.And(repository.And(), repository.And())},
		"not or":                   {repository.Not(repository.Or())},
		"not in":                   {repository.NotIn("id", []int{})},
		"not of in":                {repository.Not(repository.In("id", []int{}))},
		"two":                      {repository.NotIn("id", []int{}), empty},
		"and of searches":          {repository.And(empty, repository.SearchExact("", "note"))},
		"or":                       {repository.Or(narrow, empty)},
		"or with an empty and":     {repository.Or(narrow, repository.And())},
		"not of not":               {repository.Not(repository.Not(empty))},
		"not of a search for all":  {repository.Not(none)},
		"not in a group":           {repository.Not(repository.And(narrow, none))},
		"not null":                 {repository.NotNull("label")},
		"not null key":             {repository.Not(repository.Null("id"))},
		"related that cannot be":   {repository.NotExists("Books", repository.In("id", []int{}))},
		"related with no title":    {repository.NotExists("Books", repository.NotSearch("", "title"))},
		"all, but negated by mind": {repository.Not(repository.Not(repository.And()))},
	}
	for name, filter := range searches {
		all[name] = []repository.Filter{filter}
	}
	return all
}

// An empty search box over a list with a button "delete these" must not empty the table: whatever filters come to, they
// restrict something or somebody says All.
func TestWhatRestrictsNothingMustBeAskedFor(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, shelves := t.Context(), repository.For[shelf](m)
		check(t, shelves.CreateMany(ctx, []*shelf{{ID: 1, Label: "a"}, {ID: 2, Label: "b"}}))
		scoped := shelves.With(repository.Options{Scope: []repository.Filter{repository.Greater("id", 0)}})
		for name, where := range restrictsNothing() {
			for _, r := range []*repository.Repository[shelf]{shelves, scoped} {
				if n, err := r.DeleteWhere(ctx, where...); !isInvalid(err) || n != 0 {
					t.Errorf("%s: deleted %d, %v", name, n, err)
				}
				if n, err := r.UpdateWhere(ctx, map[string]any{"note": "x"}, where...); !isInvalid(err) || n != 0 {
					t.Errorf("%s: updated %d, %v", name, n, err)
				}
			}
		}
		if n := count(t, shelves); n != 2 {
			t.Errorf("%d rows are left of 2", n)
		}
	}, (*shelf)(nil), (*book)(nil))
}

func isInvalid(err error) bool { return errors.Is(err, dossier.ErrInvalid) }

// What narrows, and what says All, goes through: a guard that cries wolf is switched off.
func TestWhatRestrictsOrAsksGoesThrough(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, shelves := t.Context(), repository.For[shelf](m)
		empty := repository.Search("", "label")
		for name, test := range map[string]struct {
			where []repository.Filter
			rows  int
		}{
			"search and more":    {[]repository.Filter{empty, repository.Equal("label", "a")}, 1},
			"none of it":         {[]repository.Filter{repository.Not(empty)}, 0},
			"not of search":      {[]repository.Filter{repository.NotSearch("", "label")}, 0},
			"or of nothing":      {[]repository.Filter{repository.Or()}, 0},
			"a text":             {[]repository.Filter{repository.Search("b", "label")}, 1},
			"equal to no text":   {[]repository.Filter{repository.EqualFold("label", "")}, 0},
			"null":               {[]repository.Filter{repository.NotNull("note")}, 1},
			"exists":             {[]repository.Filter{repository.Exists("Books", repository.Search("", "title"))}, 0},
			"all":                {[]repository.Filter{repository.All()}, 2},
			"all and search":     {[]repository.Filter{repository.All(), empty}, 2},
			"all or something":   {[]repository.Filter{repository.Or(repository.All(), repository.Equal("label", "a"))}, 2},
			"no rows or a label": {[]repository.Filter{repository.Or(repository.In("id", []int{}), repository.Equal("label", "a"))}, 1},
		} {
			_, err := shelves.DeleteWhere(ctx, repository.All())
			check(t, err)
			note := "x"
			check(t, shelves.CreateMany(ctx, []*shelf{{ID: 1, Label: "a"}, {ID: 2, Label: "b", Note: &note}}))
			if n, err := shelves.DeleteWhere(ctx, test.where...); err != nil || n != test.rows {
				t.Errorf("%s: deleted %d rows, %v; want %d", name, n, err, test.rows)
			}
		}
	}, (*shelf)(nil), (*book)(nil))
}

// The guard is for what writes: to a reader a search for nothing is what it was, and hides what is NULL.
func TestAnEmptySearchReadsAsBefore(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, shelves := t.Context(), repository.For[shelf](m)
		note := "x"
		check(t, shelves.CreateMany(ctx, []*shelf{{ID: 1, Label: "a"}, {ID: 2, Label: "b", Note: &note}}))
		if n, err := shelves.Count(ctx, repository.Search("", "note")); err != nil || n != 1 {
			t.Errorf("%d rows, %v; want the one whose note is no NULL", n, err)
		}
		if n, err := shelves.Count(ctx, repository.All()); err != nil || n != 2 {
			t.Errorf("%d rows, %v", n, err)
		}
	}, (*shelf)(nil), (*book)(nil))
}
