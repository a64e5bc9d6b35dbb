package journal

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// claim is an UPDATE of the rows of a query that returns them.
type claim struct {
	set   string // SET clause
	args  []any
	rows  *bun.SelectQuery // of ids and times, in the order of the index of what is due
	owner string           // new, so that it names the rows afterwards
}

// claimed is what a claim took.
type claimed struct {
	entries []Entry
	last    position // of the row that had been due last, or front where every claim begins there
}

// position is a row's place in the index of what is due.
type position struct {
	due int64
	id  string
}

// front is before all rows.
var front position

// compare orders as the index does: ids are compared byte by byte.
func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(p.due, other.due), cmp.Compare(p.id, other.id))
}

// claimReturning claims with one statement.
func (j *Journal) claimReturning(ctx context.Context, c claim, query string) (claimed, error) {
	entries, err := returning[Entry](ctx, j, query, bun.SafeQuery(c.set, c.args...), c.rows)
	return claimed{entries: entries}, err
}

// claimWithTimes is claimReturning for a query that returns, too, when the rows had been due.
func (j *Journal) claimWithTimes(ctx context.Context, c claim, query string) (took claimed, err error) {
	type row struct {
		Entry  `bun:",extend"`
		WasDue int64 `bun:"was_due"`
	}
	c.rows = c.rows.ColumnExpr("due_at AS was_due")
	rows, err := returning[row](ctx, j, query, bun.SafeQuery(c.set, c.args...), c.rows)
	for _, row := range rows { // in any order
		took.entries = append(took.entries, row.Entry)
		if at := (position{row.WasDue, row.ID}); took.last == front || at.compare(took.last) > 0 {
			took.last = at
		}
	}
	return took, err
}

// returning is own for a statement that returns rows.
func returning[T any](ctx context.Context, j *Journal, query string, args ...any) (rows []T, err error) {
	err = j.ownTurn(ctx, func(ctx context.Context) error {
		rows = nil
		return j.db.NewRaw(query, args...).Scan(ctx, &rows)
	})
	return rows, err
}

// claimByOwner claims in a transaction, where there is no UPDATE … RETURNING. At READ COMMITTED it locks the rows
// and not the gaps between them, into which others insert their intents.
func (j *Journal) claimByOwner(ctx context.Context, c claim) (took claimed, err error) {
	c.rows = c.rows.Column("due_at", "store", "object_key").For("UPDATE SKIP LOCKED") // once, however often it is tried
	err = j.ownTurn(ctx, func(ctx context.Context) error {
		return j.readCommitted(ctx, func(conn bun.Conn) (err error) {
			took, err = c.take(ctx, conn)
			return err
		})
	})
	return took, err
}

// take locks rows as they come out of the index of what is due, and then changes them by their primary key, which is
// locked already. By their ids it would need one lock more, and whoever adopts an upload takes that one first: a deadlock.
func (c claim) take(ctx context.Context, conn bun.Conn) (took claimed, err error) {
	var found []Entry
	if err := c.rows.Conn(conn).Scan(ctx, &found); err != nil || len(found) == 0 {
		return claimed{}, err
	}
	update := conn.NewUpdate().Model((*Entry)(nil)).ModelTableExpr("dossier_journal FORCE INDEX (PRIMARY)").Set(c.set, c.args...)
	ids := make([]string, len(found))
	for i, entry := range found {
		ids[i] = entry.ID
		update = update.WhereOr("(store = ? AND object_key = ?)", entry.Store, entry.Key)
	}
	if _, err := update.Exec(ctx); err != nil {
		return claimed{}, err
	}
	took.last = position{found[len(found)-1].DueAt, found[len(found)-1].ID}
	err = conn.NewSelect().Model(&took.entries).Where("id IN (?)", bun.List(ids)).Where("owner = ?", c.owner).Scan(ctx)
	if err == nil && len(took.entries) != len(ids) {
		err = fmt.Errorf("%d of %d rows were claimed", len(took.entries), len(ids))
	}
	return took, err
}

// endTimeout bounds the end of a transaction, which must come even if the caller's context has ended.
const endTimeout = 30 * time.Second

// readCommitted runs a transaction of the journal's own. After any error it is rolled back or its connection is closed:
// sql.Tx would give the connection back with an open transaction if COMMIT failed before it was sent.
func (j *Journal) readCommitted(ctx context.Context, run func(conn bun.Conn) error) (err error) {
	conn, err := j.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if failed := conn.Close(); !errors.Is(failed, sql.ErrConnDone) {
			err = errors.Join(err, failed)
		}
	}()
	for _, query := range []string{"SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION"} {
		if _, err = conn.ExecContext(ctx, query); err != nil {
			break
		}
	}
	if err == nil {
		err = run(conn)
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if _, failed := conn.ExecContext(ctx, "ROLLBACK"); failed != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it
	}
	return err
}
