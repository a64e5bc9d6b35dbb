package benchmarks

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/repository"
	"github.com/uptrace/bun"
)

// line is a row to turn pages of.
type line struct {
	bun.BaseModel `bun:"table:lines"`
	ID            int64     `bun:"id,pk"`
	At            time.Time `bun:"at,notnull"`
	Title         string    `bun:"title,notnull"`
}

const (
	pageRows  = 20
	deepPages = 10_000
)

// Pages of 20 rows in an order of two columns that has an index: the first one, and the ten thousandth, in turn. The metric
// x-first is the time of the deep page as a multiple of the first one's, which reads no cursor and makes one instead of two;
// x-second is the same of the second one's, which does both; x-first-offset is that of the same page reached by an offset.
func BenchmarkKeysetPage(b *testing.B) {
	lines, opts := newLines(b)
	ctx := context.Background()
	deep := opts
	for opened := 1; opened < deepPages; {
		step := deep
		step.Limit = min(repository.MaxLimit, (deepPages-opened)*pageRows)
		page, err := lines.Keyset(ctx, step)
		if err != nil {
			b.Fatal(err)
		}
		deep.Cursor = page.Next
		opened += step.Limit / pageRows
	}
	b.ReportAllocs()
	page, err := lines.Keyset(ctx, opts)
	if err != nil {
		b.Fatal(err)
	}
	next := opts
	next.Cursor = page.Next
	var first, second, last, offset time.Duration
	rounds := 0
	for b.Loop() {
		first += timedPage(b, func() (int, error) {
			page, err := lines.Keyset(ctx, opts)
			return len(page.Items), err
		})
		second += timedPage(b, func() (int, error) {
			page, err := lines.Keyset(ctx, next)
			return len(page.Items), err
		})
		last += timedPage(b, func() (int, error) {
			page, err := lines.Keyset(ctx, deep)
			return len(page.Items), err
		})
		rounds++
	}
	const few = 5 // they take long, and what they do to the caches is none of the others' business
	for range few {
		offset += timedPage(b, func() (int, error) {
			items, err := lines.List(ctx, repository.ListOptions{Limit: pageRows, Offset: (deepPages - 1) * pageRows, Order: opts.Order})
			return len(items), err
		})
	}
	b.ReportMetric(float64(last)/float64(first), "x-first")
	b.ReportMetric(float64(last)/float64(second), "x-second")
	b.ReportMetric(float64(offset)/few/(float64(first)/float64(rounds)), "x-first-offset")
}

func timedPage(b *testing.B, page func() (int, error)) time.Duration {
	b.Helper()
	start := time.Now()
	if n, err := page(); err != nil || n != pageRows {
		b.Fatalf("%d rows, %v", n, err)
	}
	return time.Since(start)
}

func newLines(b *testing.B) (*repository.Repository[line], repository.KeysetOptions) {
	b.Helper()
	env := newBench(b)
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "a", Secret: []byte(strings.Repeat("k", 32))})
	if err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE lines (id INTEGER PRIMARY KEY, at TEXT NOT NULL, title TEXT NOT NULL)",
		`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 200099)
			INSERT INTO lines SELECT i, strftime('%Y-%m-%d %H:%M:%S+00:00', 1700000000 + i / 3, 'unixepoch'), 'line ' || i FROM n`,
		"CREATE INDEX lines_at ON lines (at DESC, id)",
		"ANALYZE",
	} {
		if _, err := env.db.ExecContext(context.Background(), statement); err != nil {
			b.Fatal(err)
		}
	}
	return repository.For[line](env.m), repository.KeysetOptions{
		Signer: signer, Limit: pageRows, Order: []repository.Order{{Column: "at", Descending: true}},
	}
}
