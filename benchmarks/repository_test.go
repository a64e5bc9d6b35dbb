package benchmarks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// article is a model as most applications have it, without files.
type article struct {
	bun.BaseModel `bun:"table:articles"`
	model.UUID
	model.Audit
	Title  string `bun:"title,notnull"`
	Body   string `bun:"body,notnull"`
	Stars  int    `bun:"stars,notnull"`
	Public bool   `bun:"public,notnull"`
}

// plainArticle is the same row without dossier.
type plainArticle struct {
	bun.BaseModel `bun:"table:articles"`
	model.UUID
	model.Audit
	Title  string `bun:"title,notnull"`
	Body   string `bun:"body,notnull"`
	Stars  int    `bun:"stars,notnull"`
	Public bool   `bun:"public,notnull"`
}

// paper is an article with a file.
type paper struct {
	bun.BaseModel `bun:"table:papers"`
	model.UUID
	model.Audit
	Title  string                 `bun:"title,notnull"`
	Body   string                 `bun:"body,notnull"`
	Stars  int                    `bun:"stars,notnull"`
	Public bool                   `bun:"public,notnull"`
	File   *fileobject.FileObject `bun:"file" file:"uploads"`
}

// plainPaper has the file's record as one would write it by hand.
type plainPaper struct {
	bun.BaseModel `bun:"table:papers"`
	model.UUID
	model.Audit
	Title  string       `bun:"title,notnull"`
	Body   string       `bun:"body,notnull"`
	Stars  int          `bun:"stars,notnull"`
	Public bool         `bun:"public,notnull"`
	File   *plainRecord `bun:"file,type:jsonb"`
}

// rawPaper does not read the file's record.
type rawPaper struct {
	bun.BaseModel `bun:"table:papers"`
	model.UUID
	model.Audit
	Title  string          `bun:"title,notnull"`
	Body   string          `bun:"body,notnull"`
	Stars  int             `bun:"stars,notnull"`
	Public bool            `bun:"public,notnull"`
	File   json.RawMessage `bun:"file"`
}

const everydayRows = 2000 // of each table

// common is what the rows of all these models hold.
type common struct {
	model.UUID
	model.Audit
	Title, Body string
	Stars       int
	Public      bool
}

func newArticle(c common) *article {
	return &article{UUID: c.UUID, Audit: c.Audit, Title: c.Title, Body: c.Body, Stars: c.Stars, Public: c.Public}
}

func newPlainArticle(c common) *plainArticle {
	plain := plainArticle(*newArticle(c))
	return &plain
}

func newPaper(c common) *paper {
	return &paper{UUID: c.UUID, Audit: c.Audit, Title: c.Title, Body: c.Body, Stars: c.Stars, Public: c.Public}
}

func newPlainPaper(c common) *plainPaper {
	return &plainPaper{UUID: c.UUID, Audit: c.Audit, Title: c.Title, Body: c.Body, Stars: c.Stars, Public: c.Public}
}

func newRawPaper(c common) *rawPaper {
	return &rawPaper{UUID: c.UUID, Audit: c.Audit, Title: c.Title, Body: c.Body, Stars: c.Stars, Public: c.Public}
}

// Get, list of 100 and create of everyday models, through a repository and by bun alone, in turn. The metrics: x-bun is our
// time as a multiple of theirs, x-allocs the number of our allocations as a multiple of theirs; the budget of both is 1.15.
// By hand means what a careful programmer writes: create is a transaction, because a unit of work is one; create bare is
// the same beside an INSERT alone, which is no unit of work, and has no budget. The session cases read in a session, which
// remembers what it read for a later update.
func BenchmarkEveryday(b *testing.B) {
	for _, database := range []string{"sqlite", "postgresql"} {
		b.Run(database, func(b *testing.B) {
			b.Run("no file", func(b *testing.B) { benchmarkEveryday(b, database, "", newArticle, newPlainArticle) })
			b.Run("file NULL", func(b *testing.B) { benchmarkEveryday(b, database, "", newPaper, newPlainPaper) })
			record, err := benchmarkRecords()["typical"].MarshalJSON()
			if err != nil {
				b.Fatal(err)
			}
			b.Run("file", func(b *testing.B) { benchmarkEveryday(b, database, string(record), newPaper, newPlainPaper) })
			b.Run("file raw", func(b *testing.B) { benchmarkEveryday(b, database, string(record), newPaper, newRawPaper) })
		})
	}
}

