package faultkit_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/faultkit"
)

// oldDriver is a driver with no more than the required methods: database/sql fills in the rest.
type oldDriver struct{ log *[]string }

func (d oldDriver) Open(string) (driver.Conn, error)             { return &oldConn{d.log}, nil }
func (d oldDriver) Connect(context.Context) (driver.Conn, error) { return d.Open("") }
func (d oldDriver) Driver() driver.Driver                        { return d }
func (c *oldConn) Begin() (driver.Tx, error)                     { return c, c.note("begin") }
func (c *oldConn) Commit() error                                 { return c.note("commit") }
func (c *oldConn) Rollback() error                               { return c.note("rollback") }
func (c *oldConn) Close() error                                  { return c.note("close") }
func (c *oldConn) Prepare(query string) (driver.Stmt, error)     { return &oldStatement{c, query}, nil }
func (s *oldStatement) Close() error                             { return nil }
func (s *oldStatement) NumInput() int                            { return strings.Count(s.query, "?") }

func (s *oldStatement) Query(args []driver.Value) (driver.Rows, error) {
	return &oldRows{left: 2}, s.conn.note(s.query)
}

type oldConn struct{ log *[]string }

func (c *oldConn) note(what string) error {
	*c.log = append(*c.log, what)
	return nil
}

type oldStatement struct {
	conn  *oldConn
	query string
}

func (s *oldStatement) Exec(args []driver.Value) (driver.Result, error) {
	for _, arg := range args {
		if _, ok := arg.(int64); !ok {
			return nil, errors.New("an argument was not converted")
		}
	}
	return driver.RowsAffected(len(args)), s.conn.note(s.query)
}

type oldRows struct{ left int }

func (r *oldRows) Columns() []string { return []string{"n"} }
func (r *oldRows) Close() error      { return nil }
func (r *oldRows) Next(values []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	values[0] = int64(r.left)
	return nil
}

// A driver without optional interfaces works as it does without the wrapper: what it cannot do is refused in the words
// of database/sql, and what database/sql does for it is done.
func TestOldDriversWorkAsBefore(t *testing.T) {
	t.Parallel()
	log, points := []string{}, &faultkit.Points{}
	for _, db := range []*sql.DB{
		sql.OpenDB(oldDriver{&log}), sql.OpenDB(faultkit.NewConnector(oldDriver{&log}, points)),
	} {
		log = log[:0]
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if result, err := tx.ExecContext(t.Context(), "INSERT INTO t VALUES (?)", int32(1)); err != nil {
			t.Error(err)
		} else if n, err := result.RowsAffected(); n != 1 || err != nil {
			t.Errorf("%d rows affected, %v", n, err)
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
		_, readOnly := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
		_, isolated := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
		_, named := db.ExecContext(t.Context(), "SELECT ?", sql.Named("a", 1))
		for _, err := range []error{readOnly, isolated, named} {
			if err == nil || !strings.HasPrefix(err.Error(), "sql: driver does not support") {
				t.Errorf("refused as %v", err)
			}
		}
		if err := errors.Join(db.PingContext(t.Context()), db.Close()); err != nil {
			t.Error(err)
		}
		if want := []string{"begin", "INSERT INTO t VALUES (?)", "commit", "close"}; !slices.Equal(log, want) {
			t.Errorf("the driver saw %q, want %q", log, want)
		}
	}
	want := []string{"sql.begin", "sql.commit", "sql.connect", "sql.insert t", "sql.select"}
	if got := pointsHit(points); !slices.Equal(got, want) || points.Count("sql.insert t.before") != 1 {
		t.Errorf("points %q, want %q", got, want)
	}
}

// The point after a query is hit when its rows are over, or given up, once.
func TestAQueryEndsWithItsRows(t *testing.T) {
	t.Parallel()
	for _, all := range []bool{true, false} {
		points := &faultkit.Points{}
		db := sql.OpenDB(faultkit.NewConnector(oldDriver{&[]string{}}, points))
		defer db.Close()
		rows, err := db.QueryContext(t.Context(), "SELECT n FROM t")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			if n := points.Count("sql.select t.after"); n != 0 {
				t.Errorf("hit %d times before the end", n)
			}
			if !all {
				break
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil { //nolint:sqlclosecheck // this Close is what is tested
			t.Error(err)
		}
		if n := points.Count("sql.select t.after"); n != 1 {
			t.Errorf("hit %d times at the end", n)
		}
	}
}

// lazyDriver leaves statements to Prepare when they have arguments, as drivers do that cannot insert them into the text.
type lazyDriver struct{ oldDriver }

type lazyConn struct{ oldConn }

func (d lazyDriver) Connect(context.Context) (driver.Conn, error) {
	return &lazyConn{oldConn{d.log}}, nil
}

func (c *lazyConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) > 0 {
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(0), c.note(query)
}

// A statement that the driver hands back to database/sql, to be prepared, is still one statement with one point before.
func TestSkippedStatementsHitOnce(t *testing.T) {
	t.Parallel()
	log, points := []string{}, &faultkit.Points{}
	db := sql.OpenDB(faultkit.NewConnector(lazyDriver{oldDriver{&log}}, points))
	defer db.Close()
	for range 2 {
		if _, err := db.ExecContext(t.Context(), "UPDATE t SET n = ?", 1); err != nil {
			t.Fatal(err)
		}
	}
	if before, after := points.Count("sql.update t.before"), points.Count("sql.update t.after"); before != 2 || after != 2 || len(log) != 2 {
		t.Errorf("two statements, %d hits before, %d after, %d seen by the driver", before, after, len(log))
	}
}
