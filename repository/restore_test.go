package repository_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// ticket has every column that the session fills, and a file.
type ticket struct {
	bun.BaseModel `bun:"table:tickets"`
	model.UUID
	model.Audit
	model.AuditBy[int64]
	model.SlugKey `slug:"title"`
	model.Versioned
	Title string                 `bun:"title,notnull,type:varchar(100)"`
	Code  string                 `bun:"code,notnull,unique,type:varchar(100)" repository:"match"`
	Seat  *int                   `bun:"seat,unique"`
	File  *fileobject.FileObject `bun:"file" file:"uploads"`
}

// nameplate has files that are named by its key.
type nameplate struct {
	bun.BaseModel `bun:"table:nameplates"`
	model.UUID
	Code string                 `bun:"code,notnull,unique,type:varchar(100)" repository:"match"`
	File *fileobject.FileObject `bun:"file" file:"uploads,key:{id}/{uuid}"`
}

func restoreModels() []any {
	return []any{(*ticket)(nil), (*nameplate)(nil), (*account)(nil), (*token)(nil)}
}

// token is plain, so an upsert of it is one statement; its key and times are the session's.
type token struct {
	bun.BaseModel `bun:"table:tokens"`
	model.UUID
	model.Audit
	Code string `bun:"code,notnull,unique,type:varchar(100)" repository:"match"`
	Seat *int   `bun:"seat,unique"`
}

// unchanged fails the test unless the models are what they were before the call, which failed in this way.
func unchanged[T any](t *testing.T, op string, models []*T, kind error, call func() error) {
	t.Helper()
	var before []T
	for _, m := range models {
		before = append(before, *m)
	}
	if err := call(); !errors.Is(err, kind) {
		t.Errorf("%s: error %v, want %q", op, err, kind)
	}
	for i, m := range models {
		was, is := reflect.ValueOf(before[i]), reflect.ValueOf(*m)
		for n := range was.NumField() {
			if !reflect.DeepEqual(was.Field(n).Interface(), is.Field(n).Interface()) {
				t.Errorf("%s: model %d: %s is %+v now, it was %+v", op, i, was.Type().Field(n).Name, is.Field(n), was.Field(n))
			}
		}
	}
}

// both runs a test with a repository of its own, and with one in a session that goes on after the failures.
func both[T any](t *testing.T, m *session.Manager, test func(ctx context.Context, mode string, r *repository.Repository[T],
	guarded func(func(ctx context.Context) error) error)) {
	t.Helper()
	ctx := model.WithActor(t.Context(), int64(7))
	test(ctx, "alone", repository.For[T](m), func(fn func(context.Context) error) error { return fn(ctx) })
	check(t, m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		test(ctx, "in a session", repository.New[T](s), func(fn func(context.Context) error) error { return s.Nested(ctx, fn) })
		return nil
	}))
}

// A form that failed is shown again and sent again, from the same struct. A slug, key, version or time of a row that there is not
// would be taken for the caller's own the second time.
func TestAFailedWriteLeavesTheStructAsItWas(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		seat := 1
		old, seated := &ticket{Title: "old", Code: "taken"}, &ticket{Title: "seated", Code: "seated", Seat: &seat}
		gone := &ticket{Title: "gone", Code: "gone"}
		tickets := repository.For[ticket](m)
		check(t, tickets.CreateMany(t.Context(), []*ticket{old, seated, gone}))
		check(t, tickets.Delete(t.Context(), gone.ID))
		both(t, m, func(ctx context.Context, mode string, r *repository.Repository[ticket], guarded func(func(context.Context) error) error) {
			fresh := func(code string) *ticket {
				return &ticket{Title: "new " + code, Code: code, File: text(mode + code)}
			}
			scoped := r.With(repository.Options{Scope: []repository.Filter{repository.Equal("title", "mine")}})
			actor := model.WithActor(ctx, "no number")
			one, two := fresh("one"), fresh("taken")
			unchanged(t, mode+" create", []*ticket{two}, repository.ErrDuplicate, func() error {
				return guarded(func(ctx context.Context) error { return r.Create(ctx, two) })
			})
			unchanged(t, mode+" create many", []*ticket{one, two}, repository.ErrDuplicate, func() error {
				return guarded(func(ctx context.Context) error { return r.CreateMany(ctx, []*ticket{one, two}) })
			})
			unchanged(t, mode+" create outside", []*ticket{one}, dossier.ErrInvalid, func() error { return scoped.Create(ctx, one) })
			unchanged(t, mode+" create for an actor of another type", []*ticket{one}, dossier.ErrInvalid, func() error {
				return r.CreateMany(actor, []*ticket{one})
			})
			again, lost := &ticket{UUID: old.UUID, Versioned: old.Versioned, Title: "renamed", Code: "taken"}, *gone
			lost.Title, lost.Slug, lost.File = "x", "", text("y")
			stale := *again
			stale.Version = 9
			unchanged(t, mode+" update", []*ticket{&lost}, dossier.ErrNotFound, func() error {
				return guarded(func(ctx context.Context) error { return r.Update(ctx, &lost, "title", "slug", "file") })
			})
			unchanged(t, mode+" update of an old version", []*ticket{&stale}, dossier.ErrStale, func() error {
				return guarded(func(ctx context.Context) error { return r.Update(ctx, &stale, "title", "slug") })
			})
			unchanged(t, mode+" update for an actor of another type", []*ticket{again}, dossier.ErrInvalid, func() error {
				return r.Update(actor, again, "title", "slug")
			})
			unchanged(t, mode+" update many", []*ticket{again, &lost}, dossier.ErrNotFound, func() error {
				return r.UpdateMany(ctx, []*ticket{again, &lost}, "title", "slug", "file")
			})
			unchanged(t, mode+" update many of titles", []*ticket{again, &lost}, dossier.ErrNotFound, func() error {
				return r.UpdateMany(ctx, []*ticket{again, &lost}, "title")
			})
			replacing, blocked := fresh("taken"), fresh("blocked")
			blocked.Seat = &seat
			unchanged(t, mode+" upsert", []*ticket{replacing, blocked}, repository.ErrDuplicate, func() error {
				_, err := r.UpsertMany(ctx, []*ticket{replacing, blocked}, repository.UpsertOptions{})
				return err
			})
			unchanged(t, mode+" get or create", []*ticket{blocked}, repository.ErrDuplicate, func() error {
				_, _, err := r.GetOrCreate(ctx, blocked, repository.MatchOptions{})
				return err
			})
		})
		rows, err := tickets.List(t.Context(), repository.ListOptions{})
		if err != nil || len(rows) != 2 || rows[0].Title != "old" || rows[0].Version != 1 || rows[1].Version != 1 {
			t.Errorf("%d rows, the first is %+v, %v", len(rows), rows[0], err)
		}
	}, restoreModels()...)
}

