package repository_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// snapshots runs a test on the databases whose transactions can see less than what is committed.
func snapshots(t *testing.T, test func(t *testing.T, m *session.Manager)) {
	t.Helper()
	t.Parallel()
	for _, name := range []string{"postgresql", "mariadb"} {
		for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelReadCommitted} {
			t.Run(name+" "+level.String(), func(t *testing.T) {
				t.Parallel()
				test(t, openOn(t, name, session.Options{Isolation: level}, append(upsertModels(), (*task)(nil))...))
			})
		}
	}
}

// once calls a function before the first statement that begins with a text.
type once struct {
	begins string
	done   atomic.Bool
	call   func()
}

// BeforeQuery implements [bun.QueryHook].
func (o *once) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if strings.HasPrefix(event.Query, o.begins) && o.done.CompareAndSwap(false, true) {
		o.call()
	}
	return ctx
}

// AfterQuery implements [bun.QueryHook].
func (o *once) AfterQuery(context.Context, *bun.QueryEvent) {}

// Somebody is faster between the snapshot of the transaction and the insert: the row is there, and cannot be seen. Another
// transaction sees it; nobody is told of a duplicate of the very row that was asked for.
func TestARowThatASnapshotHidesIsGotByAnotherTransaction(t *testing.T) {
	snapshots(t, func(t *testing.T, m *session.Manager) {
		ctx, avatars := t.Context(), repository.For[avatar](m)
		for op, call := range map[string]func(*avatar) (string, bool, error){
			"get or create": func(a *avatar) (string, bool, error) {
				row, created, err := avatars.GetOrCreate(ctx, a, repository.MatchOptions{})
				if err != nil {
					return "", false, err
				}
				return row.Title, created, nil
			},
			"upsert": func(a *avatar) (string, bool, error) {
				created, err := avatars.Upsert(ctx, a, repository.UpsertOptions{Update: []string{"file"}})
				return a.Title, created, err
			},
		} {
			if op == "upsert" && m.DB().Dialect().Name() == dialect.MySQL {
				continue // it locks the gap in which the row is missing, and nobody can be faster
			}
			m.DB().AddQueryHook(&once{begins: "INSERT INTO " + quoted(m, "avatars"), call: func() {
				_, err := m.DB().ExecContext(ctx, "INSERT INTO avatars (id, owner, title) VALUES (?, ?, 'theirs')", model.NewUUID(), op)
				check(t, err)
			}})
			title, created, err := call(&avatar{Owner: op, Title: "mine", File: text("mine")})
			if err != nil || created || title != "theirs" {
				t.Errorf("%s: the row is %q, created %v, %v", op, title, created, err)
			}
		}
	})
}

func quoted(m *session.Manager, name string) string {
	return string(m.DB().QueryGen().AppendName(nil, name))
}

// In a caller's transaction nothing can be seen that its snapshot hides. The error says so, and a unit of work that may be tried
// again is.
func TestASnapshotInASessionIsTriedAgain(t *testing.T) {
	snapshots(t, func(t *testing.T, m *session.Manager) {
		ctx, attempts := t.Context(), 0
		err := m.RunWith(ctx, session.RunOptions{Attempts: 3}, func(ctx context.Context, s *session.Session) error {
			attempts++
			accounts := repository.New[account](s)
			check(t, s.Begin(ctx))
			if n, err := accounts.Count(ctx); err != nil || n != int64(attempts-1) { // the snapshot is taken
				t.Errorf("attempt %d: %d rows, %v", attempts, n, err)
			}
			if attempts == 1 {
				check(t, repository.For[account](m).Create(ctx, &account{Email: "a@x", Name: "theirs"}))
			}
			row, created, err := accounts.GetOrCreate(ctx, &account{Email: "a@x", Name: "mine"}, repository.MatchOptions{})
			hidden := attempts == 1 && s.Isolation() != sql.LevelReadCommitted
			switch {
			case hidden && (!errors.Is(err, repository.ErrSerialization) || errors.Is(err, repository.ErrDuplicate) || !session.Retryable(err)):
				t.Errorf("attempt %d: %v, want an error that can be tried again", attempts, err)
			case hidden && !strings.Contains(err.Error(), "Attempts"):
				t.Errorf("the error does not say what to do: %v", err)
			case !hidden && (err != nil || created || row.Name != "theirs"):
				t.Errorf("attempt %d: %+v, created %v, %v", attempts, row, created, err)
			}
			return err
		})
		check(t, err)
	})
}

// What another transaction would not help against stays what it is: no caller tries it eight times in vain.
func TestADuplicateOfAnotherRowIsNotTriedAgain(t *testing.T) {
	snapshots(t, func(t *testing.T, m *session.Manager) {
		ctx, seat := t.Context(), 1
		accounts := repository.For[account](m)
		check(t, accounts.Create(ctx, &account{Email: "a@x", Name: "a", Badge: &seat}))
		seen := watchStatements(m)
		_, _, err := accounts.GetOrCreate(ctx, &account{Email: "b@x", Name: "b", Badge: &seat}, repository.MatchOptions{})
		wantError(t, err, repository.ErrDuplicate)
		if n := seen.take("INSERT INTO " + quoted(m, "accounts")); n != 1 || session.Retryable(err) {
			t.Errorf("%d attempts, %v", n, err)
		}
		run(t, m, func(ctx context.Context, s *session.Session) error { // its own soft delete hides the row, no snapshot
			tasks := repository.New[task](s)
			a := &task{Code: "t"}
			check(t, repository.For[task](m).Create(ctx, a))
			check(t, tasks.Delete(ctx, a.ID))
			_, _, err := tasks.GetOrCreate(ctx, &task{Code: "t"}, repository.MatchOptions{Match: []string{"code"}})
			wantError(t, err, repository.ErrDuplicate)
			if session.Retryable(err) {
				t.Errorf("to be tried again: %v", err)
			}
			return nil
		})
	})
}
