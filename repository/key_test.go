package repository_test

import (
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// line has a composite key whose second part begins at zero, and is counted by nobody.
type line struct {
	bun.BaseModel `bun:"table:lines"`
	Book          int    `bun:"book,pk"`
	Number        int    `bun:"number,pk"`
	Text          string `bun:"text,type:varchar(100)"`
}

// Zero is a value like any other in a key that the application gives: line 0 of a book must be found again.
func TestAZeroInAKeyIsAValue(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, lines := t.Context(), repository.For[line](m)
		check(t, lines.Create(ctx, &line{Book: 7, Text: "first"}))
		row, created, err := lines.GetOrCreate(ctx, &line{Book: 7, Text: "second"}, repository.MatchOptions{})
		if err != nil || created || row.Text != "first" {
			t.Errorf("get or create: created %v, %+v, %v", created, row, err)
		}
		scoped := lines.With(repository.Options{Scope: []repository.Filter{repository.Equal("book", 7)}})
		for name, r := range map[string]*repository.Repository[line]{"plain": lines, "scoped": scoped} {
			if created, err := r.Upsert(ctx, &line{Book: 7, Text: name}, repository.UpsertOptions{}); err != nil || created {
				t.Errorf("%s upsert: created %v, %v", name, created, err)
			}
			if row, err := r.Get(ctx, 7, 0); err != nil || row.Text != name {
				t.Errorf("%s upsert left %+v, %v", name, row, err)
			}
			_, err := r.UpsertMany(ctx, []*line{{Book: 7}, {Book: 7}}, repository.UpsertOptions{})
			wantError(t, err, dossier.ErrInvalid) // one row twice
		}
	}, (*line)(nil))
}

// A nil model is a mistake of the caller's that must not bring the process down.
func TestANilModelIsNoKey(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, lines, items := t.Context(), repository.For[line](m), repository.For[item](m)
		_, err := lines.Get(ctx, (*line)(nil))
		wantError(t, err, dossier.ErrInvalid)
		wantError(t, items.Delete(ctx, (*item)(nil)), dossier.ErrInvalid)
		wantError(t, items.ForceDelete(ctx, (*item)(nil)), dossier.ErrInvalid)
		_, err = items.DeleteMany(ctx, (*item)(nil))
		wantError(t, err, dossier.ErrInvalid)
		_, err = items.Get(ctx, nil)
		wantError(t, err, dossier.ErrInvalid)
	}, (*line)(nil), (*item)(nil))
}
