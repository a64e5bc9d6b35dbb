package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dossier-go/dossier/journal"
)

func (sqlite) triggers() triggerEngine { return sqliteTriggers{} }

// sqliteTriggers run for each row. What REPLACE removes fires no DELETE trigger unless PRAGMA recursive_triggers is on, which
// is every program's own setting. So a BEFORE trigger notes the rows that stand in the way in a table of its own, and the AFTER
// trigger, which runs only when they had to give way, orders their deletes.
//
// The SQL is that of SQLite 3.38, which the shell of an older system has: no unixepoch('subsec'), no messages with keys in
// them. A statement's own OR REPLACE and OR IGNORE hold for what its triggers insert, too: so nothing here conflicts.
type sqliteTriggers struct{}

const (
	sqliteNow = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
	// sqliteID is a UUIDv7. A subquery would be executed once for all rows.
	sqliteID = "printf('%s-%s-7%.3s-%s%.3s-%s', substr(" + sqliteHex + ", 1, 8), substr(" + sqliteHex + ", 9), " +
		"lower(hex(randomblob(2))), " +
		"substr('89ab', 1 + abs(random() % 4), 1), lower(hex(randomblob(2))), lower(hex(randomblob(6))))"
	sqliteHex     = "printf('%012x', " + sqliteNow + ")"
	replacedTable = "dossier_replaced"
	replacedDDL   = "CREATE TABLE IF NOT EXISTS " + replacedTable + " (row_of TEXT NOT NULL, store TEXT, backend TEXT, " +
		"object_key TEXT)"
)

// sqliteKey is columns of which no two rows have the same values.
type sqliteKey []sqliteKeyColumn

type sqliteKeyColumn struct {
	name, collation string
	number          bool // it is the row's number, which is -1 in a BEFORE trigger when the database is to give it
}

func (sqliteTriggers) change(ctx context.Context, m *Manager, work func(conn execer) error) error {
	return m.write(ctx, func(ctx context.Context) error {
		return onConn(ctx, m, func(conn execer) error {
			if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
				return err
			}
			err := work(conn)
			end, cancel := m.detached(ctx)
			defer cancel()
			if err == nil {
				err = dropReplaced(ctx, conn)
			}
			if err == nil {
				_, err = conn.ExecContext(end, "COMMIT")
			}
			if err != nil {
				_, problem := conn.ExecContext(end, "ROLLBACK")
				return errors.Join(err, problem)
			}
			return nil
		})
	})
}

func (sqliteTriggers) read(ctx context.Context, m *Manager, work func(conn execer) error) error {
	return onConn(ctx, m, work)
}

// dropReplaced drops the table of notes when no trigger needs it any more.
func dropReplaced(ctx context.Context, conn execer) error {
	used, err := column[string](ctx, conn, "SELECT name FROM sqlite_master WHERE type = 'trigger' AND instr(sql, ?) > 0 LIMIT 1",
		replacedTable)
	if err != nil || len(used) > 0 {
		return err
	}
	_, err = conn.ExecContext(ctx, "DROP TABLE IF EXISTS "+replacedTable)
	return err
}

func (sqliteTriggers) installed(ctx context.Context, conn execer, t *triggerTable) ([]trigger, error) {
	var all []trigger
	err := each(ctx, conn, func(scan func(dest ...any) error) error {
		found := trigger{table: t.name}
		err := scan(&found.name, &found.text)
		found.drop = []string{"DROP TRIGGER " + t.quote(found.name)}
		all = append(all, found)
		return err
	}, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(?) AND substr(name, 1, ?) = ?",
		t.name, len(triggerPrefix), triggerPrefix)
	return all, err
}

func (e sqliteTriggers) wanted(ctx context.Context, conn execer, t *triggerTable) ([]trigger, error) {
	for _, table := range []string{t.name, "dossier_journal"} {
		found, err := column[string](ctx, conn, "SELECT name FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)",
			table)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, missing(table)
		}
	}
	keys, _, err := e.keys(ctx, conn, t)
	if err != nil {
		return nil, err
	}
	own, others := e.conflicts(t, keys)
	files := func(row string) string { return e.files(t, row, "", "1") }
	noted := "SELECT store, backend, object_key FROM " + replacedTable + " WHERE row_of = " + t.literal(t.name)
	forget := "DELETE FROM " + replacedTable + " WHERE row_of = " + t.literal(t.name)
	note := func(where string) []string {
		return []string{forget, "INSERT INTO " + replacedTable + " SELECT " + t.literal(t.name) + ", f.store, f.backend, " +
			"f.object_key FROM (" +
			e.files(t, "r", t.sqlName+" r, ", where) + ") f"}
	}
	touched, moved := "UPDATE OF "+strings.Join(e.touched(t, keys), ", "), e.changed(e.keyColumns(t, keys))
	wanted := []trigger{
		e.trigger(t, "insert", "AFTER INSERT", "", e.leave(t, noted, files("NEW")), forget, e.claim(files("NEW"), ""),
			e.enter(files("NEW"), "")),
		e.trigger(t, "update", "AFTER "+touched, "("+moved+") OR "+e.changed(t.columns),
			e.leave(t, files("OLD")+" UNION ALL "+noted+" AND ("+moved+")", files("NEW")), forget,
			e.claim(files("NEW"), files("OLD")), e.enter(files("NEW"), files("OLD"))),
		e.trigger(t, "delete", "AFTER DELETE", "", e.leave(t, files("OLD"), "")),
	}
	if len(keys) > 0 {
		wanted = append(wanted, e.trigger(t, "before_insert", "BEFORE INSERT", "", note(own)...),
			e.trigger(t, "before_update", "BEFORE "+touched, moved, note("("+own+") AND NOT ("+others+")")...))
	}
	return wanted, nil
}

