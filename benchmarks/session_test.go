package benchmarks

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"
)

type document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	Title string                 `bun:"title,notnull"`
	File  *fileobject.FileObject `bun:"file" file:"uploads"`
}

// plainDocument is the same row without dossier.
type plainDocument struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	Title string          `bun:"title,notnull"`
	File  json.RawMessage `bun:"file"`
}

type bench struct {
	db    *bun.DB
	store *local.Backend
	m     *session.Manager
}

func newBench(b *testing.B) bench {
	b.Helper()
	dir := b.TempDir()
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { pool.Close() })
	store, err := local.New(filepath.Join(dir, "files"), local.Config{})
	if err != nil {
		b.Fatal(err)
	}
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", store); err != nil {
		b.Fatal(err)
	}
	db := bun.NewDB(pool, sqlitedialect.New())
	m, err := session.New(db, session.Options{Registry: registry})
	if err == nil {
		err = m.Register((*document)(nil))
	}
	if err == nil {
		err = m.CreateSchema(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
	return bench{db, store, m}
}

// One row with one file through the session, and the same by hand: a durable Put and a transaction of bun, in turn. The
// metric x-raw is our time as a multiple of theirs; the budget is at most 1.6.
func BenchmarkInsertOneFile(b *testing.B) {
	env := newBench(b)
	ctx := context.Background()
	content := make([]byte, 16<<10)
	if _, err := rand.Read(content); err != nil {
		b.Fatal(err)
	}
	ours := func() error {
		return env.m.Run(ctx, func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &document{Title: "a", File: fileobject.FromBytes("a.bin", content, fileobject.Options{})})
		})
	}
	theirs := func() error { return env.insertPlain(ctx, content) }
	b.ReportAllocs()
	compare(b, "x-raw", ours, theirs)
}

func (e bench) insertPlain(ctx context.Context, content []byte) error {
	id := model.NewUUID()
	info, err := e.store.Put(ctx, "plain/"+id.String(), dossier.BytesSource(content), dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"filename": "a.bin", "to_filename": info.Key, "size": info.Size, "etag": info.ETag, "backend": "uploads"})
	if err != nil {
		return err
	}
	return e.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&plainDocument{UUID: model.UUID{ID: id}, Title: "a", File: text}).Exec(ctx)
		return err
	})
}

// A commit with n new files, and n commits with one each. The metric statements is how many SQL statements one commit
// sends; the budget is that it does not depend on n.
func BenchmarkCommitManyFiles(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			env := newBench(b)
			var counter statementCounter
			env.db.AddQueryHook(&counter)
			commits := int64(0)
			together := func() error {
				before := counter.n.Load()
				err := env.insertFiles(n)
				counter.ours.Add(counter.n.Load() - before)
				commits++
				return err
			}
			oneByOne := func() error {
				for range n {
					if err := env.insertFiles(1); err != nil {
						return err
					}
				}
				return nil
			}
			b.ReportAllocs()
			compare(b, "x-one-by-one", together, oneByOne)
			b.ReportMetric(float64(counter.ours.Load())/float64(commits), "statements")
		})
	}
}

func (e bench) insertFiles(n int) error {
	return e.m.Run(context.Background(), func(ctx context.Context, s *session.Session) error {
		docs := make([]*document, n)
		for i := range docs {
			docs[i] = &document{Title: "a", File: fileobject.FromBytes("a.txt", []byte("content"), fileobject.Options{})}
		}
		return s.Insert(ctx, &docs)
	})
}

// statementCounter counts statements; those of one commit are added up apart.
type statementCounter struct{ n, ours atomic.Int64 }

func (c *statementCounter) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	return ctx
}

func (c *statementCounter) AfterQuery(context.Context, *bun.QueryEvent) { c.n.Add(1) }

// 100,000 rows with a file column, scanned by bun into FileObject and into json.RawMessage, in turn. The metric x-raw is
// our time as a multiple of theirs; the budget is at most 1.5.
func BenchmarkScanRows(b *testing.B) {
	const rows = 100_000
	env := newBench(b)
	ctx := context.Background()
	fill := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?)
		INSERT INTO documents (id, title, file) SELECT printf('%08x-0000-7000-8000-%012x', i, i), 'title ' || i, ? FROM n`
	record := dossier.Record{Backend: "uploads", Key: "documents/file/0199a0de-0000-7000-8000-000000000001.pdf", Filename: "plan.pdf",
		ContentType: "application/pdf", Size: 123456, Checksum: "crc32c:0a1b2c3d", ETag: `"0a1b2c3d0a1b2c3d"`, VersionID: "0a1b2c3d"}
	text, err := record.Value()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := env.db.DB.Exec(fill, rows, strings.ReplaceAll(text.(string), `\"`, "")); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	compare(b, "x-raw", func() error {
		var all []document
		return env.db.NewSelect().Model(&all).Scan(ctx)
	}, func() error {
		var all []plainDocument
		return env.db.NewSelect().Model(&all).Scan(ctx)
	})
}
