package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/uptrace/bun"
)

// endless is a store of n objects that takes no memory: it makes up what it is asked for.
type endless struct {
	dossier.Backend
	n int
}

func (e endless) List(context.Context, dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		for i := range e.n {
			if !yield(e.info(fmt.Sprintf("object/%08d", i)), nil) {
				return
			}
		}
	}
}

func (e endless) Stat(_ context.Context, key string) (dossier.Info, error) {
	if key < fmt.Sprintf("object/%08d", e.n) {
		return e.info(key), nil
	}
	return dossier.Info{}, &dossier.Error{Op: "stat", Key: key, Kind: dossier.ErrNotExist}
}

func (e endless) info(key string) dossier.Info {
	return dossier.Info{Key: key, Size: 5, ModTime: time.Unix(0, 0)}
}

// documents is, for each database, the type of a file column and an INSERT of ?0 rows whose keys are scattered, and ?1 higher
// than those of the objects.
var documents = map[string]struct{ file, insert string }{
	"sqlite": {"TEXT", "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?0 - 1) INSERT INTO documents " +
		`SELECT i, printf('{"filename":"a","to_filename":"object/%08d","size":5,"backend":"uploads"}', i * 7919 % ?0 + ?1) FROM n`},
	"postgresql": {"JSONB", "INSERT INTO documents SELECT i, json_build_object('filename', 'a', 'size', 5, 'backend', 'uploads', " +
		"'to_filename', 'object/' || lpad((i * 7919 % ?0 + ?1)::text, 8, '0')) FROM generate_series(0, ?0 - 1::bigint) AS n(i)"},
	"mysql": {"JSON", "INSERT INTO documents SELECT seq, json_object('filename', 'a', 'size', 5, 'backend', 'uploads', " +
		"'to_filename', concat('object/', lpad(seq * 7919 % ?0 + ?1, 8, '0'))) FROM seq_1_to_?0"},
}

// An audit of as many rows as objects, of which half miss the other: more suspects than any real store has, each of them looked
// at twice. The metrics: microseconds for a row and an object, which must not grow with their number, and the most memory that
// the process has of its own, SQLite's included; the pages of the program's file, which it shares with the page cache, are not.
func BenchmarkAudit(b *testing.B) {
	for _, database := range []string{"sqlite", "postgresql", "mysql"} {
		for _, rows := range []int{100_000, 300_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", database, rows), func(b *testing.B) { benchmarkAudit(b, database, rows) })
		}
	}
}

func benchmarkAudit(b *testing.B, database string, rows int) {
	db := openDatabase(b, database)
	registry := &dossier.Registry{}
	ledger, err := journal.New(db, journal.Config{})
	if err = errors.Join(err, registry.Register("uploads", endless{memory.New(memory.Config{}), rows})); err == nil {
		err = ledger.CreateSchema(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	makeDocuments(b, db, database, rows)
	debug.FreeOSMemory()
	peak := privateMemory()
	opts := maintenance.AuditOptions{
		Database: db, Registry: registry, Columns: []maintenance.Column{{Table: "documents", Column: "file"}},
		Progress: func(maintenance.AuditReport) { peak = max(peak, privateMemory()) },
	}
	for b.Loop() {
		report, err := maintenance.Audit(b.Context(), opts)
		half := int64(rows / 2)
		if err != nil || report.Files != 2*half || report.Kinds[maintenance.Missing] != half || report.Kinds[maintenance.Orphaned] != half {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*rows), "µs/row")
	if peak > 0 {
		b.ReportMetric(float64(peak)/(1<<10), "MiB-private-peak")
	}
}

func makeDocuments(b *testing.B, db *bun.DB, database string, rows int) {
	documents := documents[database]
	_, err := db.ExecContext(b.Context(), "CREATE TABLE documents (id BIGINT PRIMARY KEY, file "+documents.file+")")
	if err == nil {
		_, err = db.ExecContext(b.Context(), documents.insert, rows, rows/2)
	}
	if err != nil {
		b.Fatal(err)
	}
}

var anonymous = regexp.MustCompile(`RssAnon:\s*(\d+) kB`)

// privateMemory returns how much of the process's memory is in no file, in KiB, or 0 where the system does not say.
func privateMemory() int {
	status, err := os.ReadFile("/proc/self/status")
	match := anonymous.FindSubmatch(status)
	if err != nil || match == nil {
		return 0
	}
	kilobytes, _ := strconv.Atoi(string(match[1]))
	return kilobytes
}
