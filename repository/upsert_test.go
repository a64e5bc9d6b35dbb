package repository_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// account has a key that the database makes, and is found by its address.
type account struct {
	bun.BaseModel `bun:"table:accounts"`
	model.Int64
	model.Audit
	Email string `bun:"email,notnull,unique,type:varchar(100)" repository:"match"`
	Name  string `bun:"name,notnull,type:varchar(100)"`
	Badge *int   `bun:"badge,unique"`
}

// setting has a key of its own, and nothing else to write.
type setting struct {
	bun.BaseModel `bun:"table:settings"`
	Name          string `bun:"name,pk,type:varchar(100)"`
	Value         string `bun:"value,type:varchar(100)"`
}

// avatar has a file, so its row is read before it is changed.
type avatar struct {
	bun.BaseModel `bun:"table:avatars"`
	model.UUID
	Owner string                 `bun:"owner,notnull,unique,type:varchar(100)" repository:"match"`
	Title string                 `bun:"title,type:varchar(100)"`
	File  *fileobject.FileObject `bun:"file" file:"uploads"`
}

func upsertModels() []any { return []any{(*account)(nil), (*setting)(nil), (*avatar)(nil)} }

// racers is how many goroutines race; as many as the issue asks for.
const racers = 50

// name makes a different text of each number.
func name(i int) string { return fmt.Sprintf("%03d", i) }

// race calls fn in many goroutines at once and returns how many said that they created, and their errors.
func race(fn func(i int) (bool, error)) (created int, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		all.Go(func() {
			<-start
			one, problem := fn(i)
			mu.Lock()
			defer mu.Unlock()
			err = errors.Join(err, problem)
			if one {
				created++
			}
		})
	}
	close(start)
	all.Wait()
	return created, err
}

// Everybody registers the same address at once: one row, one who created it, and nobody sees an error.
func TestGetOrCreateSurvivesARace(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		accounts := repository.For[account](m)
		ids := make([]int64, racers)
		created, err := race(func(i int) (bool, error) {
			a, created, err := accounts.GetOrCreate(t.Context(), &account{Email: "a@x", Name: name(i)}, repository.MatchOptions{})
			if err == nil {
				ids[i] = a.ID
			}
			return created, err
		})
		check(t, err)
		slices.Sort(ids)
		if n := count(t, accounts); created != 1 || n != 1 || ids[0] == 0 || len(slices.Compact(ids)) != 1 {
			t.Errorf("%d created, %d rows, ids %v; want one of each", created, n, ids)
		}
	}, upsertModels()...)
}

// A counter of requests, a cache, a settings page: last writer wins, nobody fails, and exactly one is told that it created.
func TestUpsertSurvivesARace(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		accounts := repository.For[account](m)
		created, err := race(func(i int) (bool, error) {
			return accounts.Upsert(t.Context(), &account{Email: "a@x", Name: name(i)}, repository.UpsertOptions{})
		})
		check(t, err)
		if n := count(t, accounts); created != 1 || n != 1 {
			t.Errorf("%d created, %d rows; want one", created, n)
		}
		settings := repository.For[setting](m)
		created, err = race(func(int) (bool, error) { // the same values: MySQL's count of rows does not tell who inserted
			return settings.Upsert(t.Context(), &setting{Name: "theme", Value: "dark"}, repository.UpsertOptions{})
		})
		check(t, err)
		if n := count(t, settings); created != 1 || n != 1 {
			t.Errorf("settings: %d created, %d rows; want one", created, n)
		}
	}, upsertModels()...)
}

// With files no statement can do it: the row is inserted, or locked and updated, and every file that lost is reclaimed.
func TestUpsertOfFilesSurvivesARace(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		avatars := repository.For[avatar](m)
		created, err := race(func(i int) (bool, error) {
			return avatars.Upsert(t.Context(), &avatar{Owner: "ann", Title: name(i), File: text(name(i))}, repository.UpsertOptions{})
		})
		check(t, err)
		row, err := avatars.GetOne(t.Context())
		check(t, err)
		if created != 1 || content(t.Context(), t, row.File) != row.Title {
			t.Errorf("%d created; the row has %q with the file of %q", created, row.Title, content(t.Context(), t, row.File))
		}
	}, upsertModels()...)
}

func count[T any](t *testing.T, r *repository.Repository[T]) int64 {
	t.Helper()
	n, err := r.Count(t.Context())
	check(t, err)
	return n
}

// What comes back stands in the order in which it was given, found by key: the first implementation of others matched by
// position and gave one account's id to another.
func TestUpsertManyKeepsTheOrderAndMatchesByKey(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		accounts := repository.For[account](m)
		old := []*account{{Email: "b@x", Name: "b"}, {Email: "d@x", Name: "d"}}
		check(t, accounts.CreateMany(t.Context(), old))
		all := []*account{{Email: "e@x", Name: "e"}, {Email: "d@x", Name: "D"}, {Email: "a@x", Name: "a"}, {Email: "b@x", Name: "B"}}
		created, err := accounts.UpsertMany(t.Context(), all, repository.UpsertOptions{})
		check(t, err)
		if !slices.Equal(created, []bool{true, false, true, false}) {
			t.Errorf("created %v", created)
		}
		if all[1].ID != old[1].ID || all[3].ID != old[0].ID || !all[1].CreatedAt.Equal(old[1].CreatedAt) {
			t.Errorf("the rows that were there have other keys or times of creation: %+v, %+v", all[1], all[3])
		}
		for _, a := range all {
			got, err := accounts.Get(t.Context(), a.ID)
			check(t, err)
			if got.Email != a.Email || got.Name != a.Name {
				t.Errorf("row %d is %s %s, the model %s %s", a.ID, got.Email, got.Name, a.Email, a.Name)
			}
		}
		again, err := accounts.UpsertMany(t.Context(), all, repository.UpsertOptions{Match: []string{"id"}})
		check(t, err)
		if slices.Contains(again, true) {
			t.Errorf("by primary key: %v", again)
		}
	}, upsertModels()...)
}

