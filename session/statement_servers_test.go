package session_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// controlPostgreSQL would end the session's transaction, or change what the session knows of it, in PostgreSQL's ways to
// quote and to comment.
var controlPostgreSQL = []string{
	"COMMIT", "end", "ABORT", "Rollback", "ROLLBACK TO x", "SAVEPOINT x", "RELEASE x", "BEGIN", "START TRANSACTION",
	"COMMIT AND CHAIN",
	"PREPARE TRANSACTION 'x'", "COMMIT PREPARED 'x'", "ROLLBACK PREPARED 'x'", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
	"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
	"SELECT 1; COMMIT", ";;COMMIT", "/* /* nested */ ' */ COMMIT", "-- '\nCOMMIT", `SELECT 1 AS "a'b"; COMMIT`,
	"SELECT 'it''s'; COMMIT",
	`SELECT 'a\'; COMMIT`, `SELECT E'a\''; COMMIT`, `SELECT E'a''b\''; COMMIT`, "SELECT E'a'\n'\\''; COMMIT", `SELECT e'\\'; COMMIT`,
	"SELECT $$ ' $$; COMMIT", "SELECT $a$ $$ ' $a$; COMMIT", "SELECT $ü$ ' $ü$; COMMIT", "SELECT a$b$c; COMMIT; SELECT a$b$c",
	"SELECT ARRAY[1]; COMMIT", "SELECT U&'a'; COMMIT",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; COMMIT", "SELECT 1 AS atomic; END",
}

var harmlessPostgreSQL = []string{
	"SELECT 'COMMIT'", "SELECT $$; COMMIT$$", "SELECT $a$; COMMIT; $b$ ; COMMIT $a$", "SELECT E'\\'; COMMIT'",
	"SELECT E'a'\n'\\'; COMMIT'",
	"/* /* */ ; COMMIT */ SELECT 1", `SELECT "; COMMIT" FROM t`, "SELECT a[1], b['; COMMIT'] FROM t", "SET LOCAL lock_timeout = 100",
	"PREPARE x AS SELECT 1", "CREATE TABLE x (a int)", "SELECT CASE WHEN a THEN 1 END", "DO $$ BEGIN PERFORM 1; END $$",
	"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END $f$",
	"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 1",
	"INSERT INTO t VALUES ('it''s; COMMIT')", "SELECT nameE'a' FROM t",
}

// controlMySQL would end the transaction, by name or as what MySQL commits before or after a statement.
var controlMySQL = []string{
	"COMMIT", "BEGIN", "begin work", "ROLLBACK", "SAVEPOINT x", "RELEASE SAVEPOINT x", "START TRANSACTION", "XA COMMIT 'x'",
	"/*! COMMIT */", "/*!50000COMMIT*/", "/*M! COMMIT */", "/*M!100500 COMMIT*/", "/* ' */ COMMIT", "# '\nCOMMIT", "-- '\nCOMMIT",
	"--\nCOMMIT",
	`SELECT 'a\'b'; COMMIT`, `SELECT "a\"b"; COMMIT`, "SELECT 'it''s'; COMMIT", `SELECT '\\'; COMMIT`, "SELECT `a'b`; COMMIT",
	"SELECT `a\\`; COMMIT",
	"SELECT 1 --2; COMMIT\n; COMMIT", "SELECT @a, @`a'`; COMMIT",
	"CREATE TABLE x (a INT)", "CREATE OR REPLACE TABLE x (a INT)", "DROP TABLE x", "ALTER TABLE x ADD b INT", "TRUNCATE x",
	"SET autocommit = 1",
	"SET @a = 1, autocommit = 1", "CALL x()", "LOCK TABLES x READ", "UNLOCK TABLES", "PREPARE x FROM 'COMMIT'", "EXECUTE x",
	"EXECUTE IMMEDIATE 'COMMIT'",
	"LOAD DATA INFILE 'x' INTO TABLE y", "FLUSH TABLES", "GRANT ALL ON *.* TO x", "ANALYZE TABLE x", "HANDLER x OPEN", "USE x", "",
}

