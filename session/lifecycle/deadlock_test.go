package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// A deadlock ends the whole transaction, and MariaDB goes on in autocommit: statements after it would be committed one by
// one. Whatever way the error came by, also unseen in a row that was scanned, nothing of the unit of work is there.
func TestDeadlockLeavesNothing(t *testing.T) { onServers(t, testDeadlockLeavesNothing) }

func testDeadlockLeavesNothing(t *testing.T) {
	t.Helper()
	t.Parallel()
	const query = "SELECT title FROM documents WHERE title > 'a' FOR UPDATE" // a range, so that the error comes with the rows
	for name, lock := range map[string]func(ctx context.Context, s *session.Session, b *document) error{
		"row": func(ctx context.Context, s *session.Session, _ *document) error {
			var title string
			return s.IDB().QueryRowContext(ctx, query).Scan(&title)
		},
		"rows": func(ctx context.Context, s *session.Session, _ *document) error {
			rows, err := s.IDB().QueryContext(ctx, query)
			if err != nil {
				return err
			}
			defer rows.Close()
			rows.Next()
			return rows.Err()
		},
		"bun": func(ctx context.Context, s *session.Session, _ *document) error {
			return s.IDB().NewSelect().Model(&document{}).Where("title > 'a'").For("UPDATE").Scan(ctx)
		},
		"Lock": func(ctx context.Context, s *session.Session, b *document) error { return s.Lock(ctx, b) },
		"Update": func(ctx context.Context, s *session.Session, b *document) error {
			return s.Update(ctx, b, "title", "file")
		},
		"nested": func(ctx context.Context, s *session.Session, b *document) error {
			return s.Nested(ctx, func(ctx context.Context) error { return s.Lock(ctx, b) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testDeadlock(t, name, lock)
		})
	}
}

func testDeadlock(t *testing.T, name string, lock func(ctx context.Context, s *session.Session, b *document) error) {
	t.Helper()
	w := newWorld(t, setup{})
	a, b := w.insert(t, "a", "one"), w.insert(t, "b", "two")
	err := w.try(func(ctx context.Context, s *session.Session) error {
		must(t, s.Lock(ctx, &document{UUID: a.UUID}))
		must(t, s.Insert(ctx, &document{Title: "before", File: file("before")}))
		other := w.crossing(t)
		defer other()
		failed := lock(ctx, s, &document{UUID: b.UUID, Title: "b", File: file("deadlock")})
		if failed == nil {
			return errNo // PostgreSQL may have chosen the other one
		}
		if w.on == "postgresql" && name == "nested" {
			return errNo // the savepoint has healed it
		}
		insert := s.Insert(ctx, &document{Title: "after"})
		if w.on == "mariadb" || name != "row" && name != "rows" {
			wantError(t, insert, dossier.ErrRollbackOnly)
		}
		return nil // as a caller who ignores it all
	})
	if err == nil {
		t.Error("the unit of work was committed")
	}
	if !errors.Is(err, errNo) && !session.Retryable(err) && w.on == "mariadb" && name != "row" {
		t.Errorf("it cannot be tried again after %v", err)
	}
	if titles := w.titles(t); strings.Contains(titles, "before") || strings.Contains(titles, "after") {
		t.Errorf("rows %q", titles)
	}
	w.check(t, "one", "two")
}

// crossing is a heavy transaction that holds row b and waits for row a; it is not the one to be ended by a deadlock. It is
// over when the function returns.
func (w *world) crossing(t testing.TB) (end func()) {
	t.Helper()
	conn, err := w.raw.Conn(t.Context())
	must(t, err)
	exec := func(query string) error { _, err := conn.ExecContext(context.Background(), query); return err }
	if w.on == "postgresql" {
		must(t, exec("SET deadlock_timeout = '1min'")) // who waits longest looks first, and is ended
	}
	must(t, exec("START TRANSACTION"))
	must(t, exec("CREATE TEMPORARY TABLE weight (n INTEGER)"))
	must(t, exec("INSERT INTO weight VALUES (0)"+strings.Repeat(", (1)", 500)))
	must(t, exec("UPDATE documents SET updated_at = created_at WHERE title = 'b'"))
	done := make(chan error, 1)
	go func() { done <- exec("UPDATE documents SET updated_at = created_at WHERE title = 'a'") }()
	w.waitForLock(t)
	return func() {
		go func() {
			<-done
			_ = exec("ROLLBACK")
			_ = conn.Close()
		}()
	}
}

// slowInMariaDB counts statements that run for so long that they must wait. The table of lock waits is not refreshed while
// somebody reads it again and again.
const slowInMariaDB = "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND command = 'Query' AND " +
	"id <> connection_id() AND time_ms > 200"

// waitForLock waits until a statement in this database waits for a lock.
func (w *world) waitForLock(t testing.TB) {
	t.Helper()
	query := "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_schema() AND wait_event_type = 'Lock'"
	if w.on == "mariadb" {
		query = slowInMariaDB
	}
	for w.number(t, query) == 0 {
		must(t, t.Context().Err())
	}
}
