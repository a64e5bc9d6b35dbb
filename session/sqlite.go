package session

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// sqlite has one writer; intents of uploads inside its transaction go to a side file.
type sqlite struct{}

func (sqlite) examine(ctx context.Context, m *Manager) error { return m.examineFile(ctx) }

// examineReplica: readers of another file would see other rows.
func (sqlite) examineReplica(ctx context.Context, m *Manager, pool *bun.DB) error {
	ours, err := databasePath(ctx, m.db.DB)
	if err != nil {
		return err
	}
	theirs, err := databasePath(ctx, pool.DB)
	if err == nil && ours != theirs {
		err = fmt.Errorf("%w: a pool for reads is of another SQLite file", dossier.ErrInvalid)
	}
	return err
}

// missing asks the catalogue: the error has no code of its own.
func (sqlite) missing(ctx context.Context, pool *bun.DB, table string, _ error) bool {
	var n int
	err := pool.DB.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE", table).Scan(&n)
	return err == nil && n == 0
}

// level: every transaction that holds the write lock from its beginning is serializable.
func (sqlite) level(asked sql.IsolationLevel) (sql.IsolationLevel, error) {
	const given = sql.LevelSerializable
	return levelOf(map[sql.IsolationLevel]sql.IsolationLevel{
		sql.LevelDefault: given, sql.LevelReadUncommitted: given, sql.LevelReadCommitted: given,
		sql.LevelRepeatableRead: given, sql.LevelSnapshot: given, sql.LevelSerializable: given,
	}, asked)
}

// begin takes the write lock from the start, so that what the transaction reads stays true.
func (sqlite) begin(sql.IsolationLevel) []string { return beginSQLite }

var beginSQLite = []string{"BEGIN IMMEDIATE"}

// over: outside of a transaction ROLLBACK is an error.
func (sqlite) over(ctx context.Context, t *transaction, _ error) bool {
	return t.statement(ctx, "ROLLBACK") == nil
}

func (sqlite) traits() traits {
	return traits{
		oneWriter: true, local: true, commit: "COMMIT", file: "TEXT", uuid: "TEXT", // whose affinity would be numeric
		now:   "(strftime('%Y-%m-%d %H:%M:%S+00:00', 'now'))", // as bun spells it: times are compared as texts
		exact: "TEXT", syntax: sqliteSyntax,
	}
}
