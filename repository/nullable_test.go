package repository_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// visitor has columns that say by a field whether they are NULL.
type visitor struct {
	bun.BaseModel `bun:"table:visitors"`
	ID            int64             `bun:"id,pk"`
	Name          sql.NullString    `bun:"name"`
	Age           sql.NullInt64     `bun:"age"`
	Came          sql.NullTime      `bun:"came"`
	Left          bun.NullTime      `bun:"left_at"`
	Badge         sql.Null[float64] `bun:"badge,type:double precision"`
	Paid          sql.NullBool      `bun:"paid"`
	Card          uuid.NullUUID     `bun:"card,type:varchar(36)"`
}

// Whether a column is a pointer or says in another way that it is NULL is no matter of a filter's.
func TestFiltersOnColumnsOfPackageSQL(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		visitors, card := repository.For[visitor](m), uuid.New()
		check(t, visitors.CreateMany(t.Context(), []*visitor{
			{ID: 1, Name: sql.NullString{String: "Änne", Valid: true}, Age: sql.NullInt64{Int64: 30, Valid: true},
				Came: sql.NullTime{Time: noon.In(time.FixedZone("x", 7200)), Valid: true}, Left: bun.NullTime{Time: noon.Add(time.Hour)},
				Badge: sql.Null[float64]{V: 1.5, Valid: true}, Paid: sql.NullBool{Bool: false, Valid: true}, Card: uuid.NullUUID{UUID: card, Valid: true}},
			{ID: 2},
		}))
		for name, filter := range map[string]repository.Filter{
			"text": repository.Equal("name", "Änne"), "search": repository.Search("ÄN", "name"), "number": repository.Between("age", 30, "30"),
			"time": repository.Equal("came", noon), "before": repository.Before("left_at", noon.Add(2*time.Hour)), "after": repository.After("left_at", noon),
			"day": repository.OnDate("came", noon), "float": repository.In("badge", []float64{1.5}), "false": repository.False("paid"),
			"key": repository.Equal("card", card), "key as text": repository.Equal("card", card.String()),
			"a value of that type": repository.Equal("age", sql.NullInt64{Int64: 30, Valid: true}), "not null": repository.NotNull("name"),
			"times": repository.Equal("left_at", bun.NullTime{Time: noon.Add(time.Hour)}),
		} {
			found, err := visitors.List(t.Context(), repository.ListOptions{Where: []repository.Filter{filter}})
			if err != nil || len(found) != 1 || found[0].ID != 1 {
				t.Errorf("%s: %d rows, %v", name, len(found), err)
			}
		}
		for name, filter := range map[string]repository.Filter{
			"no value": repository.Equal("age", sql.NullInt64{}), "no time": repository.Equal("left_at", bun.NullTime{}),
			"text for a number": repository.Equal("age", "old"), "search in a number": repository.Search("3", "age"),
		} {
			if _, err := visitors.Count(t.Context(), filter); !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		parser, err := repository.NewParser(m, (*visitor)(nil), repository.Parameters{CreatedAt: "came", Boolean: []string{"paid"},
			Search: []string{"name"}, In: []string{"age"}})
		check(t, err)
		options, err := parser.ParseRaw("createdAfter=2024-05-06T11:00:00Z&paid=false&searchString=nn&ageIn=30")
		check(t, err)
		if found, err := visitors.List(t.Context(), options); err != nil || len(found) != 1 {
			t.Errorf("%d rows, %v", len(found), err)
		}
	}, (*visitor)(nil))
}

// Rows without a file are asked for in one way, whatever their column holds: NULL, or a list that is or has become empty.
func TestRowsWithoutAnyFileOfMany(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		documents, was := repository.For[document](m), &document{Title: "was", Pages: fileobject.List{text("a")}}
		check(t, documents.CreateMany(t.Context(), []*document{{Title: "null"}, {Title: "empty", Pages: fileobject.List{}}, was,
			{Title: "one", Pages: fileobject.List{text("b")}}}))
		was.Pages = fileobject.List{}
		check(t, documents.Update(t.Context(), was, "pages"))
		for want, filter := range map[string]repository.Filter{
			"empty null was": repository.Not(repository.NotNull("pages.size")), "one": repository.NotNull("pages.size"),
			"null": repository.Null("pages"), "empty one was": repository.NotNull("pages"), "": repository.Null("pages.size"),
		} {
			found, err := documents.List(t.Context(), repository.ListOptions{Where: []repository.Filter{filter},
				Order: []repository.Order{{Column: "title"}}})
			var titles []string
			for _, d := range found {
				titles = append(titles, d.Title)
			}
			if got := strings.Join(titles, " "); err != nil || got != want {
				t.Errorf("%q, want %q; %v", got, want, err)
			}
		}
	}, (*document)(nil))
}
