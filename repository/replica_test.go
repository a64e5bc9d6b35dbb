package repository_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// behind is a manager whose replica lacks everything that was written: the worst that lag can do.
func behind(t *testing.T, on string) *session.Manager {
	t.Helper()
	driver, dsn, dialect := makeDatabase(t, on)
	pool, err := sql.Open(driver, dsn)
	check(t, err)
	replica := openOn(t, on, session.Options{}, scopeModels()...)
	t.Cleanup(func() { check(t, pool.Close()) })
	registry := newRegistry(t)
	m, err := session.New(bun.NewDB(pool, dialect), session.Options{Registry: registry, Replicas: []*bun.DB{replica.DB()}})
	check(t, err)
	check(t, m.Register(scopeModels()...))
	check(t, m.CreateSchema(t.Context()))
	return m
}

func onServers(t *testing.T, test func(t *testing.T, on string)) {
	t.Helper()
	t.Parallel()
	for _, on := range []string{"postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			test(t, on)
		})
	}
}

// Reads go to replicas, all of them; what a write decides by is read where it writes, or a row that was created a moment
// ago by another request is "not found".
func TestWritesDecideByThePrimary(t *testing.T) {
	onServers(t, func(t *testing.T, on string) {
		m := behind(t, on)
		ctx, all := t.Context(), repository.For[item](m)
		mine := all.With(ofTenant(1))
		a := &item{Tenant: 1, Code: "a"}
		check(t, all.Create(ctx, a))
		a.Count = 1
		check(t, mine.Update(ctx, a))
		check(t, mine.UpdateMany(ctx, []*item{a}))
		if row, created, err := mine.GetOrCreate(ctx, &item{Tenant: 1, Code: "a"}, repository.MatchOptions{}); err != nil || created || row.Count != 1 {
			t.Errorf("get or create: created %v, %+v, %v", created, row, err)
		}
		if created, err := mine.Upsert(ctx, &item{Tenant: 1, Code: "a", Count: 2}, repository.UpsertOptions{}); err != nil || created {
			t.Errorf("upsert: created %v, %v", created, err)
		}
		items := repository.NewService(mine, repository.Rules[item]{
			BeforeDelete: func(ctx context.Context, rows *repository.Repository[item], _ *item) error {
				_, err := rows.Get(ctx, a.ID)
				return err
			},
		})
		changed, err := items.Change(ctx, func(i *item) error { i.Count++; return nil }, a.ID)
		if err != nil || changed.Count != 3 {
			t.Errorf("change: %+v, %v", changed, err)
		}
		check(t, items.Delete(ctx, a.ID))
	})
}

func TestReadsGoToReplicas(t *testing.T) {
	onServers(t, func(t *testing.T, on string) {
		m := behind(t, on)
		ctx, items := t.Context(), repository.For[item](m)
		a := &item{Tenant: 1, Code: "a"}
		check(t, items.Create(ctx, a))
		_, err := items.Get(ctx, a.ID)
		wantError(t, err, dossier.ErrNotFound)
		_, found, err := items.GetOneOrNone(ctx)
		check(t, err)
		exists, err := items.Exists(ctx)
		check(t, err)
		list, err := items.List(ctx, repository.ListOptions{})
		check(t, err)
		page, err := items.Page(ctx, repository.ListOptions{Total: repository.CountInWindow})
		check(t, err)
		rows := 0
		for _, err := range items.Stream(ctx) {
			check(t, err)
			rows++
		}
		for _, err := range items.Batches(ctx, 10) {
			check(t, err)
			rows++
		}
		if n := count(t, items); n != 0 || found || exists || len(list) != 0 || page.Total != 0 || rows != 0 {
			t.Errorf("count %d, found %v, exists %v, list %d, total %d, rows %d; all read from the primary", n, found, exists, len(list), page.Total, rows)
		}
		if n, err := items.Count(session.OnPrimary(ctx)); err != nil || n != 1 {
			t.Errorf("on the primary %d, %v", n, err)
		}
	})
}
