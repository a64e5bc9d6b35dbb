package faultkit_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/faultkit"
)

// openTable opens a database with a table t of one column, behind points that have not been hit for anything else.
func openTable(t *testing.T) (*sql.DB, *faultkit.Points) {
	t.Helper()
	points := &faultkit.Points{}
	dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=busy_timeout(5000)"
	db, err := faultkit.OpenDB("sqlite", dsn, points)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	execute(t, db, "CREATE TABLE t (n INTEGER)")
	return db, points
}

func execute(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func countRows(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A statement that fails before has not happened; one that fails after has, and its caller is told otherwise.
func TestStatementFaultsComeBeforeOrAfterTheEffect(t *testing.T) {
	t.Parallel()
	for moment, rows := range map[string]int{".before": 0, ".after": 1} {
		for name, do := range map[string]func(db *sql.DB) error{
			"exec": func(db *sql.DB) error {
				_, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (?)", 1)
				return err
			},
			"query": func(db *sql.DB) error {
				var n int
				return db.QueryRowContext(t.Context(), "INSERT INTO t VALUES (1) RETURNING n").Scan(&n)
			},
			"prepared": func(db *sql.DB) error {
				s, err := db.PrepareContext(t.Context(), "INSERT INTO t VALUES (?)")
				if err != nil {
					return err
				}
				defer s.Close()
				_, err = s.ExecContext(t.Context(), 1)
				return err
			},
		} {
			db, points := openTable(t)
			points.At("sql.insert t"+moment, 1, faultkit.Fail(errInjected))
			if err := do(db); !errors.Is(err, errInjected) {
				t.Errorf("%s%s: %v", name, moment, err)
			}
			if n := countRows(t, db); n != rows {
				t.Errorf("%s%s: %d rows, want %d", name, moment, n, rows)
			}
		}
	}
}

// The ambiguous COMMIT: it fails, and the rows are there; whoever compensates for it destroys them.
func TestCommitCanLoseItsAnswer(t *testing.T) {
	t.Parallel()
	for name, commit := range map[string]func(db *sql.DB) error{
		"BeginTx": func(db *sql.DB) error {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); err != nil {
				return err
			}
			return tx.Commit()
		},
		"statements": func(db *sql.DB) error {
			conn, err := db.Conn(t.Context())
			if err != nil {
				return err
			}
			for _, query := range []string{"BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"} {
				if _, err := conn.ExecContext(t.Context(), query); err != nil {
					return errors.Join(err, conn.Close())
				}
			}
			return conn.Close()
		},
	} {
		db, points := openTable(t)
		points.At("sql.commit.after", 1, faultkit.Fail(errInjected))
		if err := commit(db); !errors.Is(err, errInjected) {
			t.Errorf("%s: %v", name, err)
		}
		if n := countRows(t, db); n != 1 {
			t.Errorf("%s: %d rows", name, n)
		}
		if n := points.Count("sql.begin.after"); n != 1 {
			t.Errorf("%s: begin was hit %d times", name, n)
		}
	}
}

// A connection that drops before COMMIT takes its transaction with it; after COMMIT the rows are there. In both cases the
// pool gets a new connection afterwards, and never this one.
func TestADroppedConnectionEndsItsTransaction(t *testing.T) {
	t.Parallel()
	for moment, rows := range map[string]int{".before": 0, ".after": 1} {
		db, points := openTable(t)
		points.At("sql.commit"+moment, 1, faultkit.Drop)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		err = tx.Commit()
		if bad := errors.Is(err, driver.ErrBadConn); err == nil || bad != (moment == ".before") {
			t.Errorf("%s: %v; it says that nothing happened: %v", moment, err, bad)
		}
		if n := countRows(t, db); n != rows {
			t.Errorf("%s: %d rows, want %d", moment, n, rows)
		}
		if n := points.Count("sql.connect.after"); n != 2 {
			t.Errorf("%s: %d connections were made, want 2", moment, n)
		}
	}
}

// database/sql tries a statement again on another connection when it is told that nothing happened: a drop before a
// statement outside of a transaction goes unnoticed, as with a real driver.
func TestADropBeforeAStatementIsRetried(t *testing.T) {
	t.Parallel()
	db, points := openTable(t)
	points.At("sql.insert t.before", 1, faultkit.Drop)
	execute(t, db, "INSERT INTO t VALUES (1)")
	if n := countRows(t, db); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// Points are found by the names that the documentation lists, whatever the spelling of the statement.
func TestStatementsHaveTheirNames(t *testing.T) {
	t.Parallel()
	db, points := openTable(t)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, one := range [][2]string{
		{"begin immediate", "sql.begin"},
		{"insert or ignore into main.t(n) values (1)", "sql.insert t"},
		{"REPLACE INTO t VALUES (2)", "sql.insert t"},
		{`/* c */ INSERT INTO "t" SELECT n FROM t`, "sql.insert t"},
		{"-- c\nUPDATE OR IGNORE [t] SET n = 1", "sql.update t"},
		{"UPDATE `t` SET n = 2", "sql.update t"},
		{"savepoint s", "sql.savepoint"},
		{"DELETE FROM t WHERE n IN (SELECT n FROM t)", "sql.delete t"},
		{"rollback to s", "sql.rollback to"},
		{"ROLLBACK TRANSACTION TO SAVEPOINT s", "sql.rollback to"},
		{"RELEASE s", "sql.release"},
		{"SELECT (SELECT max(n) FROM u), 'from u' FROM t AS x", "sql.select t"},
		{"SELECT 1", "sql.select"},
		{"WITH u AS (SELECT 1 FROM t) DELETE FROM t WHERE n = (SELECT * FROM u)", "sql.delete t"},
		{"CREATE TABLE IF NOT EXISTS u (n INTEGER)", "sql.create table u"},
		{"CREATE UNIQUE INDEX i ON t (n)", "sql.create index i"},
		{"PRAGMA foreign_keys", "sql.pragma foreign_keys"},
		{"END", "sql.commit"},
		{"VACUUM", "sql.vacuum"},
	} {
		was := points.Counts()
		_, _ = conn.ExecContext(t.Context(), one[0]) // some are wrong here, and named all the same
		var hit []string
		for point, n := range points.Counts() {
			if n > was[point] {
				hit = append(hit, point)
			}
		}
		slices.Sort(hit)
		if len(hit) == 0 || len(hit) > 2 || hit[len(hit)-1] != one[1]+".before" {
			t.Errorf("%q hit %q, want %s", one[0], hit, one[1])
		}
	}
}

// What a driver knows of columns and types is seen through the wrapper.
func TestColumnTypesComeThrough(t *testing.T) {
	t.Parallel()
	db, _ := openTable(t)
	execute(t, db, "INSERT INTO t VALUES (1)")
	rows, err := db.QueryContext(t.Context(), "SELECT n FROM t")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	if err != nil || len(types) != 1 || types[0].DatabaseTypeName() != "INTEGER" {
		t.Errorf("%v, %v", types, err)
	}
}

// A pool that cannot connect says why, and recovers.
func TestConnectingCanFail(t *testing.T) {
	t.Parallel()
	points := &faultkit.Points{}
	db, err := faultkit.OpenDB("sqlite", "file:/"+t.Name()+"?vfs=memdb", points)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, moment := range []string{".before", ".after"} {
		points.Next("sql.connect"+moment, faultkit.Fail(errInjected))
		if err := db.PingContext(t.Context()); !errors.Is(err, errInjected) {
			t.Errorf("%s: %v", moment, err)
		}
	}
	if err := db.PingContext(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := faultkit.OpenDB("no such driver", "", points); err == nil || !strings.Contains(err.Error(), "no such driver") {
		t.Error(err)
	}
}

// Tools may need the driver's own connection; it is one step away.
func TestRawGivesTheDriversConnection(t *testing.T) {
	t.Parallel()
	db, _ := openTable(t)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		inner := c.(interface{ Unwrap() driver.Conn }).Unwrap()
		if _, ok := inner.(interface {
			Serialize() ([]byte, error)
		}); !ok {
			return errors.New("it is not the driver's own")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// pointsHit lists the names of all points that were hit, without their moments.
func pointsHit(points *faultkit.Points) []string {
	var names []string
	for _, point := range slices.Sorted(maps.Keys(points.Counts())) {
		names = append(names, strings.TrimSuffix(strings.TrimSuffix(point, ".before"), ".after"))
	}
	return slices.Compact(names)
}
