package repository_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
)

type document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	model.Audit
	Title string                 `bun:"title,notnull"`
	Group int                    `bun:"group_number,notnull"`
	File  *fileobject.FileObject `bun:"file" file:"uploads"`
	Pages fileobject.List        `bun:"pages" file:"uploads,many:9"`
}

// place has a composite key, in an order that is not the alphabet's.
type place struct {
	bun.BaseModel `bun:"table:places"`
	Street        string `bun:"street,pk"`
	Number        int    `bun:"number,pk"`
	Name          string `bun:"name"`
}

// managers make a database in memory with a store in memory, a file with a folder, and a database of each server.
var managers = map[string]func(t *testing.T) *session.Manager{
	"memory": func(t *testing.T) *session.Manager {
		t.Helper()
		return sessiontest.New(t, (*document)(nil), (*place)(nil))
	},
	"files": newFileManager,
	"postgresql": func(t *testing.T) *session.Manager {
		t.Helper()
		return openOn(t, "postgresql", session.Options{}, (*document)(nil), (*place)(nil))
	},
	"mariadb": func(t *testing.T) *session.Manager {
		t.Helper()
		return openOn(t, "mariadb", session.Options{}, (*document)(nil), (*place)(nil))
	},
}

func newFileManager(t *testing.T) *session.Manager {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+
		"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	check(t, err)
	store, err := local.New(filepath.Join(t.TempDir(), "files"), local.Config{Durability: local.Fast})
	check(t, err)
	registry := &dossier.Registry{}
	check(t, registry.Register("uploads", store))
	t.Cleanup(func() { check(t, registry.Close()); check(t, pool.Close()) })
	m, err := session.New(bun.NewDB(pool, sqlitedialect.New()), session.Options{Registry: registry})
	check(t, err)
	check(t, m.Register((*document)(nil), (*place)(nil)))
	check(t, m.CreateSchema(t.Context()))
	return m
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(content string) *fileobject.FileObject {
	return fileobject.FromBytes("a.txt", []byte(content), fileobject.Options{})
}

func content(ctx context.Context, t *testing.T, f *fileobject.FileObject) string {
	t.Helper()
	b, err := f.Content(ctx)
	check(t, err)
	return string(b)
}

func run(t *testing.T, m *session.Manager, fn func(ctx context.Context, s *session.Session) error) {
	t.Helper()
	check(t, m.Run(t.Context(), fn))
}

// fill inserts n documents titled 000, 001 …, in groups of three.
func fill(t *testing.T, m *session.Manager, n int) {
	t.Helper()
	run(t, m, func(ctx context.Context, s *session.Session) error {
		for i := range n {
			s.Add(&document{Title: fmt.Sprintf("%03d", i), Group: i % 3})
		}
		return nil
	})
}
