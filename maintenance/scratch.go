package maintenance

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	sqlitedriver "modernc.org/sqlite"
)

// scratch is one connection with temporary tables of SQLite, which keeps them in a file of their own: they take no memory
// and no lock of the database. For a database on a server it is of a private database that is thrown away.
type scratch struct {
	conn  *sql.Conn
	owner *sql.DB // of the connection; nil: the application
}

// scratchTables: what was listed; what the journal and side files know; the columns' values as they are; the files in
// them; and what looked wrong, orphans with the column -1.
var scratchTables = []struct{ name, definition string }{
	{"dossier_audit_object", "(store TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (store, key)) WITHOUT ROWID"},
	{"dossier_audit_known", "(store TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (store, key)) WITHOUT ROWID"},
	{"dossier_audit_raw", "(id INTEGER PRIMARY KEY, col INTEGER NOT NULL, pk TEXT NOT NULL, value)"},
	{
		"dossier_audit_file", "(id INTEGER PRIMARY KEY, col INTEGER NOT NULL, pk TEXT NOT NULL, backend TEXT NOT NULL, " +
			"store TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, checksum TEXT NOT NULL, type TEXT NOT NULL, problem TEXT NOT NULL)",
	},
	{
		"dossier_audit_suspect", "(col INTEGER NOT NULL, store TEXT NOT NULL, key TEXT NOT NULL, backend TEXT NOT NULL, pk TEXT NOT NULL, " +
			"PRIMARY KEY (col, store, key, backend, pk)) WITHOUT ROWID",
	},
}

const scratchIndex = "CREATE INDEX temp.dossier_audit_file_key ON dossier_audit_file (store, key)"

// newScratch makes the tables on a connection of the application's, or with nil on one of its own.
func newScratch(ctx context.Context, db *sql.DB) (_ *scratch, err error) {
	s := &scratch{}
	if db == nil {
		connector, err := sqlitedriver.NewConnector("file:") // without a name: a temporary file
		if err != nil {
			return nil, fmt.Errorf("temporary database: %w", err)
		}
		db = sql.OpenDB(connector)
		s.owner = db
	}
	if s.conn, err = db.Conn(ctx); err != nil {
		return nil, errors.Join(err, s.closeOwner())
	}
	for _, table := range scratchTables {
		err = errors.Join(err, s.exec(ctx, "CREATE TEMP TABLE "+table.name+" "+table.definition))
	}
	if err = errors.Join(err, s.exec(ctx, scratchIndex)); err != nil {
		return nil, errors.Join(fmt.Errorf("temporary tables: %w", err), s.close(ctx))
	}
	return s, nil
}

// closeTimeout bounds the clean-up, which goes on when the caller's context has ended.
const closeTimeout = 30 * time.Second

// close drops the tables and gives the connection back; one on which that fails is thrown away with them.
func (s *scratch) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var err error
	for _, table := range scratchTables {
		err = errors.Join(err, s.exec(ctx, "DROP TABLE IF EXISTS temp."+table.name))
	}
	if err != nil {
		_ = s.conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it, which is all that is left to do
		return s.closeOwner()
	}
	return errors.Join(s.conn.Close(), s.closeOwner())
}

func (s *scratch) closeOwner() error {
	if s.owner == nil {
		return nil
	}
	return s.owner.Close()
}

func (s *scratch) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.conn.ExecContext(ctx, query, args...)
	return err
}

// together runs fn in a transaction. It is deferred: as long as fn reads and writes temporary tables only, it locks
// nothing; from its first read of the database on, it sees that as of one moment.
func (s *scratch) together(ctx context.Context, fn func() error) error {
	if err := s.exec(ctx, "BEGIN DEFERRED"); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		err = s.exec(ctx, "COMMIT")
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if back := s.exec(ctx, "ROLLBACK"); back != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			err = errors.Join(err, fmt.Errorf("rollback: %w", back))
		}
	}
	return err
}

// insertMany calls fn, in a transaction, with a function that inserts one row by a prepared statement.
func (s *scratch) insertMany(ctx context.Context, query string, fn func(insert func(args ...any) error) error) error {
	return s.together(ctx, func() (err error) {
		statement, err := s.conn.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, statement.Close()) }()
		return fn(func(args ...any) error {
			_, err := statement.ExecContext(ctx, args...)
			return err
		})
	})
}

// count returns a number that a query yields.
func (s *scratch) count(ctx context.Context, query string) (n int64, err error) {
	return n, s.conn.QueryRowContext(ctx, query).Scan(&n)
}
