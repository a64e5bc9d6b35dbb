package session

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dossier-go/dossier/journal"
	"github.com/uptrace/bun"
)

// transaction is an open transaction on a connection of its own. BEGIN, COMMIT, ROLLBACK and savepoints are statements
// of ours, all but BEGIN on contexts that do not end with the caller's: database/sql would roll back behind our back.
type transaction struct {
	m      *Manager
	conn   bun.Conn
	level  sql.IsolationLevel
	turn   bool        // holds one of the manager's turns
	rows   []*sql.Rows // that callers may forget to close; the connection cannot be given back before
	unsure bool        // an error may have gone past the session; see verify
}

// track sees to it that rows are closed when the transaction ends, and that an error in them is seen.
func (t *transaction) track(rows *sql.Rows) { t.rows = append(t.rows, rows) }

// unseen returns an error that came up in rows that the caller read.
func (t *transaction) unseen() error {
	var errs []error
	t.rows = slices.DeleteFunc(t.rows, func(r *sql.Rows) bool {
		_, closed := r.Columns()
		errs = append(errs, r.Err())
		return closed != nil
	})
	return errors.Join(errs...)
}

func (t *transaction) closeRows() {
	for _, rows := range t.rows {
		_ = rows.Close() // its error came from reading
	}
	t.rows = nil
}

// mark is the savepoint that is there as long as the transaction is.
const mark = "dossier_mark"

// doubt prepares for a query of the caller's whose error the session may not see, where statements after it would be
// executed outside of the transaction. A plain read waits for nobody and cannot end it.
func (t *transaction) doubt(ctx context.Context, query string) error {
	traits := t.m.engine.traits()
	if !traits.goesOn || t.unsure || t.level != sql.LevelSerializable && plainRead(traits.syntax.words(query)) {
		return nil
	}
	t.unsure = true
	return t.statement(ctx, "SAVEPOINT "+mark)
}

func plainRead(words []string) bool {
	return len(words) > 0 && slices.Contains([]string{"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "DESCRIBE", "DESC"}, words[0]) &&
		!slices.Contains(words, "UPDATE") && !slices.Contains(words, "SHARE")
}

// verify returns an error unless the transaction is the one that it was before doubt.
func (t *transaction) verify(ctx context.Context) error {
	if !t.unsure {
		return nil
	}
	t.unsure = false
	if err := t.statement(ctx, "RELEASE SAVEPOINT "+mark); err != nil {
		return fmt.Errorf("a query failed and the database ended the transaction: %w", err)
	}
	return nil
}

// maxDead is how many dead connections of the pool are thrown away for one transaction.
const maxDead = 100

// begin makes t an open transaction, with SQLite one that holds the write lock from the start, so that what it reads stays true.
func (m *Manager) begin(ctx context.Context, t *transaction, level sql.IsolationLevel) error {
	if err := m.acquireTurn(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for dead := 0; ; dead++ {
		err := m.beginOnce(ctx, t, level)
		if err == nil {
			t.turn = true
			return nil
		}
		if dead == maxDead || !isDead(err) {
			m.releaseTurn()
			return fmt.Errorf("begin: %w", err)
		}
	}
}

func (m *Manager) beginOnce(ctx context.Context, t *transaction, level sql.IsolationLevel) error {
	conn, err := m.db.Conn(ctx)
	if err != nil {
		return err
	}
	*t = transaction{m: m, conn: conn, level: level}
	for _, query := range m.engine.begin(level) {
		if err := t.first(ctx, query); err != nil {
			return errors.Join(err, t.discard())
		}
	}
	return nil
}

// isDead reports whether a connection of the pool was dead before it was used, as after a restart of the server.
// database/sql takes another one by itself only where it need not keep to one.
func isDead(err error) bool {
	state := journal.SQLState(err)
	return errors.Is(err, driver.ErrBadConn) || state == "57P01" || strings.HasPrefix(state, "08")
}

// first runs a statement that begins the transaction. It may end with the caller's context, and the connection with it.
func (t *transaction) first(ctx context.Context, query string) error {
	if t.m.engine.traits().local {
		return t.statement(ctx, query)
	}
	_, err := t.conn.ExecContext(ctx, query)
	return err
}

// statement runs transaction control on a context that does not end with the caller's.
func (t *transaction) statement(ctx context.Context, query string) error {
	cancel := func() {}
	if t.m.engine.traits().local {
		ctx = context.WithoutCancel(ctx)
	} else {
		ctx, cancel = t.m.detached(ctx)
	}
	defer cancel()
	_, err := t.conn.ExecContext(ctx, query)
	return err
}

// commit sends COMMIT. After an error the transaction may still be open; see settle.
func (t *transaction) commit(ctx context.Context) error {
	t.closeRows()
	return t.statement(ctx, t.m.engine.traits().commit)
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
	if t.turn {
		t.turn = false
		t.m.releaseTurn()
	}
}
