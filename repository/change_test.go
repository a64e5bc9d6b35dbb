package repository_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// after calls a function when a statement that begins so has run.
type after struct {
	begin string
	call  func()
}

func (a after) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (a after) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if strings.HasPrefix(event.Query, a.begin) {
		a.call()
	}
}

// A request that was given up is no mistake in what it sent: a look that failed must not be taken for a row outside.
func TestAFailedLookIsNotARowOutsideOfTheScope(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		items := repository.For[item](m).With(ofTenant(1))
		check(t, items.Create(t.Context(), &item{Tenant: 1, Code: "a"}))
		ctx, cancel := context.WithCancel(t.Context())
		m.DB().AddQueryHook(after{"UPDATE", cancel})
		_, err := items.Upsert(ctx, &item{Tenant: 1, Code: "a", Count: 2}, repository.UpsertOptions{})
		if !errors.Is(err, context.Canceled) || errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("error %v, want one that is the context's", err)
		}
	}, scopeModels()...)
}

// Two requests change different fields of one row. Neither may undo what the other one wrote.
func TestChangeLosesNoUpdate(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, rows := t.Context(), repository.For[avatar](m)
		a := &avatar{Owner: "ann", Title: "old"}
		check(t, rows.Create(ctx, a))
		avatars := repository.NewService(rows, repository.Rules[avatar]{})
		_, err := avatars.Change(ctx, func(first *avatar) error {
			first.File = text("photo")
			_, err := avatars.Change(ctx, func(second *avatar) error { second.Title = "new"; return nil }, a.ID)
			return err
		}, a.ID)
		if !errors.Is(err, dossier.ErrStale) || repository.StatusOf(err) != http.StatusConflict {
			t.Errorf("the slower one: %v, want stale", err)
		}
		got, err := rows.Get(ctx, a.ID)
		if err != nil || got.Title != "new" || got.File != nil {
			t.Errorf("the row is %+v, %v", got, err)
		}
		changed, err := avatars.Change(ctx, func(again *avatar) error { again.File = text("photo"); return nil }, a.ID)
		if err != nil || content(ctx, t, changed.File) != "photo" || changed.Title != "new" {
			t.Errorf("tried again: %+v, %v", changed, err)
		}
	}, upsertModels()...)
}

// What a client sends may hold a key: it must not lead to another row, nor to a new one.
func TestChangeKeepsToItsRow(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		ctx, rows := t.Context(), repository.For[avatar](m)
		ann, bea := &avatar{Owner: "ann"}, &avatar{Owner: "bea"}
		check(t, rows.CreateMany(ctx, []*avatar{ann, bea}))
		avatars := repository.NewService(rows, repository.Rules[avatar]{})
		_, err := avatars.Change(ctx, func(a *avatar) error { a.ID, a.Title = bea.ID, "stolen"; return nil }, ann.ID)
		wantError(t, err, dossier.ErrInvalid)
		if got, err := rows.Get(ctx, bea.ID); err != nil || got.Title != "" {
			t.Errorf("the other row is %+v, %v", got, err)
		}
	}, upsertModels()...)
}

// What nobody knows the end of must not be answered as if it had an end, whatever else went wrong.
func TestAnUnknownOutcomeIsToldBeforeItsCause(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"store": &dossier.Error{Op: "put", Backend: "uploads", Kind: dossier.ErrPermission},
		"body":  &http.MaxBytesError{Limit: 1},
		"row":   dossier.ErrNotFound,
	} {
		for _, first := range []error{dossier.ErrOutcomeUnknown, dossier.ErrRollbackOnly} {
			if got := repository.StatusOf(errors.Join(cause, first)); got != http.StatusInternalServerError {
				t.Errorf("%v after %s: status %d, want 500", first, name, got)
			}
		}
	}
}
