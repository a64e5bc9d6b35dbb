package session_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/dbservers"
	"github.com/dossier-go/dossier/session"
)

// streamed is a row of half a kilobyte.
type streamed struct {
	bun.BaseModel `bun:"table:streamed"`
	ID            int64  `bun:"id,pk"`
	Body          string `bun:"body"`
}

// streamLimit is the most memory that the process may have: 64 MiB.
const streamLimit = 64 << 20

// The variables by which a test starts itself as a process of its own that streams.
const streamOn, streamDSN = "DOSSIER_TEST_STREAM_ON", "DOSSIER_TEST_STREAM_DSN"

// A table may be larger than the memory: rows that a driver or the session kept would show with 100,000 of them already.
// The process is one of its own, because the memory of other tests is not to be counted.
func TestStreamingKeepsTheProcessSmall(t *testing.T) {
	t.Parallel()
	rows := 100_000
	if os.Getenv("DOSSIER_LONG") != "" {
		rows = 1_000_000
	}
	for name, fill := range map[string]string{
		"sqlite": `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO streamed SELECT i, hex(zeroblob(250)) FROM n`,
		"postgresql": "INSERT INTO streamed SELECT i, repeat('x', 500) FROM generate_series(1, %d) AS i",
		"mariadb":    "INSERT INTO streamed SELECT seq, repeat('x', 500) FROM seq_1_to_%d",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver, dsn := streamDatabase(t, name)
			db, err := sql.Open(driver, dsn)
			must(t, err)
			for _, query := range []string{"CREATE TABLE streamed (id BIGINT NOT NULL PRIMARY KEY, body VARCHAR(500))",
				fmt.Sprintf(fill, rows)} {
				_, err := db.ExecContext(t.Context(), query)
				must(t, err)
			}
			must(t, db.Close())
			checkStream(t, name, dsn, rows)
		})
	}
}

// streamDatabase makes an empty database that lasts as long as the test.
func streamDatabase(t *testing.T, name string) (driver, dsn string) {
	t.Helper()
	create, driver := servers.PostgreSQL, "pgx"
	switch name {
	case "sqlite":
		return "sqlite", "file:" + filepath.Join(t.TempDir(), "app.db") + "?" + pragmas
	case "mariadb":
		create, driver = servers.MariaDB, "mysql"
	}
	database, err := create(t.Context())
	if errors.Is(err, dbservers.ErrMissing) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, database.Drop(context.Background())) })
	return driver, database.DSN
}

// checkStream has a process stream all rows, inside and outside of a transaction, and looks at what memory it had.
func checkStream(t *testing.T, name, dsn string, rows int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestStreamProcess$", "-test.v")
	child.Env = append(os.Environ(), streamOn+"="+name, streamDSN+"="+dsn)
	output, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	var counted, runtimeBytes, resident int
	for line := range strings.Lines(string(output)) {
		if n, _ := fmt.Sscanf(strings.TrimSpace(line), "streamed %d rows, runtime %d, resident %d", &counted, &runtimeBytes,
			&resident); n == 3 {
			break
		}
	}
	if counted != 2*rows {
		t.Fatalf("%d rows were streamed, want %d\n%s", counted, 2*rows, output)
	}
	t.Logf("%d rows: Go's memory %d KiB, resident %d KiB", counted, runtimeBytes>>10, resident>>10)
	if runtimeBytes > streamLimit {
		t.Errorf("the process had %d MiB of Go's memory for %d rows, at most 64 are allowed", runtimeBytes>>20, counted)
	}
	if !raceDetector() && resident > streamLimit {
		t.Errorf("the process had %d MiB resident for %d rows, at most 64 are allowed", resident>>20, counted)
	}
}

// raceDetector reports whether the test was built with it: it has several times the memory for itself.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" && setting.Value == "true" {
			return true
		}
	}
	return false
}

// TestStreamProcess is what TestStreamingKeepsTheProcessSmall starts.
func TestStreamProcess(t *testing.T) {
	name := os.Getenv(streamOn)
	if name == "" {
		return // only as a process of its own
	}
	w := &world{t: t, ctx: t.Context(), on: name}
	pool, err := sql.Open(map[string]string{"sqlite": "sqlite", "postgresql": "pgx", "mariadb": "mysql"}[name], os.Getenv(streamDSN))
	must(t, err)
	defer pool.Close()
	pool.SetMaxOpenConns(4)
	m, err := session.New(bun.NewDB(pool, w.dialect()), session.Options{Registry: &dossier.Registry{}})
	must(t, err)
	counted, most := 0, uint64(0)
	read := func(ctx context.Context, s *session.Session, q *bun.SelectQuery) {
		for row, err := range session.Stream[streamed](ctx, s, q) {
			must(t, err)
			if counted++; len(row.Body) != 500 {
				t.Fatalf("row %d has %d bytes", row.ID, len(row.Body))
			}
			if counted%1000 == 0 {
				most = max(most, runtimeMemory())
			}
		}
	}
	must(t, m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
		read(ctx, s, m.DB().NewSelect().Model((*streamed)(nil)))
		must(t, s.Begin(ctx))
		read(ctx, s, s.IDB().NewSelect().Model((*streamed)(nil)))
		return nil
	}))
	fmt.Printf("streamed %d rows, runtime %d, resident %d\n", counted, max(most, runtimeMemory()), residentPeak(t))
}

// runtimeMemory is all that Go's runtime has from the system.
func runtimeMemory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// residentPeak is the most memory that the process had (VmHWM), in bytes, or 0 where the system does not tell.
func residentPeak(t *testing.T) int {
	t.Helper()
	status, err := os.Open("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	must(t, err)
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		var kibibytes int
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kibibytes); n == 1 {
			return kibibytes << 10
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}