var harmlessMySQL = []string{
	"SELECT 'COMMIT'", `SELECT 'a\'; COMMIT'`, `SELECT "a\"; COMMIT"`, "SELECT 1 -- ; COMMIT", "SELECT 1 # ; COMMIT",
	"/* ; COMMIT */ SELECT 1",
	"SELECT `; COMMIT`", "(SELECT 1) UNION (SELECT 2)", "INSERT INTO t VALUES (1)", "REPLACE INTO t VALUES (1)",
	"WITH a AS (SELECT 1) SELECT * FROM a",
	"UPDATE t SET a = 1", "DELETE FROM t", "SHOW TABLES", "EXPLAIN SELECT 1", "CREATE TEMPORARY TABLE x (a INT)",
	"DROP TEMPORARY TABLE x",
	"DO RELEASE_LOCK('x')", "SELECT /*! SQL_NO_CACHE */ 1",
}

// Transaction control that the session does not know of would commit rows without their orders, in any disguise that the
// database takes; what only looks like it must not be refused.
func TestTransactionControlOfServersIsFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name              string
		check             func(string) error
		control, harmless []string
	}{
		{"PostgreSQL", session.CheckPostgreSQL, controlPostgreSQL, harmlessPostgreSQL},
		{"MySQL", session.CheckMySQL, controlMySQL, harmlessMySQL},
	} {
		for _, query := range test.control {
			if err := test.check(query); query != "" && !errors.Is(err, dossier.ErrInvalid) {
				t.Errorf("%s: %q: %v", test.name, query, err)
			}
		}
		for _, query := range test.harmless {
			if err := test.check(query); err != nil {
				t.Errorf("%s: %q: %v", test.name, query, err)
			}
		}
	}
}

// The judge of what ends a transaction is the database: whatever is let through leaves the transaction that it ran in.
func TestWhatIsLetThroughEndsNoTransaction(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		check func(string) error
		open  string // fails outside of a transaction
	}{
		"postgresql": {session.CheckPostgreSQL, "SAVEPOINT still_open"},
		"mariadb":    {session.CheckMySQL, "SELECT 1 / (@@in_transaction = 1)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newServerWorld(t, name, session.Options{})
			w.exec("CREATE TABLE t (a INTEGER)")
			for _, list := range [][]string{control, harmless, controlPostgreSQL, harmlessPostgreSQL, controlMySQL, harmlessMySQL,
				transactionControl} {
				for _, query := range list {
					if test.check(query) == nil {
						w.wantOpenAfter(query, test.open)
					}
				}
			}
		})
	}
}

func (w *world) wantOpenAfter(query, open string) {
	w.t.Helper()
	conn, err := w.plain.Conn(context.Background())
	must(w.t, err)
	defer func() { must(w.t, conn.Close()) }()
	exec := func(query string) error { _, err := conn.ExecContext(context.Background(), query); return err }
	must(w.t, exec("START TRANSACTION"))
	must(w.t, exec("INSERT INTO t VALUES (1)"))
	failed := exec(query)
	if w.on == "postgresql" && failed != nil {
		must(w.t, exec("ROLLBACK")) // the transaction can only be rolled back
	} else {
		if w.on == "mariadb" {
			var in sql.NullFloat64
			must(w.t, conn.QueryRowContext(context.Background(), open).Scan(&in))
			if !in.Valid {
				w.t.Errorf("%q ended the transaction", query)
			}
		} else if err := exec(open); err != nil {
			w.t.Errorf("%q ended the transaction: %v", query, err)
		}
		must(w.t, exec("ROLLBACK"))
	}
	if rows := w.texts("SELECT a FROM t"); len(rows) > 0 {
		w.t.Errorf("%q committed", query)
		w.exec("DELETE FROM t")
	}
}
