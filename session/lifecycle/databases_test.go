package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	"github.com/uptrace/bun/schema"
	_ "modernc.org/sqlite"
)

var servers dbservers.Set

func TestMain(m *testing.M) {
	if orders := os.Getenv(stoppedVariable); orders != "" {
		os.Exit(stoppedChild(orders))
	}
	os.Exit(servers.Run(m))
}

var databases = []string{"sqlite", "postgresql", "mariadb"}

// onEveryDatabase runs a test as a subtest for each database, which [databaseOf] tells by the name.
func onEveryDatabase(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	for _, name := range databases {
		t.Run(name, test)
	}
}

// databaseOf is the database that the test runs on; SQLite if its name does not tell.
func databaseOf(t testing.TB) string {
	t.Helper()
	for _, name := range databases {
		if strings.Contains(t.Name()+"/", "/"+name+"/") {
			return name
		}
	}
	return "sqlite"
}

// serverPool is how many connections a manager's pool has on a server: fewer than the tests have goroutines.
const serverPool = 20

// openDatabase makes an empty database and opens it twice: as the code under test sees it, and for the judge.
func (w *world) openDatabase(t testing.TB, open func(driver, dsn string) (*sql.DB, error)) *bun.DB {
	t.Helper()
	driver, dsn := w.makeDatabase(t)
	pool, err := open(driver, dsn)
	must(t, err)
	w.raw, err = sql.Open(driver, dsn)
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(pool.Close(), w.raw.Close())) })
	if w.on != "sqlite" {
		pool.SetMaxOpenConns(serverPool)
		w.raw.SetMaxOpenConns(2)
	}
	return bun.NewDB(pool, dialectOf(w.on))
}

func dialectOf(on string) schema.Dialect {
	switch on {
	case "postgresql":
		return pgdialect.New()
	case "mariadb":
		return mysqldialect.New()
	}
	return sqlitedialect.New()
}

func (w *world) makeDatabase(t testing.TB) (driver, dsn string) {
	t.Helper()
	create := servers.PostgreSQL
	driver = "pgx"
	switch w.on {
	case "sqlite":
		return "sqlite", "file:" + filepath.Join(w.dir, "app.db") +
			"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	case "mariadb":
		driver, create = "mysql", servers.MariaDB
	}
	database, err := create(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, database.Drop(context.Background())) })
	return driver, database.DSN
}

// rebind numbers the parameters of a plain query where the driver wants that.
func (w *world) rebind(query string) string {
	if w.on != "postgresql" {
		return query
	}
	for n := 1; strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", fmt.Sprint("$", n), 1)
	}
	return query
}

// createFamily makes two tables whose foreign key is checked by COMMIT, or at once where there is nothing else.
func (w *world) createFamily(t testing.TB) {
	t.Helper()
	deferred := " DEFERRABLE INITIALLY DEFERRED"
	if w.on == "mariadb" {
		deferred = ""
	}
	w.exec(t, "CREATE TABLE parent (id INTEGER PRIMARY KEY)")
	w.exec(t, "CREATE TABLE child (parent INTEGER REFERENCES parent (id)"+deferred+")")
}
