package repository_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// lawful breaks every kind of constraint.
const (
	lawsTable = `CREATE TABLE laws (id INTEGER NOT NULL PRIMARY KEY, email VARCHAR(100) UNIQUE, title VARCHAR(100) NOT NULL,
		age INTEGER, CONSTRAINT laws_age CHECK (age > 0))`
	casesTable = `CREATE TABLE cases (id INTEGER NOT NULL PRIMARY KEY, law INTEGER,
		CONSTRAINT cases_law FOREIGN KEY (law) REFERENCES laws (id) ON DELETE RESTRICT)`
)

// violations of one constraint each, after law 1 with case 1 is there.
var violations = []struct {
	name, query string
	kind        error
	columns     []string // where the database tells
	constraint  string   // on PostgreSQL
}{
	{"primary key", "INSERT INTO laws (id, title) VALUES (1, 'again')", repository.ErrDuplicate, []string{"id"}, "laws_pkey"},
	{"unique", "INSERT INTO laws (id, email, title) VALUES (2, 'a@x', 'b')", repository.ErrDuplicate, []string{"email"},
		"laws_email_key"},
	{"not null", "INSERT INTO laws (id, title) VALUES (2, NULL)", repository.ErrNotNull, []string{"title"}, ""},
	{"check", "INSERT INTO laws (id, title, age) VALUES (2, 'b', -1)", repository.ErrCheck, nil, "laws_age"},
	{"child without parent", "INSERT INTO cases (id, law) VALUES (2, 7)", repository.ErrForeignKey, []string{"law"}, "cases_law"},
	{"parent with child", "DELETE FROM laws WHERE id = 1", repository.ErrForeignKey, nil, "cases_law"},
}

func newLaws(t *testing.T, m *session.Manager) {
	t.Helper()
	for _, query := range []string{
		lawsTable, casesTable, "INSERT INTO laws (id, email, title) VALUES (1, 'a@x', 'a')",
		"INSERT INTO cases (id, law) VALUES (1, 1)",
	} {
		_, err := m.DB().ExecContext(t.Context(), query)
		check(t, err)
	}
}

// A handler must be able to answer 409 for a duplicate and 422 for a missing value: by codes, whatever the language of the
// server, and with the names of what is violated.
func TestViolatedConstraintsAreToldApart(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		newLaws(t, m)
		for _, v := range violations {
			err := repository.Recognise(m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
				_, err := s.IDB().ExecContext(ctx, v.query)
				return err
			}))
			var found *repository.DatabaseError
			if !errors.Is(err, v.kind) || !errors.As(err, &found) || found.Code == "" {
				t.Errorf("%s: %v, want %v with a code", v.name, err, v.kind)
				continue
			}
			checkNames(t, m, v.name, found, v.columns, v.constraint)
		}
	})
}

func checkNames(t *testing.T, m *session.Manager, name string, found *repository.DatabaseError, columns []string,
	constraint string) {
	t.Helper()
	switch m.DB().Dialect().Name().String() {
	case "pg":
		if found.Constraint != constraint || found.Table == "" || len(columns) > 0 && !slices.Equal(found.Columns, columns) {
			t.Errorf("%s: %+v; PostgreSQL tells table, constraint %q and columns %q", name, found, constraint, columns)
		}
	case "mysql":
		if found.Kind != repository.ErrNotNull && found.Constraint == "" ||
			found.Kind == repository.ErrNotNull && !slices.Equal(found.Columns, columns) {
			t.Errorf("%s: %+v; MariaDB tells the constraint or the column", name, found)
		}
	default:
		if found.Kind != repository.ErrForeignKey && found.Kind != repository.ErrCheck &&
			(found.Table != "laws" || !slices.Equal(found.Columns, columns)) {
			t.Errorf("%s: %+v; SQLite tells table and columns", name, found)
		}
		if found.Kind == repository.ErrCheck && found.Constraint != constraint {
			t.Errorf("%s: %+v; SQLite tells the check", name, found)
		}
	}
}

