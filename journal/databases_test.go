package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/internal/dbservers"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"
)

var servers dbservers.Set

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// databases are those that every test runs on: the names of the migrations' folders.
var databases = []string{"sqlite", "postgresql", "mysql"}

// onEveryDatabase runs a test as a subtest for each database, which [databaseOf] tells by the name.
func onEveryDatabase(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	for _, name := range databases {
		t.Run(name, test)
	}
}

// databaseOf is the database that the test runs on.
func databaseOf(t testing.TB) string {
	t.Helper()
	for _, name := range databases {
		if strings.Contains(t.Name()+"/", "/"+name+"/") {
			return name
		}
	}
	t.Fatal("the test runs on no database: see onEveryDatabase")
	return ""
}

// openDatabase opens a new, empty database.
func openDatabase(t testing.TB) *bun.DB {
	t.Helper()
	switch databaseOf(t) {
	case "postgresql":
		return bun.NewDB(openServer(t, "pgx", servers.PostgreSQL), pgdialect.New())
	case "mysql":
		return bun.NewDB(openServer(t, "mysql", servers.MariaDB), mysqldialect.New())
	}
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	must(t, err)
	t.Cleanup(func() { must(t, pool.Close()) })
	return bun.NewDB(pool, sqlitedialect.New())
}

// openServer opens a database on a server.
func openServer(t testing.TB, driver string, create func(context.Context) (*dbservers.Database, error)) *sql.DB {
	t.Helper()
	database, err := create(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	pool, err := sql.Open(driver, database.DSN)
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(pool.Close(), database.Drop(context.Background()))) })
	return pool
}
