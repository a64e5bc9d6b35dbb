package session_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"
)

type doc struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	model.Audit
	Title string                 `bun:"title,notnull"`
	File  *fileobject.FileObject `bun:"file" file:"uploads,max:1MiB"`
	Pages fileobject.List        `bun:"pages" file:"uploads,many:5"`
	Value fileobject.FileObject  `bun:"value" file:"uploads"`
}

func newManager(t *testing.T, opts session.Options) (*session.Manager, string) {
	dir := t.TempDir()
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	b, err := local.New(filepath.Join(dir, "files"), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	opts.Registry = &dossier.Registry{}
	opts.Registry.Register("uploads", b)
	m, err := session.New(bun.NewDB(pool, sqlitedialect.New()), opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Register((*doc)(nil)); err != nil {
		t.Fatal(err)
	}
	if err := m.CreateSchema(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m, filepath.Join(dir, "files")
}

func count(t *testing.T, dir string) int {
	n := 0
	filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(p, ".dossier") {
			n++
		}
		return nil
	})
	return n
}

var sweepAll = journal.SweepOptions{}

func text(s string) *fileobject.FileObject { return fileobject.FromBytes("a.txt", []byte(s), fileobject.Options{}) }

func TestSmoke(t *testing.T) {
	m, dir := newManager(t, session.Options{DeleteAfter: session.AtOnce})
	ctx := t.Context()
	d := &doc{Title: "x", File: text("one"), Pages: fileobject.List{text("p1"), text("p2")}, Value: *text("v")}
	if err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) }); err != nil {
		t.Fatal(err)
	}
	if n := count(t, dir); n != 4 {
		t.Fatal(n)
	}
	if b, err := d.File.Content(ctx); err != nil || string(b) != "one" {
		t.Fatal(string(b), err)
	}
	var got doc
	if err := m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		if err := s.Get(ctx, &got, d.ID); err != nil {
			return err
		}
		got.File = text("two")
		got.Pages = append(got.Pages[1:], text("p3"))
		return s.Update(ctx, &got)
	}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, dir); n != 4 {
		t.Fatal(n)
	}
	// stale
	err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Update(ctx, d) })
	if !errors.Is(err, dossier.ErrStale) {
		t.Fatal(err)
	}
	// two inserts in one Run, nested rollback
	d2, d3 := &doc{Title: "y", File: text("yy")}, &doc{Title: "z", File: text("zz")}
	if err := m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		if err := s.Insert(ctx, d2); err != nil {
			return err
		}
		s.Nested(ctx, func(ctx context.Context) error {
			s.Insert(ctx, &doc{Title: "n", File: text("nested")})
			return errors.New("no")
		})
		return s.Insert(ctx, d3)
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Sweep(ctx, sweepAll); err != nil {
		t.Fatal(err)
	}
	if n := count(t, dir); n != 6 {
		t.Fatal(n)
	}
	entries, _ := os.ReadDir(filepath.Join(filepath.Dir(dir), "app.db-dossier"))
	if len(entries) != 0 {
		t.Fatal(entries)
	}
	if err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, d, d2, d3) }); err != nil {
		t.Fatal(err)
	}
	if n := count(t, dir); n != 0 {
		t.Fatal(n)
	}
}
