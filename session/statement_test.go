package session_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	_ "modernc.org/sqlite"
)

// control is SQL that would end or nest the session's transaction behind its back, in every disguise that SQLite takes.
var control = []string{
	"COMMIT", "commit", " \t\r\n\fCommit;", ";;COMMIT", "COMMIT TRANSACTION", "END", "END TRANSACTION", "ROLLBACK", "BEGIN",
	"BEGIN IMMEDIATE",
	"SAVEPOINT x", "RELEASE x", "ROLLBACK TO x", "ATTACH 'x' AS y", "DETACH y", "START TRANSACTION",
	"SELECT 1; COMMIT", "SELECT 1;COMMIT", "SELECT 1;;\n COMMIT", "SELECT ';'; COMMIT", "SELECT 'it''s'; COMMIT",
	`SELECT "a;b"; COMMIT`,
	"SELECT `a``b`; COMMIT", "SELECT 1 AS [a;b]; COMMIT", "SELECT x'00'; COMMIT",
	"-- a comment\nCOMMIT", "/* a */ COMMIT", "/**/COMMIT", "/*/ still */COMMIT", "/* ' */ COMMIT", "-- '\nCOMMIT",
	"SELECT 1 -- ;\n; COMMIT",
	"SELECT 1 /* ; */; /* ; */ COMMIT", "SELECT '--'; COMMIT", "SELECT '/*'; COMMIT", "SELECT 1--\r;\n;COMMIT",
	"\ufeffCOMMIT", "SELECT 1;\ufeffCOMMIT", "\ufeff \ufeffCOMMIT",
	"CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END; COMMIT",
	"CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN 2 END; END; COMMIT",
	"CREATE TEMP TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END; END",
	"CREATE TABLE trigger (begin INTEGER); COMMIT", "CREATE TABLE trigger (begin INTEGER); END",
	"CREATE TABLE trigger (begin INTEGER); CREATE TABLE u (a); END",
	"SELECT $a('); COMMIT; --')", "SELECT @a(\"); COMMIT; --\")", "SELECT :a(--); COMMIT", "SELECT #a::b(/*); COMMIT",
}

// harmless is SQL that only looks like it.
var harmless = []string{
	"", ";", "SELECT 'COMMIT'", "SELECT '; COMMIT'", "SELECT 1 -- ; COMMIT", "SELECT 1 /* ; COMMIT; */", `SELECT "; COMMIT" FROM t`,
	"SELECT commit_date FROM t", "SELECT * FROM t WHERE a = 'it''s; COMMIT'", "INSERT INTO t (a) VALUES ('BEGIN'); SELECT 1",
	"SELECT CASE WHEN a THEN 1 END FROM t", "UPDATE t SET a = 1 WHERE begin = 2", "SELECT [; COMMIT] FROM t",
	"CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END",
	"CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; DELETE FROM u; END;",
	"CREATE TRIGGER IF NOT EXISTS a AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 ELSE 3 END; SELECT 1; END; SELECT 2",
	"create temporary trigger a after insert on t begin select 1; end",
	"/* c */ CREATE TRIGGER a AFTER INSERT ON t WHEN NEW.a = ';' BEGIN SELECT '; END; COMMIT'; END",
	"SELECT 1 WHERE a = $a(1) AND b = :b",
}

// Transaction control that the session does not know of would commit rows without their orders.
func TestTransactionControlIsFound(t *testing.T) {
	t.Parallel()
	for _, query := range control {
		if err := session.CheckStatement(query); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%q: %v", query, err)
		}
	}
	for _, query := range harmless {
		if err := session.CheckStatement(query); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// The judge of what SQLite takes for transaction control is SQLite: what is let through must not end a transaction.
func FuzzStatement(f *testing.F) {
	for _, query := range append(append([]string{}, control...), harmless...) {
		f.Add(query)
	}
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		f.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	f.Cleanup(func() { _ = db.Close() })
	f.Fuzz(func(t *testing.T, query string) {
		if session.CheckStatement("COMMIT "+query) == nil || session.CheckStatement("SELECT 1; COMMIT; "+query) == nil {
			t.Errorf("COMMIT before %q is let through", query)
		}
		if session.CheckStatement(query) != nil || strings.Contains(strings.ToUpper(query), "VACUUM") {
			return
		}
		if endsTransaction(t, db, query) {
			t.Errorf("%q is let through and ends the transaction", query)
		}
	})
}

// endsTransaction runs a query in a transaction of SQLite's and reports whether it is over afterwards.
func endsTransaction(t *testing.T, db *sql.DB, query string) bool {
	t.Helper()
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.ExecContext(ctx, "CREATE TABLE t (a); CREATE TABLE u (a)")
	_, _ = conn.ExecContext(ctx, query)
	_, err = conn.ExecContext(ctx, "ROLLBACK")
	return err != nil
}
