package repository_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// The everyday round: each call stands on its own, the row comes back with its file.
func TestEachCallOfForIsAUnitOfWork(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			ctx, documents := t.Context(), repository.For[document](m)
			d := &document{Title: "Plan", File: text("one")}
			check(t, documents.Create(ctx, d))
			got, err := documents.Get(ctx, d.ID)
			check(t, err)
			if got.Title != "Plan" || content(t.Context(), t, got.File) != "one" || got.CreatedAt.IsZero() {
				t.Errorf("got %+v", got)
			}
			got.Title, got.File = "Plan B", text("two")
			check(t, documents.Update(ctx, got))
			again, err := documents.Get(ctx, d.ID.String())
			check(t, err)
			if again.Title != "Plan B" || content(t.Context(), t, again.File) != "two" {
				t.Errorf("got %+v", again)
			}
			check(t, documents.Delete(ctx, d.ID))
			if _, err := documents.Get(ctx, d.ID); !errors.Is(err, dossier.ErrNotFound) {
				t.Errorf("after the delete: %v", err)
			}
		})
	}
}

// Replaced and deleted files leave an order behind: the repository goes through the session, never around it.
func TestWhatLeavesARowIsOrdered(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			ctx, documents := t.Context(), repository.For[document](m)
			d := &document{Title: "Plan", File: text("one"), Pages: fileobject.List{text("page")}}
			check(t, documents.Create(ctx, d))
			d.File = text("two")
			check(t, documents.Update(ctx, d))
			check(t, documents.Delete(ctx, d))
			n, err := m.DB().NewSelect().Table("dossier_journal").Where("state = 'doomed'").Count(ctx)
			if err != nil || n != 3 {
				t.Errorf("%d orders, want 3; %v", n, err)
			}
		})
	}
}

// A create that fails leaves neither row nor object.
func TestAFailedCallIsUndone(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			ctx, documents := t.Context(), repository.For[document](m)
			d := &document{Title: "Plan", File: text("one")}
			check(t, documents.Create(ctx, d))
			twice := &document{UUID: d.UUID, Title: "Again", File: text("two")}
			if err := documents.Create(ctx, twice); err == nil {
				t.Fatal("a key was used twice")
			}
			all, err := documents.List(ctx, repository.ListOptions{})
			if err != nil || len(all) != 1 || all[0].Title != "Plan" {
				t.Errorf("rows %v, %v", all, err)
			}
			if !twice.File.Pending() {
				t.Error("the file of the failed create is not pending again")
			}
		})
	}
}

// Several repositories of one session are one unit of work: all or nothing, and reads see the writes before them.
func TestNewWorksInTheCallersSession(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			changedMind := errors.New("changed my mind")
			err := m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
				documents, places := repository.New[document](s), repository.New[place](s)
				d := &document{Title: "Plan", File: text("one")}
				if err := errors.Join(documents.Create(ctx, d), places.Create(ctx,
					&place{Street: "Elm", Number: 4, Name: "Office"})); err != nil {
					return err
				}
				listed, err := documents.List(ctx, repository.ListOptions{})
				if err != nil || len(listed) != 1 || content(ctx, t, listed[0].File) != "one" {
					t.Errorf("inside: %v, %v", listed, err)
				}
				return changedMind
			})
			if !errors.Is(err, changedMind) {
				t.Fatal(err)
			}
			if all, err := repository.For[document](m).List(t.Context(), repository.ListOptions{}); err != nil || len(all) > 0 {
				t.Errorf("after the rollback: %v, %v", all, err)
			}
			if _, err := repository.For[place](m).Get(t.Context(), "Elm", 4); !errors.Is(err, dossier.ErrNotFound) {
				t.Errorf("after the rollback: %v", err)
			}
		})
	}
}

// What Get loaded is remembered by the session, so that setting a column to nil means to clear it.
func TestClearingWhatTheSessionLoaded(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			d := &document{Title: "Plan", File: text("one"), Pages: fileobject.List{text("a"), text("b")}}
			check(t, repository.For[document](m).Create(t.Context(), d))
			run(t, m, func(ctx context.Context, s *session.Session) error {
				documents := repository.New[document](s)
				got, err := documents.Get(ctx, d.ID)
				if err != nil {
					return err
				}
				got.File, got.Pages = nil, got.Pages[:1]
				return documents.Update(ctx, got)
			})
			got, err := repository.For[document](m).Get(t.Context(), d.ID)
			if err != nil || got.File != nil || len(got.Pages) != 1 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// Rows from List can be updated: their handles remember what they were loaded with, so that a newer file is not
// overwritten. Clearing needs the column's name there.
func TestUpdatingWhatListReturned(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			ctx, documents := t.Context(), repository.For[document](m)
			check(t, documents.Create(ctx, &document{Title: "Plan", File: text("one")}))
			first, stale := one(t, documents), one(t, documents)
			first.File = text("two") // a new file for a loaded row replaces what is there
			check(t, documents.Update(ctx, first))
			if err := documents.Update(ctx, stale); !errors.Is(err, dossier.ErrStale) {
				t.Errorf("a stale row overwrote a file: %v", err)
			}
			cleared := one(t, documents)
			cleared.File = nil
			if err := documents.Update(ctx, cleared); !errors.Is(err, dossier.ErrStale) {
				t.Errorf("cleared without a word: %v", err)
			}
			check(t, documents.Update(ctx, cleared, "file"))
			if got := one(t, documents); got.File != nil {
				t.Errorf("still there: %v", got.File)
			}
		})
	}
}

