package session_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// leaf is a row that goes with its parent.
type leaf struct {
	bun.BaseModel `bun:"table:leaves"`
	ID            int64                  `bun:"id,pk"`
	Parent        int64                  `bun:"parent"`
	Slug          string                 `bun:"slug"`
	File          *fileobject.FileObject `bun:"file" file:"uploads"`
}

// newLeaves is a world with a table of leaves as the test defines it, with triggers and two leaves.
func newLeaves(t *testing.T, on string, ddl ...string) *world {
	t.Helper()
	w := newOn(t, on, session.Options{})
	for _, statement := range ddl {
		w.exec(statement)
	}
	must(t, w.Register((*leaf)(nil)))
	must(t, w.InstallTriggers(w.ctx, (*leaf)(nil)))
	w.insert(&leaf{ID: 1, Parent: 1, Slug: "One", File: text("1")}, &leaf{ID: 2, Parent: 2, Slug: "two", File: text("2")})
	return w
}

func (w *world) wantDoomed(n int, when string) {
	w.t.Helper()
	if doomed := w.doomed(); len(doomed) != n {
		w.t.Errorf("%s: %d orders, want %d", when, len(doomed), n)
	}
}

// A foreign key removes rows without a statement of anybody's. Where that fires triggers it is an order like any other;
// where it does not, the check says so before somebody counts on it.
func TestTriggersAndCascades(t *testing.T) {
	for _, on := range []string{"sqlite", "postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			file := map[string]string{"sqlite": "TEXT", "postgresql": "JSONB", "mariadb": "JSON"}[on]
			w := newLeaves(t, on, "CREATE TABLE trees (id BIGINT PRIMARY KEY)", "INSERT INTO trees VALUES (1), (2)",
				"CREATE TABLE leaves (id BIGINT PRIMARY KEY, parent BIGINT, slug VARCHAR(20), file "+file+
					", CONSTRAINT of_tree FOREIGN KEY (parent) REFERENCES trees (id) ON DELETE CASCADE)")
			w.exec("DELETE FROM trees WHERE id = 1")
			if on != "mariadb" {
				w.wantDoomed(1, "cascade")
				if problems := w.problems((*leaf)(nil)); len(problems) > 0 {
					t.Errorf("the check finds %q", problems)
				}
				return
			}
			w.wantDoomed(0, "cascade")
			drift, err := w.CheckTriggers(w.ctx, (*leaf)(nil))
			must(t, err)
			if len(drift) != 1 || drift[0].Problem != session.TriggerGap ||
				!strings.Contains(drift[0].String(), "of_tree removes rows when those of trees go") {
				t.Errorf("the check finds %v", drift)
			}
		})
	}
}

// REPLACE of SQLite removes every row that stands in its way, by whatever unique key it does, as the key compares; and
// says to no trigger that it did. What a partial index removes is the one thing left to the pragma, and the check says so.
func TestTriggersOfSQLiteSeeEveryReplacedRow(t *testing.T) {
	t.Parallel()
	w := newLeaves(t, "sqlite",
		"CREATE TABLE leaves (id INTEGER PRIMARY KEY, parent BIGINT UNIQUE, slug TEXT COLLATE BINARY, file TEXT)",
		"CREATE UNIQUE INDEX slugs ON leaves (slug COLLATE NOCASE)")
	w.exec("INSERT OR IGNORE INTO leaves (id, parent, slug) VALUES (1, 7, 'x'), (8, 2, 'y'), (9, 9, 'ONE')")
	w.exec("INSERT INTO leaves (id, parent, slug) VALUES (1, 7, 'x') ON CONFLICT DO UPDATE SET parent = 3")
	w.exec("UPDATE leaves SET file = file, parent = parent")
	w.wantDoomed(0, "nothing was replaced")
	w.exec("INSERT OR REPLACE INTO leaves (id, parent, slug) VALUES (8, 2, 'ONE')") // in the way of both
	w.wantDoomed(2, "two rows were replaced by one")
	w.exec("DELETE FROM dossier_journal")
	w.insert(&leaf{ID: 20, Parent: 20, Slug: "a", File: text("a")}, &leaf{ID: 21, Parent: 21, Slug: "b", File: text("b")})
	w.exec("UPDATE OR REPLACE leaves SET slug = 'B' WHERE id = 20")
	w.wantDoomed(1, "a row was replaced by an update")
	w.exec("CREATE UNIQUE INDEX some ON leaves (parent) WHERE parent > 100")
	if problems := w.problems((*leaf)(nil)); !slices.Equal(problems, []string{"gap"}) {
		t.Errorf("the check finds %q", problems)
	}
}