// What a lost connection did to a row is not known to be a conflict: a dead database that looks like a 409 makes clients
// throw their data away.
func TestALostConnectionIsNoIntegrityError(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		if m.DB().Dialect().Name().String() == "sqlite" {
			t.Skip("capability: SQLite has no connection to lose")
		}
		err := repository.Recognise(m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
			killed(ctx, t, m, s)
			_, err := s.IDB().ExecContext(ctx, "INSERT INTO dossier_gone (id) VALUES (1)")
			return err
		}))
		wantError(t, err, dossier.ErrUnavailable)
		for _, kind := range []error{repository.ErrDuplicate, repository.ErrForeignKey, repository.ErrCheck, repository.ErrNotNull} {
			if errors.Is(err, kind) {
				t.Errorf("%v is %v", err, kind)
			}
		}
	})
}

// killed ends the connection of the session's transaction from another one.
func killed(ctx context.Context, t *testing.T, m *session.Manager, s *session.Session) {
	t.Helper()
	ask, kill := "SELECT pg_backend_pid()", "SELECT pg_terminate_backend(%d)"
	if m.DB().Dialect().Name().String() == "mysql" {
		ask, kill = "SELECT CONNECTION_ID()", "KILL %d"
	}
	var id int64
	check(t, s.IDB().QueryRowContext(ctx, ask).Scan(&id))
	_, err := m.DB().ExecContext(ctx, fmt.Sprintf(kill, id))
	check(t, err)
}

// A server that is not there is unavailable too.
func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	for driver, dsn := range map[string]string{
		"pgx": "postgres://test@127.0.0.1:1/test", "mysql": "test@tcp(127.0.0.1:1)/test", "sqlite": "file:/nowhere/at/all.db",
	} {
		pool, err := sql.Open(driver, dsn)
		check(t, err)
		_, err = pool.ExecContext(t.Context(), "SELECT 1")
		wantError(t, repository.Recognise(err), dossier.ErrUnavailable)
		check(t, pool.Close())
	}
}

// Who gives up a request did not find the database unavailable, and a bucket that does not answer is no database.
func TestErrorsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	network := &net.OpError{Op: "read", Err: io.ErrUnexpectedEOF}
	for _, err := range []error{
		nil, io.EOF, fmt.Errorf("read body: %w", io.ErrUnexpectedEOF), fs.ErrNotExist, dossier.ErrNotExist, sql.ErrNoRows, fmt.Errorf("query: %w", context.Canceled), errors.Join(context.DeadlineExceeded, network),
		&dossier.Error{Op: "put", Kind: dossier.ErrUnavailable, Err: network},
		fmt.Errorf("%w: %w", dossier.ErrOutcomeUnknown, network), fmt.Errorf("%w after: %w", dossier.ErrRollbackOnly, network),
	} {
		if got := repository.Recognise(err); got != err { //nolint:errorlint // the same error is meant
			t.Errorf("%v became %v", err, got)
		}
	}
	once := repository.Recognise(network)
	if twice := repository.Recognise(fmt.Errorf("again: %w", once)); !errors.Is(twice, once) {
		t.Errorf("recognised twice: %v", twice)
	}
}

// Two transactions that wait for each other: one is told to try again, and that it lost is no conflict of data.
func TestALostRaceIsSerialization(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		if m.DB().Dialect().Name().String() == "sqlite" {
			t.Skip("capability: writers of SQLite queue in the process")
		}
		newLaws(t, m)
		_, err := m.DB().ExecContext(t.Context(), "INSERT INTO laws (id, title) VALUES (2, 'b')")
		check(t, err)
		first, second := make(chan struct{}), make(chan struct{})
		touch := func(ids [2]int, mine, others chan struct{}) error {
			return m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
				err := touchLaw(ctx, s.IDB(), ids[0])
				close(mine)
				<-others
				return errors.Join(err, touchLaw(ctx, s.IDB(), ids[1]))
			})
		}
		done := make(chan error, 1)
		go func() { done <- touch([2]int{1, 2}, first, second) }()
		err = errors.Join(touch([2]int{2, 1}, second, first), <-done)
		wantError(t, repository.Recognise(err), repository.ErrSerialization)
	})
}

func touchLaw(ctx context.Context, db bun.IDB, id int) error {
	_, err := db.NewUpdate().Table("laws").Set("age = 7").Where("id = ?", id).Exec(ctx)
	return err
}