func one(t *testing.T, documents *repository.Repository[document]) *document {
	t.Helper()
	all, err := documents.List(t.Context(), repository.ListOptions{})
	check(t, err)
	if len(all) != 1 {
		t.Fatalf("%d rows", len(all))
	}
	return all[0]
}

// Naming columns writes those alone.
func TestUpdateWritesTheNamedColumns(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			ctx, documents := t.Context(), repository.For[document](m)
			d := &document{Title: "Plan", Group: 1}
			check(t, documents.Create(ctx, d))
			d.Title, d.Group = "Other", 2
			check(t, documents.Update(ctx, d, "title"))
			got, err := documents.Get(ctx, d.ID)
			if err != nil || got.Title != "Other" || got.Group != 1 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// What is not there is said so, by the error that callers turn into a 404.
func TestNoSuchRow(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			ctx, documents, places := t.Context(), repository.For[document](m), repository.For[place](m)
			check(t, places.Create(ctx, &place{Street: "Elm", Number: 4, Name: "Office"}))
			_, err := documents.Get(ctx, model.NewUUID())
			_, errPlace := places.Get(ctx, "Elm", 5)
			for what, err := range map[string]error{
				"get": err, "get composite": errPlace,
				"delete":          documents.Delete(ctx, model.NewUUID()),
				"delete by model": documents.Delete(ctx, &document{UUID: model.UUID{ID: model.NewUUID()}}),
			} {
				if !errors.Is(err, dossier.ErrNotFound) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if err := documents.Update(ctx, &document{UUID: model.UUID{ID: model.NewUUID()}}); !errors.Is(err, dossier.ErrStale) {
				t.Errorf("update: %v", err)
			}
			check(t, places.Delete(ctx, "Elm", 4))
		})
	}
}

// Misuse is an error that says so, before anything happens.
func TestMisuseIsRefused(t *testing.T) {
	t.Parallel()
	for name, open := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t)
			ctx, documents := t.Context(), repository.For[document](m)
			_, noID := documents.Get(ctx)
			_, tooMany := documents.Get(ctx, "a", "b")
			_, wrongType := documents.Get(ctx, 1.5)
			for what, err := range map[string]error{
				"get without key": noID, "two keys for one": tooMany, "key of another type": wrongType,
				"delete without key": documents.Delete(ctx), "delete nil": documents.Delete(ctx, (*document)(nil)),
				"create nil": documents.Create(ctx, nil), "update nil": documents.Update(ctx, nil),
				"unknown column": documents.Update(ctx, &document{}, "nothing"),
				"no manager":     repository.For[document](nil).Create(ctx, &document{}),
				"no session":     repository.New[document](nil).Create(ctx, &document{}),
				"no struct":      repository.For[string](m).Create(ctx, new(string)),
				"pointer":        repository.For[*document](m).Create(ctx, new(*document)),
			} {
				if !errors.Is(err, dossier.ErrInvalid) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

// A reader never waits for a writer: For reads outside of any transaction, while another session holds the write lock.
func TestReadsOfForRunOutsideATransaction(t *testing.T) {
	t.Parallel()
	m := newFileManager(t)
	documents := repository.For[document](m)
	d := &document{Title: "committed", File: text("one")}
	check(t, documents.Create(t.Context(), d))
	run(t, m, func(ctx context.Context, s *session.Session) error {
		d.Title = "not committed"
		if err := s.Update(ctx, d); err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(t.Context(), 20*time.Second) // less than the manager waits for its writer
		defer cancel()
		got, err := documents.Get(waiting, d.ID) //nolint:contextcheck // not of this unit of work
		check(t, err)
		listed, err := documents.List(waiting, repository.ListOptions{}) //nolint:contextcheck // not of this unit of work
		check(t, err)
		if got.Title != "committed" || listed[0].Title != "committed" {
			t.Errorf("read %q and %q", got.Title, listed[0].Title)
		}
		return nil
	})
}
