package session

import (
	"context"
	"database/sql"
)

// sqlite has one writer; intents of uploads inside its transaction go to a side file.
type sqlite struct{}

func (sqlite) examine(ctx context.Context, m *Manager) error { return m.examineFile(ctx) }

// level: every transaction that holds the write lock from its beginning is serializable.
func (sqlite) level(asked sql.IsolationLevel) (sql.IsolationLevel, error) {
	const given = sql.LevelSerializable
	return levelOf(map[sql.IsolationLevel]sql.IsolationLevel{
		sql.LevelDefault: given, sql.LevelReadUncommitted: given, sql.LevelReadCommitted: given,
		sql.LevelRepeatableRead: given, sql.LevelSnapshot: given, sql.LevelSerializable: given,
	}, asked)
}

// begin takes the write lock from the start, so that what the transaction reads stays true.
func (sqlite) begin(sql.IsolationLevel) []string { return []string{"BEGIN IMMEDIATE"} }

// over: outside of a transaction ROLLBACK is an error.
func (sqlite) over(ctx context.Context, t *transaction, _ error) bool {
	return t.statement(ctx, "ROLLBACK") == nil
}

func (sqlite) traits() traits {
	return traits{oneWriter: true, commit: "COMMIT", file: "TEXT", uuid: "TEXT", syntax: sqliteSyntax} // its affinity for "uuid" is numeric
}
