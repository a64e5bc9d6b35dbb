package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/journal"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

var servers dbservers.Set

func TestMain(m *testing.M) { os.Exit(servers.Run(m)) }

// orders is, for each database, a statement that makes ? delete orders which are all due at the same time, as one bulk
// statement under triggers does.
var orders = map[string]string{
	"sqlite":     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) " + ordersFrom("printf('%032d', (i * 7919) % 1000003)", "n"),
	"postgresql": ordersFrom("lpad(((i::bigint * 7919) % 1000003)::text, 32, '0')", "generate_series(1, ?) AS n(i)"),
	"mysql":      ordersFrom("lpad((seq * 7919) % 1000003, 32, '0')", "seq_1_to_?"),
}

func ordersFrom(id, rows string) string {
	return "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) SELECT " + id +
		", 'uploads', ?, " + id + ", 'doomed', 1, 1 FROM " + rows
}

// A sweep of many orders that are due at once. The metrics: microseconds for each order, which must not grow with their
// number, and the peak of the heap.
func BenchmarkSweep(b *testing.B) {
	for _, database := range []string{"sqlite", "postgresql", "mysql"} {
		for _, rows := range []int{10_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", database, rows), func(b *testing.B) { benchmarkSweep(b, database, rows) })
		}
	}
}

func benchmarkSweep(b *testing.B, database string, rows int) {
	db := openDatabase(b, database)
	store := memory.New(memory.Config{})
	registry := &dossier.Registry{}
	ledger, err := journal.New(db, journal.Config{})
	if err = errors.Join(err, registry.Register("uploads", store)); err == nil {
		err = ledger.CreateSchema(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	var took time.Duration
	var peak uint64
	for b.Loop() {
		b.StopTimer()
		makeOrders(b, db, database, store.Describe().Store, rows)
		stop := watchHeap(&peak)
		b.StartTimer()
		start := time.Now()
		report, err := ledger.Sweep(b.Context(), journal.SweepOptions{Registry: registry})
		took += time.Since(start)
		stop()
		if err != nil || report.Deleted != rows {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(float64(took.Microseconds())/float64(b.N*rows), "µs/order")
	b.ReportMetric(float64(peak)/(1<<20), "MiB-heap-peak")
}

func makeOrders(b *testing.B, db *bun.DB, database, store string, rows int) {
	args := []any{store, rows}
	if database == "sqlite" {
		args = []any{rows, store}
	}
	if _, err := db.ExecContext(b.Context(), orders[database], args...); err != nil {
		b.Fatal(err)
	}
}

// watchHeap notes the greatest size of the heap until it is stopped.
func watchHeap(peak *uint64) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			*peak = max(*peak, stats.HeapInuse)
			select {
			case <-done:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { close(done); <-ended }
}

// openDatabase opens a new, empty database.
func openDatabase(b *testing.B, database string) *bun.DB {
	b.Helper()
	switch database {
	case "postgresql":
		return bun.NewDB(openServer(b, "pgx", servers.PostgreSQL), pgdialect.New())
	case "mysql":
		return bun.NewDB(openServer(b, "mysql", servers.MariaDB), mysqldialect.New())
	}
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "app.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { pool.Close() })
	return bun.NewDB(pool, sqlitedialect.New())
}

func openServer(b *testing.B, driver string, create func(context.Context) (*dbservers.Database, error)) *sql.DB {
	b.Helper()
	database, err := create(b.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	pool, err := sql.Open(driver, database.DSN)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		pool.Close()
		_ = database.Drop(context.Background())
	})
	return pool
}