// benchmarkEveryday compares rows of M with the same rows of P. Those that are there have the record, if any.
func benchmarkEveryday[M, P any](b *testing.B, database, record string, ours func(common) *M, theirs func(common) *P) {
	m := newEveryday(b, database)
	db, ctx := m.DB(), b.Context()
	e := everyday[M, P]{m: m, db: db, rows: repository.For[M](m), ours: ours, theirs: theirs}
	if err := e.fill(ctx, record); err != nil {
		b.Fatal(err)
	}
	list := repository.ListOptions{Order: []repository.Order{{Column: "created_at", Descending: true}}}
	getByHand := func() error {
		return db.NewSelect().Model(theirs(common{UUID: e.id})).WherePK().Scan(ctx)
	}
	listByHand := func() error {
		var all []*P
		return db.NewSelect().Model(&all).Order("created_at DESC", "id").Limit(repository.DefaultLimit).Scan(ctx)
	}
	compareEveryday(b, "get", func() error { return second(e.rows.Get(ctx, e.id.ID)) }, getByHand)
	compareEveryday(b, "list", func() error { return second(e.rows.List(ctx, list)) }, listByHand)
	compareEveryday(b, "session get", func() error {
		return m.Run(ctx, func(ctx context.Context, s *session.Session) error {
			return second(repository.New[M](s).Get(ctx, e.id.ID))
		})
	}, getByHand)
	compareEveryday(b, "session list", func() error {
		return m.Run(ctx, func(ctx context.Context, s *session.Session) error {
			return second(repository.New[M](s).List(ctx, list))
		})
	}, listByHand)
	if _, raw := any((*P)(nil)).(*rawPaper); raw {
		return // a record that nobody reads is about reading
	}
	compareEveryday(b, "create", func() error { return e.create(ctx) }, func() error {
		return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error { return e.insert(ctx, tx) })
	})
	compareEveryday(b, "create bare", func() error { return e.create(ctx) }, func() error { return e.insert(ctx, db) })
}

func second[T any](_ T, err error) error { return err }

// everyday is a table with rows to read, for M and for P.
type everyday[M, P any] struct {
	m      *session.Manager
	db     *bun.DB
	rows   *repository.Repository[M]
	ours   func(common) *M
	theirs func(common) *P
	id     model.UUID // of one of the rows
}

func (e *everyday[M, P]) create(ctx context.Context) error {
	return e.rows.Create(ctx, e.ours(common{Title: "a title", Body: "what is said about it", Stars: 3, Public: true}))
}

func (e *everyday[M, P]) insert(ctx context.Context, db bun.IDB) error {
	now := model.Now()
	_, err := db.NewInsert().Model(e.theirs(common{
		UUID: model.UUID{ID: model.NewUUID()}, Audit: model.Audit{CreatedAt: now, UpdatedAt: now},
		Title: "a title", Body: "what is said about it", Stars: 3, Public: true,
	})).Exec(ctx)
	return err
}

// fill makes the rows that are read.
func (e *everyday[M, P]) fill(ctx context.Context, record string) error {
	table := e.db.Table(reflect.TypeFor[P]())
	all := make([]*P, everydayRows)
	for i := range all {
		at := model.Now().Add(-time.Duration(i) * time.Second)
		e.id = model.UUID{ID: model.NewUUID()}
		all[i] = e.theirs(common{
			UUID: e.id, Audit: model.Audit{CreatedAt: at, UpdatedAt: at},
			Title: fmt.Sprint("title ", i), Body: fmt.Sprint("what is said about number ", i), Stars: i % 6, Public: true,
		})
	}
	_, err := e.db.NewInsert().Model(&all).Exec(ctx)
	if err == nil && record != "" {
		_, err = e.db.ExecContext(ctx, "UPDATE ? SET file = ?", table.SQLName, record)
	}
	if err == nil {
		_, err = e.db.ExecContext(ctx, "CREATE INDEX ? ON ? (created_at DESC, id)", bun.Ident(table.Name+"_created_at"), table.SQLName)
	}
	if err == nil {
		_, err = e.db.ExecContext(ctx, "ANALYZE")
	}
	return err
}

func compareEveryday(b *testing.B, name string, ours, theirs func() error) {
	b.Run(name, func(b *testing.B) {
		must := func(do func() error) func() {
			return func() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		}
		mine, reference := testing.AllocsPerRun(50, must(ours)), testing.AllocsPerRun(50, must(theirs))
		compare(b, "x-bun", ours, theirs)
		b.ReportMetric(mine/reference, "x-allocs")
		b.ReportMetric(mine, "allocs-ours")
		b.ReportMetric(reference, "allocs-bun")
	})
}

// newEveryday is a manager over a new database with the tables.
func newEveryday(b *testing.B, database string) *session.Manager {
	b.Helper()
	m := newBench(b).m
	var err error
	if database != "sqlite" {
		db := openDatabase(b, database)
		db.SetMaxIdleConns(10)
		m, err = session.New(db, session.Options{Registry: m.Registry()})
	}
	if err == nil {
		err = errors.Join(m.Register((*article)(nil), (*paper)(nil)), m.CreateSchema(b.Context()))
	}
	if err != nil {
		b.Fatal(err)
	}
	return m
}
