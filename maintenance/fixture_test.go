package maintenance_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
)

type document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	Title string                 `bun:"title,notnull"`
	File  *fileobject.FileObject `bun:"file" file:"uploads"`
	Pages fileobject.List        `bun:"pages" file:"uploads,many:9"`
}

var columns = []maintenance.Column{{Table: "documents", Column: "file"}, {Table: "documents", Column: "pages"}}

func text(content string) *fileobject.FileObject {
	return fileobject.FromBytes("a.txt", []byte(content), fileobject.Options{})
}

// newManager is in memory.
func newManager(t *testing.T) *session.Manager {
	t.Helper()
	return sessiontest.New(t, (*document)(nil))
}

// newFileManager is over a database file and a folder.
func newFileManager(t *testing.T, opts session.Options) *session.Manager {
	t.Helper()
	store, err := local.New(filepath.Join(t.TempDir(), "files"), local.Config{Durability: local.Fast})
	check(t, err)
	return newManagerOver(t, store, opts)
}

// newManagerOver is over a database file and the store.
func newManagerOver(t *testing.T, store dossier.Backend, opts session.Options) *session.Manager {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(10000)")
	check(t, err)
	opts.Registry = &dossier.Registry{}
	check(t, opts.Registry.Register("uploads", store))
	t.Cleanup(func() { check(t, opts.Registry.Close()); check(t, pool.Close()) })
	m, err := session.New(bun.NewDB(pool, sqlitedialect.New()), opts)
	check(t, err)
	check(t, m.Register((*document)(nil)))
	check(t, m.CreateSchema(t.Context()))
	return m
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func insert(t *testing.T, m *session.Manager, models ...any) {
	t.Helper()
	check(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, models...) }))
}

func execute(t *testing.T, m *session.Manager, query string, args ...any) {
	t.Helper()
	_, err := m.DB().ExecContext(t.Context(), query, args...)
	check(t, err)
}

func uploads(t *testing.T, m *session.Manager) dossier.Backend {
	t.Helper()
	b, err := m.Registry().Backend("uploads")
	check(t, err)
	return b
}

// put stores an object that no row has.
func put(t *testing.T, m *session.Manager, key, content, contentType string) {
	t.Helper()
	_, err := uploads(t, m).Put(t.Context(), key, dossier.BytesSource([]byte(content)),
		dossier.PutOptions{Header: dossier.Header{ContentType: contentType}})
	check(t, err)
}

// audit returns the findings and the report; change may alter the options.
func audit(ctx context.Context, t *testing.T, m *session.Manager, change func(*maintenance.AuditOptions)) ([]maintenance.Finding, maintenance.AuditReport) {
	t.Helper()
	var findings []maintenance.Finding
	opts := maintenance.AuditOptions{
		Database: m.DB(), Registry: m.Registry(), Columns: columns,
		Found: func(f maintenance.Finding) error { findings = append(findings, f); return nil },
	}
	if change != nil {
		change(&opts)
	}
	report, err := maintenance.Audit(ctx, opts)
	check(t, err)
	if int(report.Findings) != len(findings) {
		t.Errorf("the report counts %d findings, %d were handed out", report.Findings, len(findings))
	}
	return findings, report
}

// only returns the one finding.
func only(t *testing.T, findings []maintenance.Finding, kind maintenance.Kind) maintenance.Finding {
	t.Helper()
	if len(findings) != 1 || findings[0].Kind != kind {
		t.Fatalf("findings %v, want one of kind %s", findings, kind)
	}
	return findings[0]
}

func register(t *testing.T, m *session.Manager, name string, b dossier.Backend) {
	t.Helper()
	check(t, m.Registry().Register(name, b))
}

// unlistable is a store that has no List.
type unlistable struct{ dossier.Backend }

func newUnlistable() unlistable { return unlistable{memory.New(memory.Config{})} }

// insertRaw writes a row as another program would.
func insertRaw(t *testing.T, db *sql.DB, id, value string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), "INSERT INTO documents (id, title, file) VALUES (?, '', ?)", id, value)
	check(t, err)
}
