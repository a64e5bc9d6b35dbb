package faultkit_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver named "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver named "pgx"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier/internal/dbservers"
)

// servers are those of the harness's process; its children are told where they are.
var servers dbservers.Set

// database is where all processes of a world find it.
type database struct {
	On     string // "sqlite", "postgresql" or "mariadb"
	Driver string
	DSN    string
}

func databaseRecord(dir string) string { return filepath.Join(dir, "database.json") }

// newDatabase makes an empty database for the world in dir, and skips the test where its server is not installed.
func newDatabase(t *testing.T, dir, on string) {
	t.Helper()
	d := database{On: on, Driver: "sqlite"}
	d.DSN = "file:" + databaseFile(dir) + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(20000)"
	if on != "sqlite" {
		create := servers.PostgreSQL
		d.Driver = "pgx"
		if on == "mariadb" {
			create, d.Driver = servers.MariaDB, "mysql"
		}
		made, err := create(t.Context())
		if errors.Is(err, dbservers.ErrMissing) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := made.Drop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		d.DSN = made.DSN
	}
	text, err := json.Marshal(d)
	if err == nil {
		err = os.WriteFile(databaseRecord(dir), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readDatabase(dir string) (d database, err error) {
	text, err := os.ReadFile(databaseRecord(dir))
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

func (d database) dialect() schema.Dialect {
	switch d.On {
	case "postgresql":
		return pgdialect.New()
	case "mariadb":
		return mysqldialect.New()
	}
	return sqlitedialect.New()
}

// rebind numbers the parameters of a plain query where the driver wants that.
func (d database) rebind(query string) string {
	for n := 1; d.On == "postgresql" && strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", fmt.Sprint("$", n), 1)
	}
	return query
}

// anyRow orders rows by chance.
func (d database) anyRow() string {
	if d.On == "mariadb" {
		return "rand()"
	}
	return "random()"
}

// idle waits until the server has noticed the death of every process: until then it may still be executing what they sent.
func (d database) idle(ctx context.Context) (err error) {
	var query string
	switch d.On {
	case "postgresql":
		query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
	case "mariadb":
		query = "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
	default:
		return nil
	}
	pool, err := sql.Open(d.Driver, d.DSN)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	for {
		var others int
		if err := pool.QueryRowContext(ctx, query).Scan(&others); err != nil || others == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// bun opens bun over a pool of the database.
func (d database) bun(pool *sql.DB) *bun.DB { return bun.NewDB(pool, d.dialect()) }
