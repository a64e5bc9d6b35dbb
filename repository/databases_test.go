package repository_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	_ "modernc.org/sqlite"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/session"
)

var servers dbservers.Set

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// databases are those that the suite runs on.
var databases = []string{"sqlite", "postgresql", "mariadb"}

// onEveryDatabase runs a test as a subtest for each database, each with an empty database of its own that has tables for
// the models, and a store called "uploads".
func onEveryDatabase(t *testing.T, test func(t *testing.T, m *session.Manager), models ...any) {
	t.Helper()
	t.Parallel()
	for _, name := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, openOn(t, name, session.Options{}, models...))
		})
	}
}

// openOn makes an empty database, a manager over it and tables for the models.
func openOn(t testing.TB, name string, opts session.Options, models ...any) *session.Manager {
	t.Helper()
	driver, dsn, dialect := makeDatabase(t, name)
	pool, err := sql.Open(driver, dsn)
	check(t, err)
	t.Cleanup(func() { check(t, pool.Close()) })
	if name != "sqlite" {
		pool.SetMaxOpenConns(8)
	}
	if opts.Registry == nil {
		opts.Registry = newRegistry(t)
	}
	m, err := session.New(bun.NewDB(pool, dialect), opts)
	check(t, err)
	check(t, m.Register(models...))
	check(t, m.CreateSchema(t.Context()))
	return m
}

// newRegistry has a store called "uploads".
func newRegistry(t testing.TB) *dossier.Registry {
	t.Helper()
	registry := &dossier.Registry{}
	check(t, registry.Register("uploads", memory.New(memory.Config{})))
	return registry
}

func makeDatabase(t testing.TB, name string) (driver, dsn string, dialect schema.Dialect) {
	t.Helper()
	var create func(context.Context) (*dbservers.Database, error)
	switch name {
	case "postgresql":
		driver, create, dialect = "pgx", servers.PostgreSQL, pgdialect.New()
	case "mariadb":
		driver, create, dialect = "mysql", servers.MariaDB, mysqldialect.New()
	default:
		const pragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
		return "sqlite", "file:" + filepath.Join(t.TempDir(), "app.db") + pragmas, sqlitedialect.New()
	}
	database, err := create(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	check(t, err)
	t.Cleanup(func() { check(t, database.Drop(context.Background())) })
	return driver, database.DSN, dialect
}

// wantError fails the test unless err is of the kind.
func wantError(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want one that is %q", err, kind)
	}
}