func (sqliteTriggers) checkColumns(ctx context.Context, conn execer, t *triggerTable) error {
	err := t.selectColumns(ctx, conn)
	if err != nil && strings.Contains(err.Error(), "no such column") { // SQLITE_ERROR, which says nothing more
		return t.noColumn(err)
	}
	return err
}

// trigger makes one; the table of notes comes with the first.
func (sqliteTriggers) trigger(t *triggerTable, purpose, event, when string, statements ...string) trigger {
	if when != "" {
		when = " WHEN " + when
	}
	body := " " + event + " ON " + t.sqlName + " FOR EACH ROW" + when + " BEGIN /* " + triggerMark + " */ " +
		strings.Join(statements, "; ") + "; END"
	name := t.objectName(purpose, body)
	text := "CREATE TRIGGER " + t.quote(name) + body
	return trigger{table: t.name, name: name, text: text, create: []string{replacedDDL, text}}
}

// files is a query for the objects that a row holds: OLD, NEW, or those rows of a table for which a condition holds. What is
// no JSON holds none.
func (sqliteTriggers) files(t *triggerTable, row, table, where string) string {
	from := ""
	if table != "" {
		from = " FROM " + strings.TrimSuffix(table, ", ")
	}
	var columns []string
	for _, c := range t.columns {
		value := row + "." + c
		is := "CASE WHEN json_valid(" + value + ") THEN json_type(" + value + ") = '%s' END"
		columns = append(columns,
			"SELECT json_extract("+value+", '$.backend') AS backend, json_extract("+value+", '$.to_filename') AS object_key"+from+
				" WHERE "+fmt.Sprintf(is, "object")+" AND ("+where+")",
			"SELECT CASE e.type WHEN 'object' THEN json_extract(e.value, '$.backend') END, "+
				"CASE e.type WHEN 'object' THEN json_extract(e.value, '$.to_filename') END FROM "+table+
				"json_each(CASE WHEN "+fmt.Sprintf(is, "array")+" THEN "+value+" END) e WHERE "+where)
	}
	return "SELECT " + t.storeOf("c.backend") + " AS store, c.backend AS backend, c.object_key AS object_key FROM (" +
		strings.Join(columns, " UNION ALL ") + ") c WHERE c.object_key <> '' AND " + t.storeOf("c.backend") + " IS NOT NULL"
}

// unlessIn excludes what another query finds.
func unlessIn(files, kept string) string {
	if kept == "" {
		return ""
	}
	return " AND NOT EXISTS (SELECT 1 FROM (" + kept + ") k WHERE k.store = " + files + ".store AND k.object_key = " + files +
		".object_key)"
}

// leave orders the deletes of what the row held and does not hold.
func (sqliteTriggers) leave(t *triggerTable, gone, kept string) string {
	return fmt.Sprintf("INSERT INTO dossier_journal (id, backend, store, object_key, state, owner, due_at, created_at) "+
		"SELECT %s, min(g.backend), g.store, g.object_key, 'doomed', '%s', %s + %d, %s FROM (%s) g WHERE NOT EXISTS "+
		"(SELECT 1 FROM dossier_journal j WHERE j.store = g.store AND j.object_key = g.object_key)%s GROUP BY g.store, g.object_key",
		sqliteID, journal.TriggerOwner, sqliteNow, t.delay.Milliseconds(), sqliteNow, gone, unlessIn("g", kept))
}

// claim refuses a key whose object may be on its way out.
func (sqliteTriggers) claim(entering, had string) string {
	return "SELECT RAISE(ABORT, '" + refused + "') WHERE EXISTS (SELECT 1 FROM (" + entering + ") e JOIN dossier_journal j " +
		"ON j.store = e.store AND j.object_key = e.object_key " +
		"WHERE NOT (j.state = 'doomed' AND j.attempts = 0)" + unlessIn("e", had) + ")"
}

