package session_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	_ "modernc.org/sqlite"
)

// paper is the model of most tests: a file of each of the three kinds.
type paper struct {
	bun.BaseModel `bun:"table:papers"`
	model.UUID
	model.Audit
	Title string                 `bun:"title,notnull"`
	Body  string                 `bun:"body"`
	File  *fileobject.FileObject `bun:"file" file:"uploads,max:1MiB"`
	Pages fileobject.List        `bun:"pages" file:"uploads,many:60"`
	Cover fileobject.FileObject  `bun:"cover" file:"uploads"`
}

// child cannot be without its parent, but only the COMMIT says so.
type child struct {
	bun.BaseModel `bun:"table:children"`
	ID            int64                  `bun:"id,pk,autoincrement"`
	Parent        string                 `bun:"parent"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

const childTable = `CREATE TABLE children (id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT,
	parent TEXT REFERENCES papers (id) DEFERRABLE INITIALLY DEFERRED)`

// world is a manager with its database, its store, and independent eyes on both.
type world struct {
	*session.Manager
	t       testing.TB
	ctx     context.Context
	on      string // which database
	driver  string
	faults  *faults
	plain   *sql.DB // sees the database without the code under test
	folder  string  // of the local store
	memory  *memory.Backend
	sideDir string
	columns []string
	server  *dbservers.Database // nil for SQLite
	file    string              // of SQLite's database; "" in memory
}

const pragmas = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"

// newWorld is a database in a file with a local store.
func newWorld(t testing.TB, opts session.Options, models ...any) *world {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "app.db")
	store, err := local.New(filepath.Join(dir, "files"), local.Config{})
	must(t, err)
	w := &world{t: t, ctx: t.Context(), folder: filepath.Join(dir, "files"), sideDir: path + "-dossier", file: path}
	w.start("file:"+path+"?"+pragmas, store, opts, models)
	return w
}

// newMemoryWorld is a database in memory with a store in memory.
func newMemoryWorld(t testing.TB, opts session.Options, models ...any) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), memory: memory.New(memory.Config{})}
	dsn := fmt.Sprintf("file:/%s?vfs=memdb&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)", journal.NewID())
	w.start(dsn, w.memory, opts, models)
	return w
}

// newServerWorld is a database on a server with a store in memory.
func newServerWorld(t testing.TB, name string, opts session.Options, models ...any) *world {
	t.Helper()
	create, driver := servers.PostgreSQL, "pgx"
	if name == "mariadb" {
		create, driver = servers.MariaDB, "mysql"
	}
	database, err := create(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, database.Drop(context.Background())) })
	w := &world{t: t, ctx: t.Context(), memory: memory.New(memory.Config{}), on: name, driver: driver, server: database}
	w.start(database.DSN, w.memory, opts, models)
	return w
}

// everyWorld runs a test on each kind.
func everyWorld(t *testing.T, opts session.Options, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, opts))
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, newMemoryWorld(t, opts))
	})
	for _, name := range []string{"postgresql", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newServerWorld(t, name, opts))
		})
	}
}

var servers dbservers.Set

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

func (w *world) start(dsn string, store dossier.Backend, opts session.Options, models []any) {
	w.t.Helper()
	w.faults = &faults{}
	if w.on == "" {
		w.on, w.driver = "sqlite", "sqlite"
	}
	var err error
	w.plain, err = sql.Open(w.driver, dsn)
	must(w.t, err)
	keep, err := w.plain.Conn(context.Background()) // a database in memory lives as long as a connection to it
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, errors.Join(keep.Close(), w.plain.Close())) })
	if opts.Registry == nil {
		opts.Registry = &dossier.Registry{}
	}
	must(w.t, opts.Registry.Register("uploads", &faultStore{dossier.Forward{Inner: store}, w.faults}))
	pool := w.faults.open(w.t, w.driver, dsn)
	if w.on != "sqlite" {
		pool.SetMaxOpenConns(10)
	}
	w.Manager, err = session.New(bun.NewDB(pool, w.dialect()), opts)
	must(w.t, err)
	if len(models) == 0 {
		models = []any{(*paper)(nil)}
	}
	must(w.t, w.Register(models...))
	must(w.t, w.CreateSchema(w.ctx))
	w.columns = w.fileColumns()
}

func (w *world) dialect() schema.Dialect {
	switch w.on {
	case "postgresql":
		return pgdialect.New()
	case "mariadb":
		return mysqldialect.New()
	}
	return sqlitedialect.New()
}

// now is the database's clock in milliseconds, in its SQL.
func (w *world) now() string {
	return map[string]string{
		"sqlite": "unixepoch('subsec') * 1000", "postgresql": "extract(epoch FROM clock_timestamp()) * 1000",
		"mariadb": "UNIX_TIMESTAMP(NOW(3)) * 1000",
	}[w.on]
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

// fileColumns finds the columns that hold files by their names in these tests.
func (w *world) fileColumns() []string {
	w.t.Helper()
	const named = "(column_name LIKE '%file' OR column_name IN ('pages', 'cover'))"
	return w.texts(map[string]string{
		"sqlite": `SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND (c.name LIKE '%file' OR c.name IN ('pages', 'cover'))`,
		"postgresql": "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema() AND " + named,
		"mariadb":    "SELECT concat(table_name, '.', column_name) FROM information_schema.columns WHERE table_schema = database() AND " + named,
	}[w.on])
}

// texts returns the one column of a query.
func (w *world) texts(query string, args ...any) []string {
	w.t.Helper()
	return texts(w.t, w.plain, w.rebind(query), args...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError fails the test unless err is a kind.
func wantError(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error %v, want one that is %q", err, kind)
	}
}

// texts returns the one column of a query.
func texts(t testing.TB, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query, args...)
	must(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text sql.NullString
		must(t, rows.Scan(&text))
		all = append(all, text.String)
	}
	must(t, rows.Err())
	return all
}

// run is Manager.Run that must succeed.
func (w *world) run(fn func(ctx context.Context, s *session.Session) error) {
	w.t.Helper()
	must(w.t, w.Run(w.ctx, fn))
}

// try is Manager.Run that hands the error over.
func (w *world) try(fn func(ctx context.Context, s *session.Session) error) error {
	return w.Run(w.ctx, fn)
}

// insert writes models in a unit of work of their own.
func (w *world) insert(models ...any) {
	w.t.Helper()
	w.run(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, models...) })
}

// exec runs plain SQL beside the code under test.
func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.plain.ExecContext(context.Background(), w.rebind(query), args...)
	must(w.t, err)
}

// text is a pending file with a name that all share.
func text(content string) *fileobject.FileObject {
	return fileobject.FromBytes("a.txt", []byte(content), fileobject.Options{})
}

// content reads a stored file.
func content(t testing.TB, f *fileobject.FileObject) string {
	t.Helper()
	b, err := f.Content(context.Background())
	must(t, err)
	return string(b)
}