// The same where an upsert is one statement, and reads back what the rows are before a later one fails.
func TestAFailedUpsertLeavesTheStructsAsTheyWere(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		seat := 1
		check(t, repository.For[token](m).CreateMany(t.Context(), []*token{{Code: "taken", Seat: &seat}, {Code: "old"}}))
		both(t, m, func(ctx context.Context, mode string, r *repository.Repository[token], _ func(func(context.Context) error) error) {
			models := []*token{{Code: "old"}, {Code: "new"}, {Code: "blocked", Seat: &seat}} // of two shapes: two statements
			unchanged(t, mode, models, repository.ErrDuplicate, func() error {
				_, err := r.UpsertMany(ctx, models, repository.UpsertOptions{})
				return err
			})
			if _, err := r.Upsert(ctx, models[1], repository.UpsertOptions{}); err != nil {
				t.Errorf("%s: the struct is not good for another attempt: %v", mode, err)
			}
		})
	}, restoreModels()...)
}

var errNo = errors.New("no")

// What was written and is rolled back later, by the caller, is as if it had not been written.
func TestARollbackRestoresWhatWasWritten(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		check(t, repository.For[ticket](m).Create(t.Context(), &ticket{Title: "old", Code: "old", File: text("old")}))
		created, replaced := &ticket{Title: "new", Code: "new", File: text("a")}, &ticket{Title: "x", Code: "old", File: text("b")}
		other, known := &token{Code: "x"}, &nameplate{Code: "x", File: text("c")}
		write := func(ctx context.Context, s *session.Session) error {
			_, first := repository.New[ticket](s).Upsert(ctx, created, repository.UpsertOptions{})
			_, second := repository.New[ticket](s).Upsert(ctx, replaced, repository.UpsertOptions{})
			_, third := repository.New[token](s).Upsert(ctx, other, repository.UpsertOptions{})
			check(t, errors.Join(first, second, third, repository.New[nameplate](s).Create(ctx, known)))
			return errNo
		}
		unchanged(t, "created", []*ticket{created, replaced}, errNo, func() error {
			err := errNo
			unchanged(t, "plain", []*token{other}, errNo, func() error {
				unchanged(t, "named by its key", []*nameplate{known}, errNo, func() error { return m.Run(t.Context(), write) })
				return errNo
			})
			return err
		})
		for _, f := range []*fileobject.FileObject{created.File, replaced.File, known.File} {
			if !f.Pending() {
				t.Errorf("the file %q cannot be saved again", f.Filename)
			}
		}
		check(t, repository.For[ticket](m).Create(t.Context(), created))
	}, restoreModels()...)
}

// A key that stored files are named by stays for the next attempt of the same unit of work, and no longer.
func TestAKeyThatFilesAreNamedByStaysWithThem(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, b := t.Context(), &nameplate{Code: "a", File: text("one")}
		run(t, m, func(ctx context.Context, s *session.Session) error {
			err := s.Nested(ctx, func(ctx context.Context) error { return errors.Join(s.Insert(ctx, b), errNo) })
			wantError(t, err, errNo)
			return s.Insert(ctx, b)
		})
		if want := fmt.Sprintf("%s/", b.ID); len(b.File.Key) < len(want) || b.File.Key[:len(want)] != want {
			t.Errorf("row %s has the file %s", b.ID, b.File.Key)
		}
		twin := &nameplate{Code: "a", File: text("two")}
		unchanged(t, "create", []*nameplate{twin}, repository.ErrDuplicate, func() error { return repository.For[nameplate](m).Create(ctx, twin) })
	}, restoreModels()...)
}
