package model_test

import (
	"bytes"
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"

	"github.com/dossier-go/dossier/model"
)

type document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	model.Audit
	Title string `bun:"title,notnull"`
}

// openSQLite opens a database that lives as long as the test. One connection, because every further connection to
// ":memory:" would be a database of its own.
func openSQLite(t *testing.T) *bun.DB {
	t.Helper()
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	db := bun.NewDB(pool, sqlitedialect.New())
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if _, err := db.NewCreateTable().Model((*document)(nil)).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func newDocument(title string) *document {
	now := model.Now()
	return &document{
		UUID:  model.UUID{ID: model.NewUUID()},
		Audit: model.Audit{CreatedAt: now, UpdatedAt: now},
		Title: title,
	}
}

func insert(ctx context.Context, t *testing.T, db *bun.DB, docs ...*document) {
	t.Helper()
	for _, doc := range docs {
		if _, err := db.NewInsert().Model(doc).Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// A struct that embeds both gets both sets of columns under their documented names: migrations, raw SQL and file
// columns of other packages name them.
func TestBothEmbedTogether(t *testing.T) {
	t.Parallel()
	db := openSQLite(t)
	var columns []string
	err := db.NewRaw("SELECT name FROM pragma_table_info('documents') ORDER BY name").Scan(t.Context(), &columns)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(columns, " "), "created_at id title updated_at"; got != want {
		t.Errorf("columns %q, want %q", got, want)
	}
	var key string
	err = db.NewRaw("SELECT name FROM pragma_table_info('documents') WHERE pk = 1").Scan(t.Context(), &key)
	if err != nil || key != "id" {
		t.Errorf("primary key %q, %v; want id", key, err)
	}
}

// What was written is what is read, to the last bit: a caller compares the struct it saved with the row, and an
// optimistic check on updated_at would never match if the database kept less than the struct.
func TestRowReadBackEqualsRowWritten(t *testing.T) {
	t.Parallel()
	db := openSQLite(t)
	want := newDocument("Plan")
	insert(t.Context(), t, db, want)

	got := &document{UUID: model.UUID{ID: want.ID}}
	if err := db.NewSelect().Model(got).WherePK().Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.ID != want.ID {
		t.Errorf("id %s, want %s", got.ID, want.ID)
	}
	if !got.CreatedAt.Equal(want.CreatedAt) || !got.UpdatedAt.Equal(want.UpdatedAt) {
		t.Errorf("times %v, want %v", got.Audit, want.Audit)
	}
	if _, offset := got.CreatedAt.Zone(); offset != 0 {
		t.Errorf("created_at came back %d seconds off UTC", offset)
	}
}

// SQLite has no UUID type: the key must be the readable text, not 16 raw bytes, or no one can look a row up by hand
// and rows written by other programs would not be found.
func TestUUIDIsTextOnSQLite(t *testing.T) {
	t.Parallel()
	db := openSQLite(t)
	doc := newDocument("Plan")
	insert(t.Context(), t, db, doc)
	var stored, kind string
	err := db.NewRaw("SELECT id, typeof(id) FROM documents").Scan(t.Context(), &stored, &kind)
	if err != nil {
		t.Fatal(err)
	}
	if stored != doc.ID.String() || kind != "text" {
		t.Errorf("stored %q as %s, want %q as text", stored, kind, doc.ID)
	}
}

// A text that is no UUID must be an error of the read, not a zero key.
func TestScanOfMalformedUUIDFails(t *testing.T) {
	t.Parallel()
	db := openSQLite(t)
	now := model.Now()
	_, err := db.NewRaw("INSERT INTO documents VALUES ('not-a-uuid', ?, ?, 'x')", now, now).Exec(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.NewSelect().Model(new(document)).Scan(t.Context()); err == nil {
		t.Error("a malformed id was read without an error")
	}
}

// Keys made one after the other sort in that order, as bytes and as stored text: this is why version 7 was chosen.
func TestNewUUIDIsTimeOrdered(t *testing.T) {
	t.Parallel()
	previous := model.NewUUID()
	for range 10_000 {
		next := model.NewUUID()
		if bytes.Compare(previous[:], next[:]) >= 0 || previous.String() >= next.String() {
			t.Fatalf("%s does not sort before %s", previous, next)
		}
		previous = next
	}
	if previous.Version() != 7 || previous.Variant() != uuid.RFC4122 {
		t.Errorf("version %v variant %v, want 7 RFC4122", previous.Version(), previous.Variant())
	}
}

// Now is what a column keeps: anything finer would be lost on PostgreSQL and MySQL, another zone would be written as
// wall time by MySQL.
func TestNowIsUTCInWholeMicroseconds(t *testing.T) {
	t.Parallel()
	now := model.Now()
	if now.Location() != time.UTC {
		t.Errorf("location %v, want UTC", now.Location())
	}
	if now != now.Truncate(time.Microsecond) {
		t.Errorf("%v is finer than a microsecond or carries a monotonic reading", now)
	}
}
