package repository_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// task belongs to a tenant, is deleted softly, counts its versions and has a file.
type task struct {
	bun.BaseModel `bun:"table:tasks"`
	model.UUID
	model.Audit
	model.SoftDelete
	model.Versioned
	Tenant int                    `bun:"tenant,notnull"`
	Code   string                 `bun:"code,notnull,unique,type:varchar(100)" repository:"match"`
	Title  string                 `bun:"title,notnull,type:varchar(100)"`
	File   *fileobject.FileObject `bun:"file" file:"uploads"`
}

// item belongs to a tenant and has nothing that must be read first.
type item struct {
	bun.BaseModel `bun:"table:items"`
	model.Int64
	Tenant int    `bun:"tenant,notnull"`
	Code   string `bun:"code,notnull,unique,type:varchar(100)" repository:"match"`
	Count  int    `bun:"count,notnull"`
}

func scopeModels() []any { return []any{(*task)(nil), (*item)(nil)} }

func ofTenant(n int) repository.Options {
	return repository.Options{Scope: []repository.Filter{repository.Equal("tenant", n)}}
}

// What belongs to another tenant is not there: not to be read, counted, changed, deleted or upserted over.
func TestRowsOutsideOfTheScopeAreNotThere(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, all := t.Context(), repository.For[task](m)
		mine, theirs := all.With(ofTenant(1)), &task{Tenant: 2, Code: "t", Title: "theirs", File: text("secret")}
		check(t, all.Create(ctx, theirs))
		check(t, mine.Create(ctx, &task{Tenant: 1, Code: "m", Title: "mine"}))
		_, err := mine.Get(ctx, theirs.ID)
		wantError(t, err, dossier.ErrNotFound)
		_, err = mine.GetOne(ctx, repository.Equal("code", "t"))
		wantError(t, err, dossier.ErrNotFound)
		rows, err := mine.List(ctx, repository.ListOptions{})
		check(t, err)
		exists, err := mine.Exists(ctx, repository.Equal("code", "t"))
		check(t, err)
		if n := count(t, mine); n != 1 || len(rows) != 1 || exists {
			t.Errorf("count %d, list %d, exists %v; want 1, 1, false", n, len(rows), exists)
		}
		theirs.Title = "stolen"
		wantError(t, mine.Update(ctx, theirs), dossier.ErrNotFound)
		wantError(t, mine.UpdateMany(ctx, []*task{theirs}, "title"), dossier.ErrNotFound)
		wantError(t, mine.Delete(ctx, theirs.ID), dossier.ErrNotFound)
		wantError(t, mine.Delete(ctx, theirs), dossier.ErrNotFound)
		wantError(t, mine.ForceDelete(ctx, theirs), dossier.ErrNotFound)
		n, err := mine.DeleteMany(ctx, theirs.ID)
		if err != nil || n != 0 {
			t.Errorf("deleted %d, %v", n, err)
		}
		if n, err = mine.UpdateWhere(ctx, map[string]any{"title": "stolen"}, repository.Equal("code", "t")); err != nil || n != 0 {
			t.Errorf("updated %d, %v", n, err)
		}
		if n, err = mine.DeleteWhere(ctx, repository.Equal("code", "t")); err != nil || n != 0 {
			t.Errorf("deleted where %d, %v", n, err)
		}
		_, err = mine.Upsert(ctx, &task{Tenant: 1, Code: "t", Title: "stolen"}, repository.UpsertOptions{})
		wantError(t, err, repository.ErrDuplicate)
		_, _, err = mine.GetOrCreate(ctx, &task{Tenant: 1, Code: "t"}, repository.MatchOptions{})
		wantError(t, err, repository.ErrDuplicate)
		got, err := all.Get(ctx, theirs.ID)
		check(t, err)
		if got.Title != "theirs" || content(ctx, t, got.File) != "secret" {
			t.Errorf("the other tenant's row is %+v now", got)
		}
	}, scopeModels()...)
}

// A scope that only hides is half of one: what is written must be inside too, and what is refused leaves nothing behind.
func TestNothingIsWrittenOutsideOfTheScope(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx := t.Context()
		tasks, items := repository.For[task](m).With(ofTenant(1)), repository.For[item](m).With(ofTenant(1))
		wantError(t, tasks.Create(ctx, &task{Tenant: 2, Code: "a", File: text("a")}), dossier.ErrInvalid)
		wantError(t, items.CreateMany(ctx, []*item{{Tenant: 1, Code: "a"}, {Tenant: 2, Code: "b"}}), dossier.ErrInvalid)
		_, err := items.Upsert(ctx, &item{Tenant: 2, Code: "a"}, repository.UpsertOptions{})
		wantError(t, err, dossier.ErrInvalid)
		mine := &item{Tenant: 1, Code: "m", Count: 1}
		check(t, items.Create(ctx, mine))
		mine.Tenant = 2
		wantError(t, items.Update(ctx, mine), dossier.ErrInvalid)
		wantError(t, items.UpdateMany(ctx, []*item{mine}), dossier.ErrInvalid)
		_, err = items.Upsert(ctx, mine, repository.UpsertOptions{})
		wantError(t, err, dossier.ErrInvalid)
		_, err = items.UpdateWhere(ctx, map[string]any{"tenant": 2}, repository.All())
		wantError(t, err, dossier.ErrInvalid)
		mine.Tenant, mine.Count = 1, 5
		check(t, items.UpdateMany(ctx, []*item{mine}))
		if n := count(t, repository.For[item](m)); n != 1 || count(t, items) != 1 {
			t.Errorf("%d rows, want 1, inside", n)
		}
		if n := count(t, repository.For[task](m)); n != 0 {
			t.Errorf("%d tasks, want none", n)
		}
	}, scopeModels()...)
}

