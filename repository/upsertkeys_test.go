package repository_test

import (
	"database/sql"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// pair has a composite key of texts that may hold anything.
type pair struct {
	bun.BaseModel `bun:"table:pairs"`
	Left          string `bun:"left_part,pk,type:varchar(100)"`
	Right         string `bun:"right_part,pk,type:varchar(100)"`
	Value         string `bun:"value,type:varchar(100)"`
}

// tagging has a key of the database's beside two columns that are unique together.
type tagging struct {
	bun.BaseModel `bun:"table:taggings"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Left          string `bun:"left_part,notnull,unique:tagging,type:varchar(100)"`
	Right         string `bun:"right_part,notnull,unique:tagging,type:varchar(100)"`
}

// price is found by a number that is no whole one, and a text that may be missing.
type price struct {
	bun.BaseModel `bun:"table:prices"`
	ID            int64          `bun:"id,pk,autoincrement"`
	Amount        float64        `bun:"amount,notnull,unique:price"`
	Code          string         `bun:"code,nullzero,unique:price,type:varchar(100)"`
	Note          sql.NullString `bun:"note,unique,type:varchar(100)"`
}

func upsertKeyModels() []any { return []any{(*pair)(nil), (*tagging)(nil), (*price)(nil)} }

// Who is told "not created" of a row that is new sends no welcome mail. The values by which rows are found may hold any
// character: what is put together of them must stay apart.
func TestUpsertTellsRowsApartWhateverTheirKeysHold(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, pairs, taggings := t.Context(), repository.For[pair](m), repository.For[tagging](m)
		for _, texts := range [][4]string{
			{"x|", "y", "x", "|y"}, {"a|b", "c", "a", "b|c"}, {"1,2", "3", "1", "2,3"}, {"", "-", "-", ""}, {"äö", "ü", "ä", "öü"},
		} {
			old, fresh := pair{Left: texts[0], Right: texts[1]}, pair{Left: texts[2], Right: texts[3]}
			check(t, pairs.Create(ctx, &old))
			created, err := pairs.UpsertMany(ctx, []*pair{&old, &fresh}, repository.UpsertOptions{})
			check(t, err)
			if !slices.Equal(created, []bool{false, true}) {
				t.Errorf("%q: created %v; the first was there, the second was not", texts, created)
			}
			created, err = pairs.UpsertMany(ctx, []*pair{&fresh, &old}, repository.UpsertOptions{})
			check(t, err)
			if slices.Contains(created, true) {
				t.Errorf("%q again: created %v", texts, created)
			}
			one, two := tagging{Left: texts[0], Right: texts[1]}, tagging{Left: texts[2], Right: texts[3]}
			check(t, taggings.Create(ctx, &one))
			both := []*tagging{{Left: texts[0], Right: texts[1]}, &two}
			created, err = taggings.UpsertMany(ctx, both, repository.UpsertOptions{Match: []string{"left_part", "right_part"}})
			check(t, err)
			if !slices.Equal(created, []bool{false, true}) || both[0].ID != one.ID || two.ID == one.ID {
				t.Errorf("%q by two columns: created %v, keys %d and %d, the first was %d", texts, created, both[0].ID, two.ID, one.ID)
			}
		}
	}, upsertKeyModels()...)
}

// Numbers that agree in their whole part are not the same.
func TestUpsertTellsNumbersApart(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, prices := t.Context(), repository.For[price](m)
		check(t, prices.Create(ctx, &price{Amount: 1.25, Code: "a"}))
		created, err := prices.UpsertMany(ctx, []*price{{Amount: 1.25, Code: "a"}, {Amount: 1.5, Code: "a"}, {Amount: 1, Code: "a"}},
			repository.UpsertOptions{Match: []string{"amount", "code"}})
		check(t, err)
		if !slices.Equal(created, []bool{false, true, true}) {
			t.Errorf("created %v", created)
		}
	}, upsertKeyModels()...)
}

// NULL is equal to nothing, so an upsert by it would insert one more row each time, whatever way the field has to say NULL.
func TestUpsertRefusesToFindRowsByNULL(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, prices := t.Context(), repository.For[price](m)
		for _, match := range [][]string{{"amount", "code"}, {"note"}} {
			_, err := prices.Upsert(ctx, &price{Amount: 1}, repository.UpsertOptions{Match: match})
			wantError(t, err, dossier.ErrInvalid)
			_, _, err = prices.GetOrCreate(ctx, &price{Amount: 1}, repository.MatchOptions{Match: match})
			wantError(t, err, dossier.ErrInvalid)
		}
		if n := count(t, prices); n != 0 {
			t.Errorf("%d rows", n)
		}
	}, upsertKeyModels()...)
}

// MySQL's collations find "A" by "a". A row that was there was there, also where nothing but its key is to be written.
func TestUpsertFindsARowInAnotherCase(t *testing.T) {
	t.Parallel()
	m := openOn(t, "mariadb", session.Options{}, upsertKeyModels()...)
	ctx, taggings := t.Context(), repository.For[tagging](m)
	_, err := m.DB().ExecContext(ctx, "ALTER TABLE taggings CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	check(t, err)
	match := repository.UpsertOptions{Match: []string{"left_part", "right_part"}}
	created, err := taggings.Upsert(ctx, &tagging{Left: "Abc", Right: "x"}, match)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	row := &tagging{Left: "abc", Right: "X"}
	created, err = taggings.Upsert(ctx, row, match)
	if err != nil || created || row.Left != "Abc" {
		t.Errorf("created %v, the row is %+v, %v; it was there as Abc", created, row, err)
	}
}
