package cli_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver named "pgx"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/cli"
	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/session"
)

var servers dbservers.Set

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// newServerApplication is an application's database on a server; its DSN is a URL.
func newServerApplication(t *testing.T, on string) *application {
	t.Helper()
	create := servers.PostgreSQL
	if on == "mariadb" {
		create = servers.MariaDB
	}
	database, err := create(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	check(t, err)
	t.Cleanup(func() { check(t, database.Drop(context.Background())) })
	a := &application{database: database.DSN, folder: filepath.Join(t.TempDir(), "files")}
	if on == "mariadb" {
		config, err := mysql.ParseDSN(database.DSN)
		check(t, err)
		u := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
		a.database = u.String()
	}
	store, err := local.New(a.folder, local.Config{Durability: local.Fast})
	check(t, err)
	registry := &dossier.Registry{}
	check(t, registry.Register("uploads", store))
	a.manager, err = session.Open(t.Context(), session.Config{
		DSN: a.database, Models: []any{(*document)(nil)},
		Options: session.Options{Registry: registry, DeleteAfter: session.AtOnce, DueOrders: -1},
	})
	check(t, err)
	t.Cleanup(func() { check(t, errors.Join(a.manager.Close(), registry.Close())) })
	return a
}

// The tool works on a database with a server as on a file: it shows the journal, sweeps, and audits; and it makes nothing.
func TestTheToolWorksOnServers(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			a := newServerApplication(t, on)
			run(t, cli.Config{}, "journal", "--database", a.database).want(t, 2, "", "a table is missing: dossier_journal")
			check(t, a.manager.CreateSchema(t.Context()))
			a.delete(t, a.insert(t, "gone"))
			kept := a.insert(t, "kept")
			if got := run(t, cli.Config{}, "journal", "--database", a.database); got.code != 0 || strings.Count(got.stdout, "\n") != 1 {
				t.Errorf("journal: %+v", got)
			}
			run(t, cli.Config{}, append([]string{"sweep"}, a.flags()...)...).want(t, 0, "claimed 1, deleted 1, abandoned 0, failed 0, parked 0\n", "")
			audit := append([]string{"audit", "--column", "documents.file"}, a.flags()...)
			if got := run(t, cli.Config{}, audit...); got.code != 0 || got.stdout != "" {
				t.Errorf("audit: %+v", got)
			}
			check(t, os.Remove(filepath.Join(a.folder, filepath.FromSlash(kept.File.Key))))
			if got := run(t, cli.Config{}, audit...); got.code != 1 || !strings.Contains(got.stdout, kept.File.Key) {
				t.Errorf("audit: %+v", got)
			}
		})
	}
}
