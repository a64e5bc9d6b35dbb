package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// language is what a database says in its own way.
type language struct {
	folder string // of the migrations
	// now is the database's clock in milliseconds, at the beginning of the statement and the same in all of it, so that an
	// index can be used.
	now bun.Safe
	// keepTaken ends an INSERT that leaves rows with a taken key as they are.
	keepTaken string
	// lock ends a SELECT whose rows nobody else may change until the end of the transaction, and which waits for who is
	// changing them.
	lock string
	// retry: a statement can lose against another one; SQLite's single writer cannot.
	retry bool
	// claim takes the rows that a SELECT of ids gives, sets them, and returns them as they are then.
	claim func(ctx context.Context, j *Journal, c claim) ([]Entry, error)
	// returning: an UPDATE can return its rows.
	returning bool
}

// claim is an UPDATE of the rows of a query that returns them.
type claim struct {
	set   string // SET clause
	args  []any
	rows  *bun.SelectQuery // of ids
	owner string           // new, so that it names the rows afterwards
}

var languages = map[dialect.Name]*language{
	dialect.SQLite: {
		folder: "sqlite", now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
		keepTaken: " ON CONFLICT (store, object_key) DO NOTHING", returning: true,
		claim: func(ctx context.Context, j *Journal, c claim) ([]Entry, error) {
			return j.claimReturning(ctx, c, "UPDATE dossier_journal SET ? WHERE id IN (?) RETURNING *")
		},
	},
	dialect.PG: {
		folder: "postgresql", now: "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)",
		keepTaken: " ON CONFLICT (store, object_key) DO NOTHING", returning: true, lock: " FOR UPDATE", retry: true,
		claim: func(ctx context.Context, j *Journal, c claim) ([]Entry, error) {
			c.rows = c.rows.For("UPDATE SKIP LOCKED")
			// As an array the query runs exactly once; in IN the planner may run it for each row, with other rows each time.
			return j.claimReturning(ctx, c, "UPDATE dossier_journal SET ? WHERE id = ANY (ARRAY(?)) RETURNING *")
		},
	},
	dialect.MySQL: {
		folder: "mysql", now: "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)",
		keepTaken: " ON DUPLICATE KEY UPDATE dossier_journal.id = dossier_journal.id", lock: " FOR UPDATE", retry: true,
		claim: func(ctx context.Context, j *Journal, c claim) ([]Entry, error) { return j.claimByOwner(ctx, c) },
	},
}

// claimReturning claims with one statement.
func (j *Journal) claimReturning(ctx context.Context, c claim, query string) ([]Entry, error) {
	return j.returning(ctx, query, bun.SafeQuery(c.set, c.args...), c.rows)
}

// returning is own for a statement that returns rows of the journal.
func (j *Journal) returning(ctx context.Context, query string, args ...any) (entries []Entry, err error) {
	err = j.ownTurn(ctx, func(ctx context.Context) error {
		entries = nil
		return j.db.NewRaw(query, args...).Scan(ctx, &entries)
	})
	return entries, err
}

// claimByOwner claims in a transaction, where there is no UPDATE … RETURNING. At READ COMMITTED it locks the rows
// and not the gaps between them, into which others insert their intents.
func (j *Journal) claimByOwner(ctx context.Context, c claim) (entries []Entry, err error) {
	err = j.ownTurn(ctx, func(ctx context.Context) error {
		entries = nil
		return j.db.RunInTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, func(ctx context.Context, tx bun.Tx) error {
			var ids []string
			if err := c.rows.Conn(tx).For("UPDATE SKIP LOCKED").Scan(ctx, &ids); err != nil || len(ids) == 0 {
				return err
			}
			if _, err := exec(ctx, tx, "UPDATE dossier_journal SET ? WHERE id IN (?)", bun.SafeQuery(c.set, c.args...), bun.List(ids)); err != nil {
				return err
			}
			err := tx.NewSelect().Model(&entries).Where("id IN (?)", bun.List(ids)).Where("owner = ?", c.owner).Scan(ctx)
			if err == nil && len(entries) != len(ids) {
				err = fmt.Errorf("%d of %d rows were claimed", len(entries), len(ids))
			}
			return err
		})
	})
	return entries, err
}

// Retryable reports whether err says that a statement lost against others, with a serialization failure, a deadlock, a
// lock that was not given in time or a busy database, and that it, or its whole transaction, may succeed when it is tried
// again. Errors are recognised by their codes: those of SQLite's (modernc.org/sqlite), PostgreSQL's (any driver with
// SQLState) and MySQL's drivers.
func Retryable(err error) bool {
	var sqlite interface{ Code() int }
	if errors.As(err, &sqlite) {
		code := sqlite.Code() & 0xFF
		return code == 5 || code == 6 // SQLITE_BUSY and SQLITE_LOCKED, whatever their extended codes
	}
	switch SQLState(err) {
	case "40001", "40P01", "55P03":
		return true
	}
	switch MySQLNumber(err) {
	case 1020, 1205, 1213:
		return true
	}
	return false
}
