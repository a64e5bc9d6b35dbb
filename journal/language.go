package journal

import (
	"context"

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
	// remove and change begin a DELETE and an UPDATE of rows by their ids.
	remove, change string
	// lock ends a SELECT whose rows nobody else may change until the end of the transaction, and which waits for who is
	// changing them.
	lock string
	// retry: a statement can lose against another one; SQLite's single writer cannot.
	retry bool
	// claim takes the rows that a SELECT of ids gives, sets them, and returns them as they are then.
	claim func(ctx context.Context, j *Journal, c claim) (claimed, error)
	// after is the condition for rows that stand after a position in the index of what is due, as the database's planner
	// makes a range of it; "" where claims always begin at the front.
	after string
	// returning: an UPDATE can return its rows.
	returning bool
	// analyze makes the planner know that the table has grown; "" where claims do not depend on that.
	analyze string
}

// Of a small table InnoDB would rather read all rows than look up some by an index beside the primary key, and a DELETE or
// UPDATE waits for every row that it reads: for the orders of transactions that are open, too, which may be waiting for our
// connection. Only the syntax for several tables has hints in a DELETE.
const (
	mysqlRemove = "DELETE j FROM dossier_journal AS j FORCE INDEX (dossier_journal_id)"
	mysqlChange = "UPDATE dossier_journal FORCE INDEX (dossier_journal_id)"
)

// TriggerOwner is the owner of orders that triggers wrote, until they are claimed.
const TriggerOwner = "trigger"

var languages = map[dialect.Name]*language{
	dialect.SQLite: {
		folder: "sqlite", remove: "DELETE FROM dossier_journal", change: "UPDATE dossier_journal", now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
		keepTaken: " ON CONFLICT (store, object_key) DO NOTHING", returning: true,
		claim: func(ctx context.Context, j *Journal, c claim) (claimed, error) {
			return j.claimReturning(ctx, c, "UPDATE dossier_journal SET ? WHERE id IN (?) RETURNING *")
		},
	},
	dialect.PG: {
		folder: "postgresql", remove: "DELETE FROM dossier_journal", change: "UPDATE dossier_journal", now: "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)",
		keepTaken: " ON CONFLICT (store, object_key) DO NOTHING", returning: true, lock: " FOR UPDATE", retry: true,
		analyze: "ANALYZE (SKIP_LOCKED) dossier_journal",
		claim: func(ctx context.Context, j *Journal, c claim) (claimed, error) {
			c.rows = c.rows.For("UPDATE SKIP LOCKED")
			// WITH runs the query exactly once; in IN the planner may run it for each row, with other rows each time.
			return j.claimWithTimes(ctx, c, "WITH due AS (?1) UPDATE dossier_journal AS j SET ?0 FROM due WHERE j.id = due.id RETURNING j.*, was_due")
		},
		after: "(due_at, id) > (?0, ?1)",
	},
	dialect.MySQL: {
		folder: "mysql", remove: mysqlRemove, change: mysqlChange, now: "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)",
		keepTaken: " ON DUPLICATE KEY UPDATE dossier_journal.id = dossier_journal.id", lock: " FOR UPDATE", retry: true,
		claim: func(ctx context.Context, j *Journal, c claim) (claimed, error) { return j.claimByOwner(ctx, c) },
		after: "(due_at > ?0 OR due_at = ?0 AND id > ?1)",
	},
}