// In a session the refused write is undone alone, and the caller's other work is committed.
func TestARefusedWriteIsUndoneAlone(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		run(t, m, func(ctx context.Context, s *session.Session) error {
			items := repository.New[item](s).With(ofTenant(1))
			check(t, items.Create(ctx, &item{Tenant: 1, Code: "a"}))
			wantError(t, items.Create(ctx, &item{Tenant: 2, Code: "b"}), dossier.ErrInvalid)
			return nil
		})
		if n := count(t, repository.For[item](m)); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	}, scopeModels()...)
}

// A deleted row is hidden until it is asked for, keeps its file, comes back, and goes for good only when forced.
func TestSoftDelete(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, tasks := t.Context(), repository.For[task](m)
		a := &task{Code: "a", File: text("a")}
		check(t, tasks.CreateMany(ctx, []*task{a, {Code: "b"}}))
		check(t, tasks.Delete(ctx, a.ID))
		_, err := tasks.Get(ctx, a.ID)
		wantError(t, err, dossier.ErrNotFound)
		wantError(t, tasks.Delete(ctx, a.ID), dossier.ErrNotFound)
		wantError(t, tasks.Update(ctx, a), dossier.ErrNotFound)
		with, only := tasks.With(repository.Options{Deleted: repository.IncludeDeleted}),
			tasks.With(repository.Options{Deleted: repository.OnlyDeleted})
		if n := count(t, tasks); n != 1 || count(t, with) != 2 || count(t, only) != 1 {
			t.Errorf("hidden %d, included %d, only %d; want 1, 2, 1", n, count(t, with), count(t, only))
		}
		_, err = tasks.Upsert(ctx, &task{Code: "a", Title: "over"}, repository.UpsertOptions{})
		wantError(t, err, repository.ErrDuplicate) // hidden rows are not there, but their keys are taken
		check(t, tasks.Restore(ctx, a.ID))
		wantError(t, tasks.Restore(ctx, a.ID), dossier.ErrNotFound)
		got, err := tasks.Get(ctx, a.ID)
		check(t, err)
		if !got.DeletedAt.IsZero() || content(ctx, t, got.File) != "a" {
			t.Errorf("restored: %+v", got)
		}
		check(t, tasks.Delete(ctx, got))
		check(t, tasks.ForceDelete(ctx, got.ID))
		n, err := m.DB().NewSelect().Table("dossier_journal").Where("state = 'doomed'").Count(ctx)
		if err != nil || n != 1 || count(t, with) != 1 {
			t.Errorf("%d orders, %v, %d rows; want one each", n, err, count(t, with))
		}
		wantError(t, repository.For[item](m).Restore(ctx, 1), dossier.ErrInvalid)
	}, scopeModels()...)
}

// Two people open the same form. Whoever saves last is told, and a row that is gone is another matter.
func TestAVersionThatIsOldIsStale(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, tasks := t.Context(), repository.For[task](m)
		a := &task{Code: "a"}
		check(t, tasks.Create(ctx, a))
		first, err := tasks.Get(ctx, a.ID)
		check(t, err)
		second, err := tasks.Get(ctx, a.ID)
		check(t, err)
		first.Title, second.Title = "first", "second"
		check(t, tasks.Update(ctx, first))
		err = tasks.Update(ctx, second)
		if !errors.Is(err, dossier.ErrStale) || errors.Is(err, dossier.ErrNotFound) {
			t.Errorf("error %v, want stale and not missing", err)
		}
		err = tasks.UpdateMany(ctx, []*task{second}, "title")
		if !errors.Is(err, dossier.ErrStale) || errors.Is(err, dossier.ErrNotFound) {
			t.Errorf("many: error %v, want stale and not missing", err)
		}
		before := first.Version
		first.Title = "third"
		check(t, tasks.UpdateMany(ctx, []*task{first}, "title"))
		if got, err := tasks.Get(ctx, a.ID); err != nil || got.Title != "third" || got.Version != before+1 ||
			first.Version != got.Version {
			t.Errorf("got %+v, %v", got, err)
		}
	}, scopeModels()...)
}

func ExampleRepository_With() {
	manager, err := openExample("with")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, notes := context.Background(), repository.For[Note](manager)
	drafts := notes.With(repository.Options{Scope: []repository.Filter{repository.Equal("title", "draft")}})
	fmt.Println(drafts.Create(ctx, &Note{Title: "draft"}))
	fmt.Println(errors.Is(drafts.Create(ctx, &Note{Title: "final"}), dossier.ErrInvalid))
	n, err := notes.Count(ctx)
	fmt.Println(n, err)
	// Output:
	// <nil>
	// true
	// 1 <nil>
}
