package session_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/google/uuid"
)

// withTriggers installs triggers and writes two papers with four files each: "a" and "b".
func (w *world) withTriggers() (a, b *paper) {
	w.t.Helper()
	must(w.t, w.InstallTriggers(w.ctx))
	a, b = fullPaper("a"), fullPaper("b")
	w.insert(a, b)
	return a, b
}

// triggerWorlds runs a test on each database once: the store has no part in what triggers do.
func triggerWorlds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, newMemoryWorld(t, session.Options{}))
	})
	for _, name := range []string{"postgresql", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newServerWorld(t, name, session.Options{}))
		})
	}
}

func fullPaper(title string) *paper {
	return &paper{
		Title: title, File: text(title + "1"), Pages: fileobject.List{text(title + "2"), text(title + "3")}, Cover: *text(title +
			"4"),
	}
}

// held is the set of keys that rows hold.
func (w *world) held() []string {
	w.t.Helper()
	var keys []string
	for _, ref := range w.references() {
		keys = append(keys, ref.Key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// doomed are the keys whose delete is ordered, one for each order.
func (w *world) doomed() []string {
	w.t.Helper()
	keys := w.texts("SELECT object_key FROM dossier_journal WHERE state = 'doomed'")
	slices.Sort(keys)
	return keys
}

// wantOrders wants one order for each key that is in no row any more, and none for any other.
func (w *world) wantOrders(before []string) {
	w.t.Helper()
	after := w.held()
	gone := slices.DeleteFunc(slices.Clone(before), func(key string) bool { return slices.Contains(after, key) })
	if doomed := w.doomed(); !slices.Equal(doomed, gone) {
		w.t.Errorf("the deletes of %d objects are ordered, %d left their rows:\nordered %q\nleft    %q", len(doomed), len(gone), doomed,
			gone)
	}
}

// wayOut is one way in which files leave rows without a session.
type wayOut struct {
	name string
	on   string // databases; "" is all
	sql  []string
	lost int
}

// record is JSON of a file that no session made.
func record(key string) string {
	return fmt.Sprintf(`'{"filename":"x","to_filename":"%s","size":1,"backend":"uploads"}'`, key)
}

// take is an UPDATE of row b that takes what row a has in a column; the sub-select is a table of its own, as MySQL wants it.
func take(column, from string) string {
	return "UPDATE papers SET " + column + " = (SELECT x." + from +
		" FROM (SELECT * FROM papers WHERE title = 'a') x) WHERE title = 'b'"
}

func waysOut() []wayOut {
	return []wayOut{
		{name: "delete of a row", sql: []string{"DELETE FROM papers WHERE title = 'a'"}, lost: 4},
		{name: "delete of all rows", sql: []string{"DELETE FROM papers"}, lost: 8},
		{name: "a column is cleared", sql: []string{"UPDATE papers SET file = NULL WHERE title = 'a'"}, lost: 1},
		{name: "a column is cleared everywhere", sql: []string{"UPDATE papers SET pages = NULL"}, lost: 4},
		{name: "JSON null", sql: []string{"UPDATE papers SET cover = 'null' WHERE title = 'a'"}, lost: 1},
		{name: "an empty list", sql: []string{"UPDATE papers SET pages = '[]'"}, lost: 4},
		{name: "another file", sql: []string{"UPDATE papers SET file = " + record("k''é&\U0001F600") + " WHERE title = 'a'"},
			lost: 1},
		{name: "another file and out again", lost: 5, sql: []string{
			"UPDATE papers SET file = " + record("of nobody") + " WHERE title = 'a'", "DELETE FROM papers WHERE title = 'a'",
		}},
		{name: "an element of a list", on: "sqlite",
			sql: []string{"UPDATE papers SET pages = json_remove(pages, '$[0]') WHERE title = 'a'"}, lost: 1},
		{name: "an element of a list", on: "mariadb",
			sql: []string{"UPDATE papers SET pages = JSON_REMOVE(pages, '$[0]') WHERE title = 'a'"}, lost: 1},
		{name: "an element of a list", on: "postgresql", sql: []string{"UPDATE papers SET pages = pages - 0 WHERE title = 'a'"},
			lost: 1},
		{name: "another column", sql: []string{"UPDATE papers SET title = 'c', body = 'text' WHERE title = 'a'"}},
		{name: "the same value", sql: []string{"UPDATE papers SET file = file, pages = pages"}},
		{name: "what the record says", on: "sqlite mariadb",
			sql: []string{"UPDATE papers SET file = json_set(file, '$.filename', 'b.txt')"}},
		{name: "what the record says", on: "postgresql", sql: []string{`UPDATE papers SET file = file || '{"filename": "b.txt"}'`}},
		{name: "a column takes another's file", sql: []string{"UPDATE papers SET file = cover, cover = NULL WHERE title = 'a'"},
			lost: 1},
		{name: "rolled back", sql: []string{"DELETE FROM papers", "ROLLBACK", "BEGIN"}},
		{name: "a savepoint rolled back", sql: []string{"SAVEPOINT s", "DELETE FROM papers", "ROLLBACK TO SAVEPOINT s"}},
		{name: "out and back", sql: []string{
			"CREATE TEMPORARY TABLE kept AS SELECT * FROM papers", "DELETE FROM papers", "INSERT INTO papers SELECT * FROM kept",
			"DROP TABLE kept",
		}, on: "sqlite postgresql"},
		{name: "moved to another row", on: "sqlite postgresql", lost: 1, sql: []string{
			"CREATE TEMPORARY TABLE kept AS SELECT * FROM papers", "UPDATE papers SET file = NULL WHERE title = 'a'",
			"UPDATE papers SET file = (SELECT file FROM kept WHERE title = 'a') WHERE title = 'b'", "DROP TABLE kept",
		}},
		{name: "upsert", on: "sqlite postgresql", lost: 2, sql: []string{
			"INSERT INTO papers (id, created_at, updated_at, title) SELECT id, created_at, updated_at, title FROM papers WHERE true " +
				"ON CONFLICT (id) DO UPDATE SET file = NULL",
		}},
		{name: "upsert that does nothing", on: "sqlite postgresql", sql: []string{
			"INSERT INTO papers (id, created_at, updated_at, title) SELECT id, created_at, updated_at, title FROM papers WHERE " +
				"true ON CONFLICT DO NOTHING",
			"UPDATE papers SET body = 'x'",
		}},
		{name: "upsert", on: "mariadb", lost: 2, sql: []string{
			"INSERT INTO papers (id, created_at, updated_at, title, body) SELECT id, created_at, updated_at, title, body FROM papers " +
				"ON DUPLICATE KEY UPDATE file = NULL",
		}},
		{name: "replace", on: "sqlite mariadb", lost: 6, sql: []string{
			"REPLACE INTO papers (id, created_at, updated_at, title, body, file) SELECT id, created_at, updated_at, title, " +
				"'new', file FROM papers",
		}},
		{name: "replace of nothing", on: "sqlite mariadb", sql: []string{
			"REPLACE INTO papers (id, created_at, updated_at, title, body) SELECT '', created_at, updated_at, title, 'new' FROM " +
				"papers WHERE title = 'a'",
		}},
		{name: "insert or ignore, then another column", on: "sqlite", sql: []string{
			"INSERT OR IGNORE INTO papers (id, created_at, updated_at, title) SELECT id, created_at, updated_at, title FROM papers",
			"UPDATE papers SET body = 'x', file = file", "UPDATE OR REPLACE papers SET id = id",
		}},
		{name: "update or replace", on: "sqlite", lost: 4, sql: []string{
			"UPDATE OR REPLACE papers SET id = (SELECT id FROM papers WHERE title = 'b') WHERE title = 'a'",
		}},
		{name: "rows exchange their files in one statement", on: "postgresql", sql: []string{
			"UPDATE papers p SET file = o.file, pages = o.pages FROM papers o WHERE o.title <> p.title",
		}},
		{name: "truncate", on: "postgresql", sql: []string{"TRUNCATE papers"}, lost: 8},
		{name: "a common table expression moves rows", on: "postgresql", sql: []string{
			"WITH gone AS (DELETE FROM papers WHERE title = 'a' RETURNING *) INSERT INTO papers SELECT gen_random_uuid(), " +
				"created_at, updated_at, 'c', " +
				"body, file, NULL, cover FROM gone",
		}, lost: 2},
		{name: "merge", on: "postgresql", lost: 5, sql: []string{
			"MERGE INTO papers p USING (SELECT * FROM papers) o ON p.id = o.id WHEN MATCHED AND p.title = 'a' THEN DELETE " +
				"WHEN MATCHED THEN UPDATE SET file = NULL",
		}},
	}
}

// However a file leaves the last row that had it, exactly one order is made for it; and none for one that is still in a
// row, or came back before the end of the transaction.
func TestTriggersOrderWhatLeavesARow(t *testing.T) {
	triggerWorlds(t, func(t *testing.T, w *world) {
		w.withTriggers()
		before := w.held()
		start := w.number(w.now())
		for _, way := range waysOut() {
			if way.on != "" && !slices.Contains(strings.Fields(way.on), w.on) {
				continue
			}
			t.Run(way.name, func(t *testing.T) {
				tx, err := w.plain.Conn(w.ctx)
				must(t, err)
				defer tx.Close()
				for _, statement := range slices.Concat([]string{"BEGIN"}, way.sql, []string{"COMMIT"}) {
					if _, err := tx.ExecContext(w.ctx, statement); err != nil {
						_, _ = tx.ExecContext(w.ctx, "ROLLBACK")
						t.Fatalf("%s: %v", statement, err)
					}
				}
				w := *w
				w.t = t
				known := before
				if strings.HasPrefix(way.name, "another file and out") {
					known = append(slices.Clone(before), "of nobody")
					slices.Sort(known)
				}
				w.wantOrders(known)
				if n := len(w.doomed()); n != way.lost {
					t.Errorf("%d orders, want %d", n, way.lost)
				}
				w.wantGoodOrders(start, time.Hour)
			})
			w.exec("DELETE FROM papers")
			w.exec("DELETE FROM dossier_journal")
			w.insert(fullPaper("a"), fullPaper("b"))
			before = w.held()
		}
	})
}

func (w *world) number(expression string) (n float64) {
	w.t.Helper()
	must(w.t, w.plain.QueryRowContext(w.ctx, "SELECT "+expression).Scan(&n))
	return n
}

// wantGoodOrders holds the orders against those of sessions: ids in order of time, times of the database's clock.
func (w *world) wantGoodOrders(start float64, delay time.Duration) {
	w.t.Helper()
	end := w.number(w.now())
	for _, row := range w.texts("SELECT concat(id, ' ', created_at, ' ', due_at - created_at, ' ', backend, ' ', owner) " +
		"FROM dossier_journal") {
		var id, backend, owner string
		var created float64
		var after int64
		_, err := fmt.Sscan(row, &id, &created, &after, &backend, &owner)
		must(w.t, err)
		parsed, err := uuid.Parse(id)
		must(w.t, err)
		at := float64(0)
		for _, b := range parsed[:6] {
			at = at*256 + float64(b)
		}
		if parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 || len(id) != 36 || id != strings.ToLower(id) {
			w.t.Errorf("id %s is no UUIDv7", id)
		}
		for _, ms := range []float64{created, at} {
			if ms < start-2000 || ms > end+2000 {
				w.t.Errorf("%s: a time of %f, not between %f and %f", row, ms, start, end)
			}
		}
		if after != delay.Milliseconds() || backend != "uploads" || owner != "trigger" {
			w.t.Errorf("order %q", row)
		}
	}
}

// A row must not point at an object that a sweep has begun to delete, or that an upload has not finished: raw SQL that
// brings the key of one back fails, and changes nothing.
func TestTriggersRefuseWhatIsOnItsWayOut(t *testing.T) {
	triggerWorlds(t, func(t *testing.T, w *world) {
		a, _ := w.withTriggers()
		key := a.File.Key
		w.exec("UPDATE papers SET file = NULL WHERE title = 'a'")
		for _, claimed := range []string{"attempts = 1", "attempts = 0, state = 'tombstone'", "attempts = 0, state = 'pending'"} {
			w.exec("UPDATE dossier_journal SET " + claimed)
			for _, statement := range []string{
				"UPDATE papers SET file = " + record(key) + " WHERE title = 'a'",
				"UPDATE papers SET pages = " + strings.Replace(strings.Replace(record(key), "{", "[{", 1), "}", "}]", 1),
				"INSERT INTO papers (id, created_at, updated_at, title, body, cover) SELECT '" + uuid.NewString() + "'" + w.cast() +
					", created_at, updated_at, 'c', '', " + record(key) + w.castJSON() + " FROM papers WHERE title = 'a'",
			} {
				_, err := w.plain.ExecContext(w.ctx, statement)
				if err == nil || !strings.Contains(err.Error(), "under way") {
					t.Errorf("%s: %s: error %v", claimed, statement, err)
				}
			}
		}
		w.exec("UPDATE dossier_journal SET attempts = 0, state = 'doomed'")
		w.exec("UPDATE papers SET file = " + record(key) + " WHERE title = 'a'")
		if left := w.doomed(); len(left) > 0 {
			t.Errorf("%q came back and is still to be deleted", left)
		}
	})
}

func (w *world) cast() string {
	if w.on == "postgresql" {
		return "::uuid"
	}
	return ""
}

func (w *world) castJSON() string {
	if w.on == "postgresql" {
		return "::jsonb"
	}
	return ""
}

// What is not ours to delete makes no order and no error: stores that are not registered, records of another library
// that name no key, and values that are no files.
func TestTriggersLeaveAloneWhatTheyDoNotKnow(t *testing.T) {
	triggerWorlds(t, func(t *testing.T, w *world) {
		w.withTriggers()
		w.exec("DELETE FROM papers WHERE title = 'b'")
		w.exec("DELETE FROM dossier_journal")
		values := []string{
			`{"filename":"x","to_filename":"k","backend":"elsewhere"}`, `{"filename":"x","to_filename":"k","backend":"UPLOADS"}`,
			`{"filename":"x","to_filename":"k","backend":"uploads "}`, `{"filename":"x","backend":"uploads"}`,
			`{"filename":"x","to_filename":"k"}`,
			`{"to_filename":null,"backend":"uploads"}`, `{"to_filename":"","backend":"uploads"}`, `{"to_filename":"k","backend":null}`,
			`[]`, `[null, 1, "x", [], {}]`, `null`, `1`, `"text"`, `{}`, `[[{"to_filename":"k","backend":"uploads"}]]`,
		}
		if w.on == "sqlite" {
			values = append(values, "", "{", "not JSON")
		}
		for _, value := range values {
			w.exec("UPDATE papers SET file = NULL, pages = NULL, cover = NULL")
			w.exec("DELETE FROM dossier_journal")
			w.exec("UPDATE papers SET file = ?, pages = ?", value, value)
			w.exec("UPDATE papers SET file = NULL, pages = NULL")
			if doomed := w.doomed(); len(doomed) > 0 {
				t.Errorf("%s: the delete of %q is ordered", value, doomed)
			}
		}
	})
}

// Two references to one object, which only raw SQL can make, are one order when both go; and none while one is in a row
// of the same statement, where the database shows a trigger all of them.
func TestTriggersOrderAnObjectOnce(t *testing.T) {
	triggerWorlds(t, func(t *testing.T, w *world) {
		a, _ := w.withTriggers()
		w.exec("UPDATE papers SET cover = file WHERE title = 'a'")
		w.exec("DELETE FROM dossier_journal")
		w.exec("UPDATE papers SET file = NULL WHERE title = 'a'")
		if doomed := w.doomed(); len(doomed) > 0 {
			t.Errorf("the row still holds %q, whose deletes are ordered", doomed)
		}
		w.exec("UPDATE papers SET file = cover WHERE title = 'a'")
		w.exec("DELETE FROM papers WHERE title = 'a'")
		if doomed := w.doomed(); len(doomed) != 3 || !slices.Contains(doomed, a.File.Key) {
			t.Errorf("the deletes of %q are ordered, want three and %s", doomed, a.File.Key)
		}
	})
}

// Sessions go on as if there were no triggers: one order for each object, under the session's own id, which it needs to
// delete at once and to find out what became of a COMMIT.
func TestTriggersAndSessionsMakeOneOrder(t *testing.T) {
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		a, _ := w.withTriggers()
		before := w.held()
		w.run(func(ctx context.Context, s *session.Session) error {
			c := &paper{Title: "c", Cover: *text("new")}
			if err := s.Stage(ctx, c); err != nil {
				return err
			}
			if _, err := s.DeleteWhere(ctx, (*paper)(nil), "title = ?", "b"); err != nil {
				return err
			}
			c.File, a.File = a.File, nil
			if err := s.Update(ctx, a, "file"); err != nil {
				return err
			}
			return s.Insert(ctx, c)
		})
		w.wantOrders(before)
		if owners := w.texts("SELECT DISTINCT owner FROM dossier_journal"); !slices.Equal(owners, []string{""}) {
			t.Errorf("owners %q: sessions would not know their orders", owners)
		}
		w.settle("a1", "a2", "a3", "a4", "new")
	})
}
