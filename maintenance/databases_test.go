package maintenance_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver named "pgx"
	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

var servers dbservers.Set

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// part has a primary key of several columns, one of them bytes.
type part struct {
	bun.BaseModel `bun:"table:parts"`
	Code          []byte                 `bun:"code,pk,type:bytea"`
	Number        int                    `bun:"number,pk"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

// onServers runs a test with a manager on each database with a server.
func onServers(t *testing.T, test func(t *testing.T, m *session.Manager)) {
	t.Helper()
	for name, create := range map[string]func(context.Context) (*dbservers.Database, error){
		"postgresql": servers.PostgreSQL, "mariadb": servers.MariaDB,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newServerManager(t, create, session.Options{DeleteAfter: session.AtOnce}, (*document)(nil)))
		})
	}
}

// newServerManager returns a manager over a new database of a server and a store in memory.
func newServerManager(t *testing.T, create func(context.Context) (*dbservers.Database, error), opts session.Options,
	models ...any,
) *session.Manager {
	t.Helper()
	database, err := create(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	check(t, err)
	t.Cleanup(func() { check(t, database.Drop(context.Background())) })
	opts.Registry = &dossier.Registry{}
	check(t, opts.Registry.Register("uploads", memory.New(memory.Config{})))
	m, err := session.Open(t.Context(), session.Config{DSN: database.DSN, Models: models, CreateSchema: true, Options: opts})
	check(t, err)
	t.Cleanup(func() { check(t, m.Close()) })
	return m
}

// What an audit finds does not depend on the database: nothing in order, each kind of damage by its name, with the row.
func TestAnAuditOfAServerFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, m *session.Manager) {
		d := &document{Title: "list", File: text("file"), Pages: fileobject.List{text("kept"), text("lost")}}
		doomed := &document{Title: "doomed", File: text("doomed")}
		malformed := &document{Title: "malformed"}
		insert(t, m, d, doomed, malformed, &document{Title: "none"})
		put(t, m, "known", "1", "")
		execute(t, m, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) VALUES ('1', 'uploads', ?, 'known', 'pending', 0, 0)",
			uploads(t, m).Describe().Store)
		findings, report := audit(t.Context(), t, m, nil)
		if len(findings) > 0 || report.Objects != 5 || report.Files != 4 || report.Checked != 4 {
			t.Errorf("findings %v, report %+v", findings, report)
		}

		check(t, uploads(t, m).Delete(t.Context(), d.Pages[1].Key, dossier.DeleteOptions{}))
		put(t, m, "left/behind", "12345", "")
		execute(t, m, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) VALUES ('2', 'uploads', ?, ?, 'doomed', 0, 0)",
			uploads(t, m).Describe().Store, doomed.File.Key)
		execute(t, m, "UPDATE documents SET file = ? WHERE title = 'malformed'", `{"backend": 5}`)
		findings, _ = audit(t.Context(), t, m, nil)
		want := map[maintenance.Kind]string{
			maintenance.Missing: d.ID.String() + d.Pages[1].Key, maintenance.Orphaned: "left/behind",
			maintenance.Doomed: doomed.ID.String() + doomed.File.Key, maintenance.Malformed: malformed.ID.String(),
		}
		for _, f := range findings {
			if want[f.Kind] != f.Row+f.Key {
				t.Errorf("finding %+v, want %q", f, want[f.Kind])
			}
			delete(want, f.Kind)
		}
		if len(want) > 0 {
			t.Errorf("not found: %v", want)
		}
	})
}

// Tables are found by any name, and rows named by any key; what is not there is refused before anything is read.
func TestAnAuditOfAServerKnowsItsTables(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, m *session.Manager) {
		_, isMySQL := m.DB().Driver().(*mysql.MySQLDriver)
		bytes, json, mark := "BYTEA", "JSONB", `"`
		if isMySQL {
			bytes, json, mark = "VARBINARY(20)", "JSON", "`"
		}
		execute(t, m, "CREATE TABLE parts (number INT, file "+json+", code "+bytes+", PRIMARY KEY (code, number))")
		check(t, m.Register((*part)(nil)))
		p := &part{Code: []byte{0xAB, 0}, Number: 7, File: text("one")}
		insert(t, m, p)
		check(t, uploads(t, m).Delete(t.Context(), p.File.Key, dossier.DeleteOptions{}))
		odd := "a'b.c" + mark + "d?e"
		quoted := mark + strings.ReplaceAll(odd, mark, mark+mark) + mark
		execute(t, m, "CREATE TABLE "+quoted+" (file "+json+")")
		findings, _ := audit(t.Context(), t, m, func(o *maintenance.AuditOptions) {
			o.Columns = []maintenance.Column{{Table: "parts", Column: "FILE"}, {Table: odd, Column: "file"}}
		})
		if f := only(t, findings, maintenance.Missing); f.Row != "ab00,7" {
			t.Errorf("row %q", f.Row)
		}
		if !isMySQL {
			var schema string
			check(t, m.DB().QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&schema))
			findings, _ := audit(t.Context(), t, m, func(o *maintenance.AuditOptions) {
				o.Columns = []maintenance.Column{{Table: schema + ".parts", Column: "file"}}
			})
			only(t, findings, maintenance.Missing)
		}
		for _, column := range []maintenance.Column{
			{Table: "missing", Column: "file"}, {Table: "documents", Column: "missing"}, {Table: "documents; DROP TABLE documents", Column: "file"},
			{Table: "information_schema.tables", Column: "table_name"},
		} {
			_, err := maintenance.Audit(t.Context(), maintenance.AuditOptions{
				Database: m.DB(), Registry: m.Registry(), Columns: []maintenance.Column{column},
			})
			if !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), column.String()) {
				t.Errorf("%s: %v", column, err)
			}
		}
	})
}

// Beside a working application an audit of a server raises no false alarm either.
func TestTrafficOnAServerIsNoFinding(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, m *session.Manager) {
		var stopped atomic.Bool
		var rounds atomic.Int64
		var writers sync.WaitGroup
		for range 2 {
			writers.Go(func() {
				for !stopped.Load() {
					if err := lifeOfARow(t.Context(), m); err != nil {
						t.Error(err)
						return
					}
					rounds.Add(1)
				}
			})
		}
		for range 8 {
			findings, _ := audit(t.Context(), t, m, nil)
			for _, f := range findings {
				t.Errorf("false alarm: %s", f)
			}
		}
		stopped.Store(true)
		writers.Wait()
		if rounds.Load() == 0 {
			t.Error("there was no traffic")
		}
	})
}
