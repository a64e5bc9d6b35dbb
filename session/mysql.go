package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/uptrace/bun"
)

// mysql is MySQL and MariaDB.
type mysql struct {
	usual string // level of the pool's connections, as in "READ-COMMITTED"
}

func (e *mysql) examine(ctx context.Context, m *Manager) error {
	if err := m.notAlone(); err != nil {
		return err
	}
	for i, pool := range m.pools() {
		usual, err := examineMySQL(ctx, pool)
		if err != nil {
			return err
		}
		if i == 0 {
			e.usual = usual
		}
	}
	return nil
}

// examineMySQL looks at a connection as the pool makes them, and returns its level.
func examineMySQL(ctx context.Context, pool *bun.DB) (level string, err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var version, mode, engine string
	var autocommit bool
	err = conn.Conn.QueryRowContext(ctx, "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@autocommit").
		Scan(&version, &mode, &engine, &autocommit)
	if err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	if err := checkMySQL(version, mode, engine, autocommit); err != nil {
		return "", err
	}
	variable := "@@transaction_isolation"
	if strings.Contains(version, "MariaDB") {
		variable = "@@tx_isolation"
	}
	if err := conn.Conn.QueryRowContext(ctx, "SELECT "+variable).Scan(&level); err != nil {
		return "", fmt.Errorf("ask for the isolation level: %w", err)
	}
	return level, errors.Join(checkStatements(ctx, conn), checkTimes(ctx, conn), checkFoundRows(ctx, conn))
}

// checkMySQL refuses servers and settings with which rows and files would not stay true to each other.
func checkMySQL(version, mode, engine string, autocommit bool) error {
	oldest, have := [2]int{8, 0}, [2]int{}
	if strings.Contains(version, "MariaDB") {
		oldest = [2]int{10, 6}
	}
	_, _ = fmt.Sscanf(version, "%d.%d", &have[0], &have[1]) // what is no version is too old
	modes := strings.Split(mode, ",")
	has := func(name string) bool { return slices.Contains(modes, name) }
	switch {
	case slices.Compare(have[:], oldest[:]) < 0:
		return fmt.Errorf("%w: version %s; MySQL 8.0 and MariaDB 10.6 have SKIP LOCKED", errors.ErrUnsupported, version)
	case !has("STRICT_TRANS_TABLES") && !has("STRICT_ALL_TABLES"):
		return fmt.Errorf("%w: sql_mode %q is not strict: values that are too long would be cut without an error", dossier.ErrInvalid, mode)
	case has("NO_BACKSLASH_ESCAPES"):
		return fmt.Errorf("%w: sql_mode NO_BACKSLASH_ESCAPES: bun escapes with backslashes", dossier.ErrInvalid)
	case has("EMPTY_STRING_IS_NULL"):
		return fmt.Errorf("%w: sql_mode EMPTY_STRING_IS_NULL: the journal has empty strings", dossier.ErrInvalid)
	case !strings.EqualFold(engine, "InnoDB"):
		return fmt.Errorf("%w: new tables are made by %s, which has no transactions", dossier.ErrInvalid, engine)
	case !autocommit:
		return fmt.Errorf("%w: autocommit is off: the journal's statements would not be committed", dossier.ErrInvalid)
	}
	return nil
}

// checkStatements refuses connections that take several statements at once.
func checkStatements(ctx context.Context, conn bun.Conn) error {
	if _, err := conn.Conn.ExecContext(ctx, "DO 0; DO 0"); err == nil {
		return fmt.Errorf("%w: the connections take several statements at once, of which one may end the transaction unseen; "+
			"leave multiStatements out of the DSN", dossier.ErrInvalid)
	}
	return ctx.Err()
}

// checkTimes refuses connections that would give back another time than they were given.
func checkTimes(ctx context.Context, conn bun.Conn) error {
	given := time.Date(2000, 2, 29, 12, 0, 0, 123456000, time.UTC)
	var back time.Time
	if err := conn.NewRaw("SELECT TIMESTAMP(?)", given).Scan(ctx, &back); err != nil {
		return fmt.Errorf("%w: times cannot be read (%w); put parseTime=true into the DSN", dossier.ErrInvalid, err)
	}
	if !back.Equal(given) {
		return fmt.Errorf("%w: the time %v comes back as %v; put parseTime=true&loc=UTC into the DSN, and give mysqldialect no other location",
			dossier.ErrInvalid, given, back)
	}
	return nil
}