// Only the named columns of a row that is there are written.
func TestUpsertUpdatesTheNamedColumns(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		accounts, avatars := repository.For[account](m), repository.For[avatar](m)
		badge := 7
		check(t, accounts.Create(t.Context(), &account{Email: "a@x", Name: "old", Badge: &badge}))
		a := &account{Email: "a@x", Name: "new"}
		_, err := accounts.Upsert(t.Context(), a, repository.UpsertOptions{Update: []string{"name"}})
		check(t, err)
		if a.Name != "new" || a.Badge == nil || *a.Badge != 7 {
			t.Errorf("got %+v; the badge was not named", a)
		}
		check(t, avatars.Create(t.Context(), &avatar{Owner: "ann", Title: "old", File: text("face")}))
		v := &avatar{Owner: "ann", Title: "new"}
		_, err = avatars.Upsert(t.Context(), v, repository.UpsertOptions{Update: []string{"title"}})
		check(t, err)
		if v.Title != "new" || v.File == nil || content(t.Context(), t, v.File) != "face" {
			t.Errorf("got %+v; the file was not named", v)
		}
	}, upsertModels()...)
}

// MySQL updates whatever row is in the way. A row that was not meant must stay as it is.
func TestUpsertNeverUpdatesAnotherRow(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		accounts := repository.For[account](m)
		badge := 7
		check(t, accounts.Create(t.Context(), &account{Email: "a@x", Name: "a", Badge: &badge}))
		_, err := accounts.Upsert(t.Context(), &account{Email: "b@x", Name: "b", Badge: &badge}, repository.UpsertOptions{})
		wantError(t, err, repository.ErrDuplicate)
		got, err := accounts.GetOne(t.Context())
		check(t, err)
		if got.Name != "a" || got.Email != "a@x" {
			t.Errorf("the other row is %+v now", got)
		}
		_, _, err = accounts.GetOrCreate(t.Context(), &account{Email: "b@x", Name: "b", Badge: &badge}, repository.MatchOptions{})
		wantError(t, err, repository.ErrDuplicate)
	}, upsertModels()...)
}

// One row given twice has no answer to which of them counts.
func TestUpsertRefusesOneRowTwice(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		_, err := repository.For[account](m).UpsertMany(t.Context(), []*account{{Email: "a@x"}, {Email: "a@x"}},
			repository.UpsertOptions{})
		wantError(t, err, dossier.ErrInvalid)
		_, err = repository.For[avatar](m).UpsertMany(t.Context(), []*avatar{{Owner: "a"}, {Owner: "a"}}, repository.UpsertOptions{})
		wantError(t, err, dossier.ErrInvalid)
		_, err = repository.For[account](m).Upsert(t.Context(), &account{}, repository.UpsertOptions{Match: []string{"nothing"}})
		wantError(t, err, dossier.ErrInvalid)
	}, upsertModels()...)
}

// A failed upsert in a session does not take the caller's other work with it.
func TestAFailedUpsertLeavesTheSessionUsable(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		badge := 7
		run(t, m, func(ctx context.Context, s *session.Session) error {
			accounts := repository.New[account](s)
			check(t, accounts.Create(ctx, &account{Email: "a@x", Name: "a", Badge: &badge}))
			_, err := accounts.Upsert(ctx, &account{Email: "b@x", Name: "b", Badge: &badge}, repository.UpsertOptions{})
			wantError(t, err, repository.ErrDuplicate)
			_, created, err := accounts.GetOrCreate(ctx, &account{Email: "c@x", Name: "c"}, repository.MatchOptions{})
			if !created {
				t.Error("not created")
			}
			return err
		})
		if n := count(t, repository.For[account](m)); n != 2 {
			t.Errorf("%d rows, want 2", n)
		}
	}, upsertModels()...)
}

// GetOrCreate writes nothing over a row that is there, and keeps none of the files that were not needed.
func TestGetOrCreateLeavesTheRowAlone(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		avatars := repository.For[avatar](m)
		check(t, avatars.Create(t.Context(), &avatar{Owner: "ann", Title: "old", File: text("face")}))
		got, created, err := avatars.GetOrCreate(t.Context(), &avatar{Owner: "ann", Title: "new", File: text("other")},
			repository.MatchOptions{})
		check(t, err)
		if created || got.Title != "old" || content(t.Context(), t, got.File) != "face" {
			t.Errorf("created %v, got %+v", created, got)
		}
		if n, err := m.DB().NewSelect().Table("dossier_journal").Count(t.Context()); err != nil || n != 0 {
			t.Errorf("%d rows in the journal, %v; nothing was uploaded", n, err)
		}
	}, upsertModels()...)
}

func ExampleRepository_Upsert() {
	manager, err := openExample("upsert")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, notes := context.Background(), repository.For[Note](manager)
	for _, title := range []string{"draft", "final"} {
		created, err := notes.Upsert(ctx, &Note{ID: 7, Title: title}, repository.UpsertOptions{})
		fmt.Println(title, created, err)
	}
	// Output:
	// draft true <nil>
	// final false <nil>
}
