package repository_test

import (
	"context"
	"sync"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// uploads is a store that tells of each upload before it begins.
type uploads struct {
	dossier.Forward
	mu     sync.Mutex
	before func()
	n      int
}

// Put implements [dossier.Backend].
func (u *uploads) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	u.mu.Lock()
	u.n++
	if u.before != nil {
		u.before()
	}
	u.mu.Unlock()
	return u.Forward.Put(ctx, key, src, opts)
}

// taken returns how many uploads there were since the last call.
func (u *uploads) taken() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.n
	u.n = 0
	return n
}

// Minutes of upload must not be minutes of locked rows, on SQLite of everybody else's writes: no connection is in use, so no
// transaction is open, while bytes are sent.
func TestNoTransactionIsOpenDuringUploads(t *testing.T) {
	t.Parallel()
	for _, name := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, registry := &uploads{Forward: dossier.Forward{Inner: memory.New(memory.Config{})}}, &dossier.Registry{}
			check(t, registry.Register("uploads", store))
			m := openOn(t, name, session.Options{Registry: registry}, (*avatar)(nil), (*ticket)(nil))
			store.before = func() {
				if n := m.DB().Stats().InUse; n != 0 {
					t.Errorf("%d connections are in use during an upload", n)
				}
			}
			everyWriterUploads(t, m, store)
		})
	}
}

func everyWriterUploads(t *testing.T, m *session.Manager, store *uploads) {
	t.Helper()
	ctx, all := t.Context(), repository.For[avatar](m)
	scoped := all.With(repository.Options{Scope: []repository.Filter{repository.NotEqual("owner", "")}})
	for mode, r := range map[string]*repository.Repository[avatar]{"all": all, "scoped": scoped} {
		a, b := &avatar{Owner: mode + "a", File: text("1")}, &avatar{Owner: mode + "b", File: text("2")}
		expect := func(what string, uploads int, err error) {
			t.Helper()
			check(t, err)
			if n := store.taken(); n != uploads {
				t.Errorf("%s of %s: %d uploads, want %d", what, mode, n, uploads)
			}
		}
		expect("create many", 2, r.CreateMany(ctx, []*avatar{a, b}))
		a.File = text("3")
		expect("update", 1, r.Update(ctx, a))
		a.File, b.File = text("4"), text("5")
		expect("update many", 2, r.UpdateMany(ctx, []*avatar{a, b}, "file"))
		a.File, b.File = text("6"), text("7")
		expect("update of other columns", 0, r.Update(ctx, a, "title"))
		expect("update many of other columns", 0, r.UpdateMany(ctx, []*avatar{a, b}, "title"))
		_, err := r.UpsertMany(ctx, []*avatar{a, {Owner: mode + "c", File: text("8")}}, repository.UpsertOptions{})
		expect("upsert", 2, err)
		_, _, err = r.GetOrCreate(ctx, &avatar{Owner: mode + "d", File: text("9")}, repository.MatchOptions{})
		expect("get or create", 1, err)
	}
	tickets := repository.For[ticket](m)
	one, two := &ticket{Title: "a", Code: "a"}, &ticket{Title: "b", Code: "b"}
	check(t, tickets.CreateMany(ctx, []*ticket{one, two}))
	one.File, two.File = text("10"), text("11")
	check(t, tickets.UpdateMany(ctx, []*ticket{one, two}))
}

// What is refused is refused before anything is sent: bytes of a call that cannot succeed are paid for, and left to a sweep.
func TestUpdateManyRefusesBeforeItUploads(t *testing.T) {
	t.Parallel()
	store, registry := &uploads{Forward: dossier.Forward{Inner: memory.New(memory.Config{})}}, &dossier.Registry{}
	check(t, registry.Register("uploads", store))
	m := openOn(t, "sqlite", session.Options{Registry: registry}, (*avatar)(nil))
	ctx, all := t.Context(), repository.For[avatar](m)
	a := &avatar{Owner: "a"}
	check(t, all.Create(ctx, a))
	a.File = text("1")
	wantError(t, all.UpdateMany(ctx, []*avatar{a, a}), dossier.ErrInvalid)
	wantError(t, all.UpdateMany(ctx, []*avatar{a}, "nothing"), dossier.ErrInvalid)
	run(t, m, func(ctx context.Context, s *session.Session) error {
		wantError(t, s.StageUpdate(ctx, a, "nothing"), dossier.ErrInvalid)
		wantError(t, s.StageUpdate(ctx, &[]*avatar{a, a}), dossier.ErrInvalid)
		return s.StageUpdate(ctx, a, "title")
	})
	if n := store.taken(); n != 0 {
		t.Errorf("%d uploads", n)
	}
}
