package session_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dossier-go/dossier"
)

// faults sees every statement and every change of the store, before and after, and can do something about it. It is
// written for these tests alone, so that they do not judge the code with its own tools.
type faults struct {
	mu    sync.Mutex
	steps []string
	act   func(n int, step string) error
	put   putFunc // takes the place of Put
}

// putFunc is a Put that can go on with the real one.
type putFunc func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions,
	next dossier.Backend) (dossier.Info, error)

var errInjected = errors.New("injected")

// set starts a new count of steps; act gets the number of the step from 1 and its name, from any goroutine.
func (f *faults) set(act func(n int, step string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.steps, f.act = nil, act
}

// on calls do at the first step whose name begins with name.
func (f *faults) on(name string, do func() error) {
	var done atomic.Bool
	f.set(func(_ int, step string) error {
		if !strings.HasPrefix(step, name) || done.Swap(true) {
			return nil
		}
		return do()
	})
}

// fail makes every step whose name begins with name an error.
func (f *faults) fail(name string) {
	f.set(func(_ int, step string) error {
		if strings.HasPrefix(step, name) {
			return errInjected
		}
		return nil
	})
}

// seen returns the steps since set whose names begin with name.
func (f *faults) seen(name string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.steps), func(step string) bool { return !strings.HasPrefix(step, name) })
}

func (f *faults) hit(step string) error {
	f.mu.Lock()
	f.steps = append(f.steps, step)
	n, act := len(f.steps), f.act
	f.mu.Unlock()
	if act == nil {
		return nil
	}
	return act(n, step)
}

// open is sql.Open with every statement of every connection seen.
func (f *faults) open(t testing.TB, driverName, dsn string) *sql.DB {
	t.Helper()
	plain, err := sql.Open(driverName, dsn)
	must(t, err)
	must(t, plain.Close())
	pool := sql.OpenDB(faultConnector{plain.Driver(), dsn, f})
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return pool
}

type faultConnector struct {
	driver driver.Driver
	dsn    string
	faults *faults
}

func (c faultConnector) Driver() driver.Driver { return c.driver }

func (c faultConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &faultConn{conn.(fullConn), c.faults}, nil
}

// fullConn is what the drivers' connections can do.
type fullConn interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.SessionResetter
}

type faultConn struct {
	fullConn
	faults *faults
}

// IsValid implements driver.Validator for drivers that do.
func (c *faultConn) IsValid() bool {
	v, ok := c.fullConn.(driver.Validator)
	return !ok || v.IsValid()
}

// plainly takes out of a statement what MySQL alone needs, so that it has one name on all databases.
var plainly = strings.NewReplacer("DELETE j FROM dossier_journal AS j", "DELETE FROM dossier_journal",
	" FORCE INDEX (dossier_journal_id)", "", " FORCE INDEX (PRIMARY)", "")

// statementStep names a statement by its first three words, without those that come before a COMMIT.
func statementStep(query string) string {
	query = plainly.Replace(strings.TrimPrefix(query, "(SELECT 1); "))
	words := strings.Fields(query)
	if len(words) > 3 {
		words = words[:3]
	}
	return "sql " + strings.Join(words, " ")
}

func (c *faultConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	step := statementStep(query)
	if err := c.faults.hit(step + " before"); err != nil {
		return nil, err
	}
	result, err := c.fullConn.ExecContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if err := c.faults.hit(step + " after"); err != nil {
		return nil, err
	}
	return result, nil
}

func (c *faultConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	step := statementStep(query)
	if err := c.faults.hit(step + " before"); err != nil {
		return nil, err
	}
	rows, err := c.fullConn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if err := c.faults.hit(step + " after"); err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return rows, nil
}

// faultStore sees the changes of a store.
type faultStore struct {
	dossier.Forward
	faults *faults
}

func (s *faultStore) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if err := s.faults.hit("put before " + key); err != nil {
		return dossier.Info{}, err
	}
	put := s.faults.put
	if put == nil {
		put = func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions, next dossier.Backend) (dossier.Info, error) {
			return next.Put(ctx, key, src, opts)
		}
	}
	info, err := put(ctx, key, src, opts, s.Inner)
	if err != nil {
		return info, err
	}
	return info, lostAnswer("put", key, s.faults.hit("put after "+key))
}

func (s *faultStore) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	if err := s.faults.hit("copy before " + dst); err != nil {
		return dossier.Info{}, err
	}
	info, err := s.Forward.Copy(ctx, dst, src, opts)
	if err != nil {
		return info, err
	}
	return info, lostAnswer("copy", dst, s.faults.hit("copy after "+dst))
}

func (s *faultStore) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	if err := s.faults.hit("delete before " + key); err != nil {
		return err
	}
	if err := s.Inner.Delete(ctx, key, opts); err != nil {
		return err
	}
	return lostAnswer("delete", key, s.faults.hit("delete after "+key))
}

func (s *faultStore) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key := range keys {
			if !yield(key, s.Delete(ctx, key, dossier.DeleteOptions{})) {
				return
			}
		}
	}
}

// lostAnswer is the error of a change that took effect although its answer did not arrive.
func lostAnswer(op, key string, err error) error {
	if err == nil {
		return nil
	}
	return &dossier.Error{Op: op, Key: key, Outcome: dossier.OutcomeUnknown, Err: err}
}