// checkFoundRows refuses connections that count the rows that an UPDATE changed and not those that it found: a row that is
// there and stays as it is would look like one that is gone.
func checkFoundRows(ctx context.Context, conn bun.Conn) (err error) {
	const table = "dossier_found_rows"
	if _, err := conn.Conn.ExecContext(ctx, "CREATE TEMPORARY TABLE "+table+" AS SELECT 1 AS n"); err != nil {
		return fmt.Errorf("see how rows are counted: %w", err)
	}
	defer func() {
		_, problem := conn.Conn.ExecContext(ctx, "DROP TEMPORARY TABLE "+table)
		err = errors.Join(err, problem)
	}()
	result, err := conn.Conn.ExecContext(ctx, "UPDATE "+table+" SET n = n")
	if err != nil {
		return fmt.Errorf("see how rows are counted: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("%w: the connections count changed rows and not found ones; put clientFoundRows=true into the DSN", dossier.ErrInvalid)
	}
	return nil
}

// examineReplica looks at what reads depend on: a replica may be unable to make a temporary table, and has other settings.
func (*mysql) examineReplica(ctx context.Context, _ *Manager, pool *bun.DB) (err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var mode string
	if err := conn.Conn.QueryRowContext(ctx, "SELECT @@sql_mode").Scan(&mode); err != nil {
		return fmt.Errorf("ask for sql_mode: %w", err)
	}
	if slices.Contains(strings.Split(mode, ","), "NO_BACKSLASH_ESCAPES") {
		return fmt.Errorf("%w: sql_mode NO_BACKSLASH_ESCAPES: bun escapes with backslashes", dossier.ErrInvalid)
	}
	return checkTimes(ctx, conn)
}

func (*mysql) missing(_ context.Context, _ *bun.DB, _ string, err error) bool {
	return journal.MySQLNumber(err) == 1146
}

func (*mysql) level(asked sql.IsolationLevel) (sql.IsolationLevel, error) {
	return levelOf(map[sql.IsolationLevel]sql.IsolationLevel{
		sql.LevelDefault: sql.LevelReadCommitted, sql.LevelReadUncommitted: sql.LevelReadCommitted,
		sql.LevelReadCommitted: sql.LevelReadCommitted, sql.LevelRepeatableRead: sql.LevelRepeatableRead,
		sql.LevelSerializable: sql.LevelSerializable,
	}, asked)
}

// begin names the level in a statement of its own unless the connections have it anyway.
func (e *mysql) begin(level sql.IsolationLevel) []string {
	text := levelText(level)
	if strings.ReplaceAll(text, " ", "-") == e.usual {
		return []string{"START TRANSACTION"}
	}
	return []string{"SET TRANSACTION ISOLATION LEVEL " + text, "START TRANSACTION"}
}

// over: ROLLBACK says nothing, because it succeeds outside of a transaction too. Deadlocks and time-outs of a COMMIT, as
// those of a cluster, are rollbacks.
func (*mysql) over(ctx context.Context, t *transaction, err error) bool {
	refused := slices.Contains([]int{1205, 1213, 3101}, journal.MySQLNumber(err))
	return (refused || t.probeOpen(ctx)) && t.statement(ctx, "ROLLBACK") == nil
}

// traits: MySQL keeps JSON as it likes, MariaDB as text that is checked. Its times have no zone and whole seconds unless
// asked for more.
func (*mysql) traits() traits {
	return traits{
		lock: "UPDATE", seesOthers: true, keepsLocks: true, goesOn: true, commit: "COMMIT",
		file: "JSON", uuid: "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin", time: "DATETIME(6)",
		exact: "VARCHAR(?) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", syntax: mysqlSyntax,
	}
}