// Partitions: rows move between them, statements name the table or one of them, and new ones come.
func TestTriggersOnPartitions(t *testing.T) {
	t.Run("postgresql", func(t *testing.T) {
		t.Parallel()
		w := newLeaves(t, "postgresql",
			"CREATE TABLE leaves (id BIGINT, parent BIGINT, slug TEXT, file JSONB, PRIMARY KEY (id, parent)) PARTITION BY LIST (parent)",
			"CREATE TABLE leaves1 PARTITION OF leaves FOR VALUES IN (1)", "CREATE TABLE leaves2 PARTITION OF leaves FOR VALUES IN (2, 3)")
		w.exec("UPDATE leaves SET parent = 3 - parent")
		w.wantDoomed(0, "rows moved")
		w.exec("UPDATE leaves SET parent = 3 WHERE parent = 1")
		w.wantDoomed(0, "a row moved")
		w.exec("CREATE TABLE leaves4 PARTITION OF leaves FOR VALUES IN (4)")
		if problems := w.problems((*leaf)(nil)); !slices.Equal(problems, []string{"missing"}) {
			t.Errorf("a new partition: the check finds %q", problems)
		}
		w.exec("UPDATE leaves SET parent = 4 WHERE parent = 3")
		w.wantDoomed(0, "a row moved to a new partition")
		must(t, w.InstallTriggers(w.ctx, (*leaf)(nil)))
		w.exec("DELETE FROM leaves4")
		w.wantDoomed(1, "a row of a partition was deleted")
		w.exec("TRUNCATE leaves")
		w.wantDoomed(2, "all were truncated")
		must(t, w.DropTriggers(w.ctx, (*leaf)(nil)))
		if left := w.triggerNames(); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		w := newLeaves(t, "mariadb",
			"CREATE TABLE leaves (id BIGINT, parent BIGINT, slug VARCHAR(9), file JSON, PRIMARY KEY (id, parent)) "+
				"PARTITION BY HASH (parent) PARTITIONS 3")
		w.exec("UPDATE leaves SET parent = parent + 1")
		w.wantDoomed(0, "rows moved")
		w.exec("DELETE FROM leaves WHERE id = 1")
		w.wantDoomed(1, "a row was deleted")
	})
}

// A transaction that sees an old state of the table would truncate rows whose files it does not know.
func TestTriggersRefuseToTruncateWhatIsNotSeen(t *testing.T) {
	t.Parallel()
	w := newServerWorld(t, "postgresql", session.Options{})
	w.withTriggers()
	tx, err := w.plain.Conn(w.ctx)
	must(t, err)
	defer tx.Close()
	_, err = tx.ExecContext(w.ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	must(t, err)
	if _, err = tx.ExecContext(w.ctx, "TRUNCATE papers"); err == nil || !strings.Contains(err.Error(), "READ COMMITTED") {
		t.Errorf("TRUNCATE at REPEATABLE READ: error %v", err)
	}
	_, err = tx.ExecContext(w.ctx, "ROLLBACK")
	must(t, err)
}

// Whoever may delete a row need not be allowed to write into the journal; and nobody may make orders by hanging the function
// on a table of their own.
func TestTriggersOfPostgreSQLNeedNoRightsOnTheJournal(t *testing.T) {
	t.Parallel()
	w := newServerWorld(t, "postgresql", session.Options{})
	w.withTriggers()
	schema := w.texts("SELECT current_schema()")[0]
	role := "clerk_of_" + schema
	w.exec("CREATE ROLE " + role)
	w.exec("GRANT USAGE, CREATE ON SCHEMA " + schema + " TO " + role)
	w.exec("GRANT SELECT, DELETE ON papers TO " + role)
	function := w.texts("SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace")[0]
	conn, err := w.plain.Conn(w.ctx)
	must(t, err)
	defer conn.Close()
	for _, statement := range []string{"SET ROLE " + role, "DELETE FROM papers WHERE title = 'a'",
		"CREATE TABLE mine (file jsonb, pages jsonb, cover jsonb)"} {
		_, err = conn.ExecContext(w.ctx, statement)
		must(t, err)
	}
	_, err = conn.ExecContext(w.ctx,
		"CREATE TRIGGER t AFTER INSERT ON mine REFERENCING NEW TABLE AS dossier_new EXECUTE FUNCTION \""+function+"\"()")
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("the function on a table of the clerk's own: error %v", err)
	}
	for _, statement := range []string{"RESET ROLE", "DROP OWNED BY " + role, "DROP ROLE " + role} {
		_, err = conn.ExecContext(w.ctx, statement)
		must(t, err)
	}
	w.wantDoomed(4, "deleted by the clerk")
}
