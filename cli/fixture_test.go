package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver named "sqlite"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/cli"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

type document struct {
	bun.BaseModel `bun:"table:documents"`
	ID            int64                  `bun:"id,pk,autoincrement"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

// application is a database file and a folder, as an application leaves them.
type application struct {
	manager  *session.Manager
	database string // path
	folder   string
}

func newApplication(t *testing.T) *application {
	t.Helper()
	dir := t.TempDir()
	a := &application{database: filepath.Join(dir, "app #1 100%?.db"), folder: filepath.Join(dir, "files")}
	pool, err := sql.Open("sqlite", "file:"+strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(a.database)+
		"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	check(t, err)
	store, err := local.New(a.folder, local.Config{Durability: local.Fast})
	check(t, err)
	registry := &dossier.Registry{}
	check(t, registry.Register("uploads", store))
	t.Cleanup(func() { check(t, registry.Close()); check(t, pool.Close()) })
	a.manager, err = session.New(bun.NewDB(pool, sqlitedialect.New()),
		session.Options{Registry: registry, DeleteAfter: session.AtOnce, DueOrders: -1, Logger: slog.New(slog.DiscardHandler)})
	check(t, err)
	check(t, a.manager.Register((*document)(nil)))
	check(t, a.manager.CreateSchema(t.Context()))
	return a
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// flags name database and folder.
func (a *application) flags() []string {
	return []string{"--database", a.database, "--backend", "uploads=file://" + a.folder}
}

func (a *application) insert(t *testing.T, content string) *document {
	t.Helper()
	d := &document{File: fileobject.FromBytes("a.txt", []byte(content), fileobject.Options{})}
	check(t, a.manager.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) }))
	return d
}

func (a *application) delete(t *testing.T, d *document) {
	t.Helper()
	check(t, a.manager.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d) }))
}

func (a *application) execute(t *testing.T, query string, args ...any) {
	t.Helper()
	_, err := a.manager.DB().ExecContext(t.Context(), query, args...)
	check(t, err)
}

// entry puts a row into the journal.
func (a *application) entry(t *testing.T, id, state, backend, key string, attempts int, lastError string) {
	t.Helper()
	a.execute(t, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, attempts, last_error, created_at) "+
		"VALUES (?, ?, 'elsewhere', ?, ?, 1767225600000, ?, ?, 0)", id, backend, key, state, attempts, lastError)
}

func (a *application) exists(key string) bool {
	_, err := os.Stat(filepath.Join(a.folder, filepath.FromSlash(key)))
	return !errors.Is(err, fs.ErrNotExist)
}

// output of one run.
type output struct {
	code           int
	stdout, stderr string
}

func run(t *testing.T, cfg cli.Config, args ...string) output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), cfg, args, &stdout, &stderr)
	return output{code, stdout.String(), stderr.String()}
}

// run runs a command of the tool on the application.
func (a *application) run(t *testing.T, args ...string) output {
	t.Helper()
	return run(t, cli.Config{}, append(args, a.flags()...)...)
}

// want compares exit code and standard output, and looks for text on standard error.
func (o output) want(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if o.code != code || o.stdout != stdout || !strings.Contains(o.stderr, stderr) || stderr == "" && o.stderr != "" {
		t.Errorf("exit code %d, want %d\nstdout: %q\n  want: %q\nstderr: %q\n  want: %q", o.code, code, o.stdout, stdout, o.stderr, stderr)
	}
}
