package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// IDB returns the transaction for anything that bun can say; the first statement begins it. Queries see what the session
// wrote. An SQL error makes the session rollback-only, unless a Nested block ends it. Transaction control (BEGIN, COMMIT,
// SAVEPOINT …, BeginTx, RunInTx) is refused with dossier.ErrInvalid: use Nested. So is, on MySQL and MariaDB, what commits the
// transaction, as their DDL does, or may, as CALL and SET. File columns written here are not watched over: read with it
// freely, write files through the session. On databases with a server, read rows to their end before the next statement.
func (s *Session) IDB() bun.IDB { return guard{s} }

// guard is a bun.IDB over the session's transaction.
type guard struct{ s *Session }

// prepare checks a statement and returns the connection that it runs on.
func (g guard) prepare(ctx context.Context, query string, args []any) (bun.Conn, error) {
	if err := g.s.enter("statement"); err != nil {
		return bun.Conn{}, err
	}
	defer g.s.leave()
	if len(args) > 0 {
		query = g.s.m.db.QueryGen().FormatQuery(query, args...) // an argument can be SQL, as bun.Safe
	}
	if err := g.s.m.engine.traits().syntax.check(query); err != nil {
		return bun.Conn{}, err
	}
	if err := g.s.open(ctx); err != nil {
		return bun.Conn{}, err
	}
	return g.s.tx.conn, nil
}

// ExecContext implements bun.IConn.
func (g guard) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	conn, err := g.prepare(ctx, query, args)
	if err != nil {
		return nil, err
	}
	result, err := g.run(conn, len(args)).ExecContext(ctx, query, args...)
	return result, g.s.watch(err)
}

// QueryContext implements bun.IConn.
func (g guard) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	conn, err := g.prepare(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if err := g.s.watch(g.s.tx.doubt(ctx, query)); err != nil {
		return nil, err
	}
	rows, err := g.run(conn, len(args)).QueryContext(ctx, query, args...)
	if err != nil {
		return nil, g.s.watch(err)
	}
	g.s.tx.track(rows)
	return rows, nil
}

// QueryRowContext implements bun.IConn. A refusal is reported as a cancelled context by the row's Scan, because a
// database/sql row cannot be made with another error; the session is rollback-only then.
func (g guard) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	conn, err := g.prepare(ctx, query, args)
	if err != nil {
		_ = g.s.watch(err)
		return g.refused(ctx, query, err)
	}
	if err := g.s.watch(g.s.tx.doubt(ctx, query)); err != nil {
		return g.refused(ctx, query, err)
	}
	row := g.run(conn, len(args)).QueryRowContext(ctx, query, args...)
	_ = g.s.watch(row.Err())
	return row
}

// refused is a row whose Scan fails.
func (g guard) refused(ctx context.Context, query string, err error) *sql.Row {
	ended, cancel := context.WithCancelCause(ctx)
	cancel(err)
	return g.s.m.db.DB.QueryRowContext(ended, query)
}

// run returns the connection below bun's hooks for statements that bun has formatted and reported already.
func (g guard) run(conn bun.Conn, args int) bun.IConn {
	if args == 0 {
		return conn.Conn
	}
	return conn
}

// BeginTx is refused.
func (g guard) BeginTx(context.Context, *sql.TxOptions) (bun.Tx, error) {
	return bun.Tx{}, errTransactionControl
}

// RunInTx is refused.
func (g guard) RunInTx(context.Context, *sql.TxOptions, func(context.Context, bun.Tx) error) error {
	return errTransactionControl
}

func (g guard) Dialect() schema.Dialect                   { return g.s.m.db.Dialect() }
func (g guard) NewValues(model any) *bun.ValuesQuery      { return g.s.m.db.NewValues(model).Conn(g) }
func (g guard) NewSelect() *bun.SelectQuery               { return g.s.m.db.NewSelect().Conn(g) }
func (g guard) NewInsert() *bun.InsertQuery               { return g.s.m.db.NewInsert().Conn(g) }
func (g guard) NewUpdate() *bun.UpdateQuery               { return g.s.m.db.NewUpdate().Conn(g) }
func (g guard) NewDelete() *bun.DeleteQuery               { return g.s.m.db.NewDelete().Conn(g) }
func (g guard) NewMerge() *bun.MergeQuery                 { return g.s.m.db.NewMerge().Conn(g) }
func (g guard) NewCreateTable() *bun.CreateTableQuery     { return g.s.m.db.NewCreateTable().Conn(g) }
func (g guard) NewDropTable() *bun.DropTableQuery         { return g.s.m.db.NewDropTable().Conn(g) }
func (g guard) NewCreateIndex() *bun.CreateIndexQuery     { return g.s.m.db.NewCreateIndex().Conn(g) }
func (g guard) NewDropIndex() *bun.DropIndexQuery         { return g.s.m.db.NewDropIndex().Conn(g) }
func (g guard) NewTruncateTable() *bun.TruncateTableQuery { return g.s.m.db.NewTruncateTable().Conn(g) }
func (g guard) NewAddColumn() *bun.AddColumnQuery         { return g.s.m.db.NewAddColumn().Conn(g) }
func (g guard) NewDropColumn() *bun.DropColumnQuery       { return g.s.m.db.NewDropColumn().Conn(g) }
func (g guard) NewRaw(query string, args ...any) *bun.RawQuery {
	return g.s.m.db.NewRaw(query, args...).Conn(g)
}

// open begins the transaction if none is open.
func (s *Session) open(ctx context.Context) error {
	if s.poison != nil {
		return fmt.Errorf("%w after: %w", dossier.ErrRollbackOnly, s.poison)
	}
	if s.tx != nil {
		return s.checkUnseen(ctx)
	}
	if s.late.Load() {
		return errLate
	}
	if s.readOnly {
		return fmt.Errorf("%w: the unit of work is read-only; read with Get, Stream or the manager's DB", dossier.ErrInvalid)
	}
	if s.m.engine.traits().oneWriter {
		s.keeper.stop() // the write lock is about to be ours: nothing can be renewed, and no sweep can claim either
	}
	if err := s.m.begin(ctx, &s.txRoom, s.level); err != nil {
		s.keeper.start(ctx)
		return err
	}
	s.tx, s.pinned = &s.txRoom, true
	return nil
}

// checkUnseen finds errors that went past the session while the caller read rows: the transaction may have been rolled back
// since.
func (s *Session) checkUnseen(ctx context.Context) error {
	err := s.tx.unseen()
	if err == nil {
		err = s.tx.verify(ctx)
	}
	if s.watch(err) == nil {
		return nil
	}
	return fmt.Errorf("%w after: %w", dossier.ErrRollbackOnly, s.poison)
}

// watch makes an error of a statement inside the transaction poison the session.
func (s *Session) watch(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) || s.tx == nil {
		return err
	}
	if s.poison == nil {
		s.poison = err
		s.top().poisoned = true
	}
	return err
}
