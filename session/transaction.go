package session

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// transaction is an open transaction on a connection of its own. BEGIN, COMMIT, ROLLBACK and savepoints are statements
// of ours, on contexts that do not end with the caller's: database/sql would roll back behind our back.
type transaction struct {
	m      *Manager
	conn   bun.Conn
	writer bool        // holds the turn of the process's writers
	rows   []*sql.Rows // that callers may forget to close; the connection cannot be given back before
}

// track sees to it that rows are closed when the transaction ends.
func (t *transaction) track(rows *sql.Rows) {
	t.rows = slices.DeleteFunc(t.rows, func(r *sql.Rows) bool {
		_, err := r.Columns()
		return err != nil // closed
	})
	t.rows = append(t.rows, rows)
}

func (t *transaction) closeRows() {
	for _, rows := range t.rows {
		_ = rows.Close() // its error came from reading
	}
	t.rows = nil
}

// begin opens a transaction that holds SQLite's write lock from the start, so that what it reads stays true.
func (m *Manager) begin(ctx context.Context) (*transaction, error) {
	if err := m.acquireWriter(ctx); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	conn, err := m.db.Conn(ctx)
	if err != nil {
		m.releaseWriter()
		return nil, fmt.Errorf("begin: %w", err)
	}
	t := &transaction{m: m, conn: conn, writer: true}
	if err := t.statement(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, errors.Join(fmt.Errorf("begin: %w", err), t.discard())
	}
	return t, nil
}

// statement runs transaction control on a detached context.
func (t *transaction) statement(ctx context.Context, query string) error {
	ctx, cancel := t.m.detached(ctx)
	defer cancel()
	_, err := t.conn.ExecContext(ctx, query)
	return err
}

// commit sends COMMIT. After an error the transaction may still be open; see settle.
func (t *transaction) commit(ctx context.Context) error {
	t.closeRows()
	return t.statement(ctx, "COMMIT")
}

// rollback ends the transaction. If ROLLBACK fails the connection is closed, which rolls back too.
func (t *transaction) rollback(ctx context.Context) error {
	t.closeRows()
	if err := t.statement(ctx, "ROLLBACK"); err != nil {
		return errors.Join(fmt.Errorf("rollback: %w", err), t.discard())
	}
	return t.release()
}

// release gives the connection back to the pool.
func (t *transaction) release() error {
	defer t.endTurn()
	return t.conn.Close()
}

// discard closes the connection for good.
func (t *transaction) discard() error {
	defer t.endTurn()
	t.closeRows()
	err := t.conn.Raw(func(any) error { return driver.ErrBadConn })
	if errors.Is(err, driver.ErrBadConn) {
		err = nil
	}
	return errors.Join(err, ignoreClosed(t.conn.Close()))
}

func (t *transaction) endTurn() {
	if t.writer {
		t.writer = false
		t.m.releaseWriter()
	}
}
