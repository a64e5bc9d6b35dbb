package repository_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

type note struct {
	bun.BaseModel `bun:"table:notes"`
	ID            int64   `bun:"id,pk"`
	Title         string  `bun:"title,notnull,unique"`
	Remark        *string `bun:"remark"`
}

// A text that no database gives back as it is, which clients can send in JSON, is refused before any SQL: MariaDB would lose
// the NUL and all would store other characters in silence, PostgreSQL and SQLite would end the transaction.
func TestTextsComeBackOrAreRefused(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		notes := repository.For[note](m)
		check(t, notes.Create(t.Context(), &note{ID: 1, Title: "a", Remark: ptr("a")}))
		for _, bad := range []string{"a\x00b", "a\xffb"} {
			run(t, m, func(ctx context.Context, s *session.Session) error {
				rows := repository.New[note](s)
				_, upsert := rows.Upsert(ctx, &note{ID: 1, Title: bad}, repository.UpsertOptions{})
				_, _, getOrCreate := rows.GetOrCreate(ctx, &note{ID: 3, Title: bad}, repository.MatchOptions{})
				_, where := rows.UpdateWhere(ctx, map[string]any{"title": bad}, repository.Equal("id", 1))
				for name, err := range map[string]error{
					"create": rows.Create(ctx, &note{ID: 2, Title: bad}), "pointer": rows.Create(ctx, &note{ID: 2, Title: "b", Remark: &bad}),
					"update":      rows.Update(ctx, &note{ID: 1, Title: bad}, "title"),
					"update many": rows.UpdateMany(ctx, []*note{{ID: 1, Title: bad}}),
					"upsert":      upsert, "get or create": getOrCreate, "update where": where,
				} {
					if !errors.Is(err, dossier.ErrInvalid) {
						t.Errorf("%s %q: %v", name, bad, err)
					}
				}
				return rows.Update(ctx, &note{ID: 1, Title: "b", Remark: &bad}, "title") // the other column is not written
			})
		}
		got, err := notes.List(t.Context(), repository.ListOptions{})
		if err != nil || len(got) != 1 || got[0].Title != "b" || *got[0].Remark != "a" {
			t.Errorf("%d rows, %+v, %v", len(got), got[0], err)
		}
	}, (*note)(nil))
}

// A value that is none of the column's type is the client's mistake.
func TestAValueOfAnotherTypeIsRefusedByCode(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]string{
		"postgresql": "CREATE TABLE notes (id BIGINT PRIMARY KEY, title UUID, remark TEXT)",
		"mariadb":    "CREATE TABLE notes (id BIGINT PRIMARY KEY, title VARCHAR(50) CHARACTER SET latin1, remark DATETIME)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := openOn(t, name, session.Options{})
			_, err := m.DB().ExecContext(t.Context(), table)
			check(t, err)
			err = repository.For[note](m).Create(t.Context(), &note{ID: 1, Title: "😀"})
			var found *repository.DatabaseError
			if !errors.Is(err, repository.ErrCheck) || !errors.As(err, &found) || name == "mariadb" && !slices.Equal(found.Columns, []string{"title"}) {
				t.Errorf("%v, %+v", err, found)
			}
		})
	}
}

// A field of text is searched whatever the column is in the database, which knows patterns of texts alone.
func TestSearchInColumnsOfOtherTypes(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"postgresql": {"CREATE TYPE mood AS ENUM ('sad', 'glad')", "CREATE TABLE notes (id BIGINT PRIMARY KEY, title mood, remark UUID)"},
		"mariadb":    {"CREATE TABLE notes (id BIGINT PRIMARY KEY, title ENUM ('sad', 'glad'), remark CHAR(36) CHARACTER SET latin1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := openOn(t, name, session.Options{})
			for _, statement := range statements {
				_, err := m.DB().ExecContext(t.Context(), statement)
				check(t, err)
			}
			notes := repository.For[note](m)
			check(t, notes.Create(t.Context(), &note{ID: 1, Title: "glad", Remark: ptr("01890a5d-ac96-774b-bcce-b302099a8057")}))
			check(t, notes.Create(t.Context(), &note{ID: 2, Title: "sad"}))
			for what, filter := range map[string]repository.Filter{
				"search": repository.Search("LA", "title", "remark"), "exact": repository.SearchExact("gl", "title"),
				"of a key": repository.StartsWithFold("remark", "01890A5D"), "not": repository.NotSearch("SAD", "title"),
			} {
				found, err := notes.List(t.Context(), repository.ListOptions{Where: []repository.Filter{filter}})
				if err != nil || len(found) != 1 || found[0].ID != 1 {
					t.Errorf("%s: %d rows, %v", what, len(found), err)
				}
			}
		})
	}
}