// enter takes back the orders of what the row holds now.
func (sqliteTriggers) enter(entering, had string) string {
	return "DELETE FROM dossier_journal WHERE state = 'doomed' AND attempts = 0 AND (store, object_key) IN " +
		"(SELECT e.store, e.object_key FROM (" + entering + ") e WHERE 1" + unlessIn("e", had) + ")"
}

// conflicts are the conditions for a row r that stands in the way of NEW, and for the row itself in an UPDATE.
func (sqliteTriggers) conflicts(t *triggerTable, keys []sqliteKey) (own, others string) {
	equal := func(key sqliteKey, row string) string {
		var parts []string
		for _, c := range key {
			parts = append(parts, "r."+t.quote(c.name)+" = "+row+"."+t.quote(c.name)+" COLLATE "+t.quote(c.collation))
			if c.number {
				parts = append(parts, "r."+t.quote(c.name)+" <> -1")
			}
		}
		return "(" + strings.Join(parts, " AND ") + ")"
	}
	var all []string
	for _, key := range keys {
		all = append(all, equal(key, "NEW"))
	}
	if len(keys) == 0 {
		return "0", "0"
	}
	return strings.Join(all, " OR "), equal(keys[0], "OLD")
}

// touched are the columns whose change is looked at: those with files, and those that another row can stand in the way of.
func (e sqliteTriggers) touched(t *triggerTable, keys []sqliteKey) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(t.columns, e.keyColumns(t, keys)))))
}

func (sqliteTriggers) keyColumns(t *triggerTable, keys []sqliteKey) []string {
	var columns []string
	for _, key := range keys {
		for _, c := range key {
			columns = append(columns, t.quote(c.name))
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// changed is a condition: an UPDATE changes one of the columns, byte by byte.
func (sqliteTriggers) changed(columns []string) string {
	changed := []string{"0"}
	for _, c := range columns {
		changed = append(changed, "OLD."+c+" COLLATE BINARY IS NOT NEW."+c)
	}
	return strings.Join(changed, " OR ")
}

// keys are the primary key, which is the first, and the unique ones that a trigger can look into; others are those it
// cannot.
func (sqliteTriggers) keys(ctx context.Context, conn execer, t *triggerTable) (keys []sqliteKey, others []string, err error) {
	var primary sqliteKey
	err = each(ctx, conn, func(scan func(dest ...any) error) error {
		c := sqliteKeyColumn{collation: "BINARY", number: true}
		err := scan(&c.name)
		primary = append(primary, c)
		return err
	}, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", t.name)
	if err != nil {
		return nil, nil, err
	}
	var unique [][2]string // of the primary key, too, unless it is the row's number
	err = each(ctx, conn, func(scan func(dest ...any) error) error {
		var index, origin string
		var partial bool
		err := scan(&index, &origin, &partial)
		if partial {
			others = append(others, index)
		} else {
			unique = append(unique, [2]string{index, origin})
		}
		return err
	}, `SELECT name, origin, partial FROM pragma_index_list(?) WHERE "unique" ORDER BY name`, t.name)
	if err != nil {
		return nil, nil, err
	}
	for _, index := range unique {
		key, whole, err := sqliteIndex(ctx, conn, index[0])
		switch {
		case err != nil:
			return nil, nil, err
		case !whole:
			others = append(others, index[0])
		case index[1] == "pk":
			primary = key
		default:
			keys = append(keys, key)
		}
	}
	if len(primary) > 0 {
		keys = slices.Insert(keys, 0, primary)
	}
	return keys, others, nil
}

// sqliteIndex reads the columns of an index; whole is false when one of them is an expression.
func sqliteIndex(ctx context.Context, conn execer, index string) (key sqliteKey, whole bool, err error) {
	whole = true
	err = each(ctx, conn, func(scan func(dest ...any) error) error {
		var number int
		var c sqliteKeyColumn
		err := scan(&number, &c.name, &c.collation)
		whole = whole && number >= 0
		key = append(key, c)
		return err
	}, "SELECT cid, coalesce(name, ''), coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", index)
	return key, whole, err
}

func (e sqliteTriggers) gaps(ctx context.Context, conn execer, t *triggerTable) ([]TriggerDrift, error) {
	_, others, err := e.keys(ctx, conn, t)
	var all []TriggerDrift
	for _, index := range others {
		all = append(all, TriggerDrift{Table: t.name, Problem: TriggerGap, Detail: "REPLACE that removes a row because of " +
			"the unique index " +
			index + ", which is partial or of an expression, is seen only with PRAGMA recursive_triggers = 1"})
	}
	return all, err
}
