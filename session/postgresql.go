package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/uptrace/bun"
)

type postgresql struct{}

// oldestPostgreSQL has SKIP LOCKED and ON CONFLICT.
const oldestPostgreSQL = 90500

// commitPostgreSQL fails in a transaction that an error has ended, which the session need not have seen: in rows that the
// caller did not read to their end. COMMIT alone would roll back and report success.
const commitPostgreSQL = "(SELECT 1); COMMIT"

func (postgresql) examine(ctx context.Context, m *Manager) error {
	if err := m.notAlone(); err != nil {
		return err
	}
	for _, pool := range m.pools() {
		if err := examinePostgreSQL(ctx, pool); err != nil {
			return err
		}
	}
	return nil
}

func examinePostgreSQL(ctx context.Context, pool *bun.DB) error {
	var version int
	var standard string
	err := pool.DB.QueryRowContext(ctx, "SELECT CAST(current_setting('server_version_num') AS INTEGER), "+
		"current_setting('standard_conforming_strings')").Scan(&version, &standard)
	switch {
	case err != nil:
		return fmt.Errorf("ask for the version: %w", err)
	case version < oldestPostgreSQL:
		return fmt.Errorf("%w: PostgreSQL %d; 9.5 has what the journal needs", errors.ErrUnsupported, version)
	case standard != "on":
		return fmt.Errorf("%w: standard_conforming_strings is %s, with which backslashes in strings are not what bun takes them for",
			dossier.ErrInvalid, standard)
	}
	if _, err := pool.DB.ExecContext(ctx, "(SELECT 1); (SELECT 1)"); err != nil {
		return fmt.Errorf("%w: the driver takes no two statements at once, which the end of a transaction needs: %w", errors.ErrUnsupported, err)
	}
	return nil
}

// examineReplica: without strings as bun writes them a read could be another statement.
func (postgresql) examineReplica(ctx context.Context, _ *Manager, pool *bun.DB) error {
	return examinePostgreSQL(ctx, pool)
}

func (postgresql) missing(_ context.Context, _ *bun.DB, _ string, err error) bool {
	return slices.Contains([]string{"42P01", "3F000"}, journal.SQLState(err))
}

func (postgresql) level(asked sql.IsolationLevel) (sql.IsolationLevel, error) {
	return levelOf(map[sql.IsolationLevel]sql.IsolationLevel{
		sql.LevelDefault: sql.LevelReadCommitted, sql.LevelReadUncommitted: sql.LevelReadCommitted,
		sql.LevelReadCommitted: sql.LevelReadCommitted, sql.LevelRepeatableRead: sql.LevelRepeatableRead,
		sql.LevelSnapshot: sql.LevelRepeatableRead, sql.LevelSerializable: sql.LevelSerializable,
	}, asked)
}

func (postgresql) begin(level sql.IsolationLevel) []string {
	return beginPostgreSQL[level]
}

var beginPostgreSQL = map[sql.IsolationLevel][]string{
	sql.LevelReadCommitted:  {"BEGIN ISOLATION LEVEL READ COMMITTED"},
	sql.LevelRepeatableRead: {"BEGIN ISOLATION LEVEL REPEATABLE READ"},
	sql.LevelSerializable:   {"BEGIN ISOLATION LEVEL SERIALIZABLE"},
}

// levelText is the level in SQL.
func levelText(level sql.IsolationLevel) string {
	switch level {
	case sql.LevelRepeatableRead:
		return "REPEATABLE READ"
	case sql.LevelSerializable:
		return "SERIALIZABLE"
	default:
		return "READ COMMITTED"
	}
}

// over: ROLLBACK says nothing, because it succeeds outside of a transaction too.
func (postgresql) over(ctx context.Context, t *transaction, err error) bool {
	return (refusedCommit(journal.SQLState(err)) || t.probeOpen(ctx)) && t.statement(ctx, "ROLLBACK") == nil
}

// refusedCommit reports whether a code is of an error that a COMMIT reports when it has rolled back: what deferred
// constraints and their triggers say, and what is found about other transactions. A server that is shut down, out of
// resources or gone is not among them.
func refusedCommit(state string) bool {
	if state == "40003" { // completion unknown
		return false
	}
	return len(state) == 5 && slices.Contains([]string{"22", "23", "25", "27", "40", "42", "44", "54", "55", "P0"}, state[:2])
}

// traits: file columns are jsonb, which can be compared, indexed and asked, keeps unknown keys and is what the Python
// library makes; json keeps the order of keys and white space too, which nobody needs, and has no equality.
func (postgresql) traits() traits {
	return traits{
		lock: "UPDATE", commit: commitPostgreSQL, file: "JSONB", uuid: "UUID", exact: "VARCHAR(?)", syntax: postgresqlSyntax,
	}
}
