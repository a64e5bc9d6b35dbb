package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
)

func (*mysql) triggers() triggerEngine { return mysqlTriggers{} }

// mysqlTriggers run for each row, with the rights of the account that made them. DDL commits, so a new version is made
// before the old one is dropped: while both are there each finds the work of the other done.
//
// The journal is locked key by key through its unique index. A join could read all of it and wait for others' rows.
type mysqlTriggers struct{}

const (
	mysqlNow = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)"
	// mysqlID is a UUIDv7 whose random part is of a UUID, which is unique, and the key. MariaDB 10.6 has no RANDOM_BYTES.
	mysqlID = "LOWER(CONCAT(SUBSTR(LPAD(HEX(" + mysqlNow + "), 12, '0'), 1, 8), '-', SUBSTR(LPAD(HEX(" + mysqlNow + "), 12, '0'), 9, 4), '-7', " +
		"SUBSTR(MD5(CONCAT(UUID(), RAND(), k)), 1, 3), '-', ELT(1 + FLOOR(RAND() * 4), '8', '9', 'a', 'b'), " +
		"SUBSTR(MD5(CONCAT(UUID(), RAND(), k)), 1, 3), '-', SUBSTR(MD5(CONCAT(UUID(), RAND(), k)), 1, 12)))"
	mysqlLock = "CONCAT('dossier triggers ', MD5(DATABASE()))"
)

func (mysqlTriggers) change(ctx context.Context, m *Manager, work func(conn execer) error) error {
	return onConn(ctx, m, func(conn execer) (err error) {
		got, err := column[*int64](ctx, conn, fmt.Sprintf("SELECT GET_LOCK(%s, %d)", mysqlLock, int(m.opts.CleanupTimeout.Seconds())+1))
		if err != nil {
			return err
		}
		if len(got) == 0 || got[0] == nil || *got[0] != 1 {
			return fmt.Errorf("%w: another process is installing triggers", dossier.ErrUnavailable)
		}
		defer func() {
			end, cancel := m.detached(ctx)
			defer cancel()
			_, problem := conn.ExecContext(end, "DO RELEASE_LOCK("+mysqlLock+")")
			err = errors.Join(err, problem)
		}()
		return work(conn)
	})
}

func (mysqlTriggers) read(ctx context.Context, m *Manager, work func(conn execer) error) error {
	return onConn(ctx, m, work)
}

func (e mysqlTriggers) wanted(ctx context.Context, conn execer, t *triggerTable) ([]trigger, error) {
	for _, table := range []string{t.name, "dossier_journal"} {
		found, err := column[string](ctx, conn, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "+
			"AND table_name = ?", table)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, missing(table)
		}
	}
	before, after := e.files(t, "OLD"), e.files(t, "NEW")
	var same []string
	for _, c := range t.columns {
		same = append(same, "OLD."+c+" <=> NEW."+c)
	}
	return []trigger{
		e.trigger(t, "insert", "INSERT", e.enter(after, "")),
		e.trigger(t, "update", "UPDATE", "IF NOT ("+strings.Join(same, " AND ")+") THEN "+e.leave(t, before, after)+e.enter(after, before)+"END IF; "),
		e.trigger(t, "delete", "DELETE", e.leave(t, before, "")),
	}, nil
}

func (mysqlTriggers) trigger(t *triggerTable, purpose, event, statements string) trigger {
	body := "BEGIN /* " + triggerMark + " */ " + statements + "END"
	name := t.objectName(purpose, body)
	return trigger{
		table: t.name, name: name, text: event + " " + body,
		create: []string{fmt.Sprintf("CREATE TRIGGER %s AFTER %s ON %s FOR EACH ROW %s", t.quote(name), event, t.sqlName, body)},
	}
}

func (mysqlTriggers) installed(ctx context.Context, conn execer, t *triggerTable) ([]trigger, error) {
	var all []trigger
	err := each(ctx, conn, func(scan func(dest ...any) error) error {
		found := trigger{table: t.name}
		err := scan(&found.name, &found.text)
		found.drop = []string{"DROP TRIGGER " + t.quote(found.name)}
		all = append(all, found)
		return err
	}, "SELECT trigger_name, CONCAT(event_manipulation, ' ', action_statement) FROM information_schema.triggers "+
		"WHERE event_object_schema = DATABASE() AND event_object_table = ? AND LEFT(trigger_name, ?) = ?", t.name, len(triggerPrefix), triggerPrefix)
	return all, err
}

// gaps: what a foreign key removes fires no trigger.
func (mysqlTriggers) gaps(ctx context.Context, conn execer, t *triggerTable) ([]TriggerDrift, error) {
	var all []TriggerDrift
	err := each(ctx, conn, func(scan func(dest ...any) error) error {
		var name, parent string
		err := scan(&name, &parent)
		all = append(all, TriggerDrift{Table: t.name, Problem: TriggerGap, Detail: "the foreign key " + name +
			" removes rows when those of " + parent + " go, and fires no trigger: delete them first, or make it ON DELETE RESTRICT"})
		return err
	}, "SELECT constraint_name, referenced_table_name FROM information_schema.referential_constraints "+
		"WHERE constraint_schema = DATABASE() AND table_name = ? AND delete_rule = 'CASCADE' ORDER BY constraint_name", t.name)
	return all, err
}

// files is a query for the objects that a row holds, OLD or NEW. What is no JSON holds none. Texts are compared as bytes.
func (mysqlTriggers) files(t *triggerTable, row string) string {
	var columns []string
	for _, c := range t.columns {
		value := row + "." + c
		columns = append(columns, "SELECT e.backend, e.object_key FROM JSON_TABLE(IF(JSON_VALID("+value+"), IF(JSON_TYPE("+value+") = 'ARRAY', "+
			value+", CONCAT('[', "+value+", ']')), NULL), '$[*]' COLUMNS (backend VARCHAR(255) CHARACTER SET utf8mb4 PATH '$.backend', "+
			"object_key VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$.to_filename')) AS e")
	}
	store := t.storeOf("CAST(c.backend AS BINARY)")
	return "SELECT CAST(" + store + " AS BINARY) AS store, c.backend, CAST(c.object_key AS BINARY) AS object_key FROM (" +
		strings.Join(columns, " UNION ALL ") + ") c WHERE c.object_key <> '' AND " + store + " IS NOT NULL"
}

// leave orders the deletes of what the row held and does not hold. What is in the journal already, as a session's own order
// is, is not inserted: InnoDB would lock the gap beside it, for which other uploads' intents would wait.
func (mysqlTriggers) leave(t *triggerTable, gone, kept string) string {
	return eachKey(gone, kept, fmt.Sprintf("SELECT COUNT(*) INTO found FROM dossier_journal WHERE store = s AND object_key = k; "+
		"IF found = 0 THEN INSERT INTO dossier_journal (id, backend, store, object_key, state, owner, due_at, created_at) "+
		"VALUES (%s, b, s, k, 'doomed', '%s', %s + %d, %s) ON DUPLICATE KEY UPDATE id = dossier_journal.id; END IF; ",
		mysqlID, journal.TriggerOwner, mysqlNow, t.delay.Milliseconds(), mysqlNow))
}

// enter takes back the orders of what the row holds now, each locked before it is judged: a sweep that is claiming it is
// waited for.
func (mysqlTriggers) enter(entering, had string) string {
	return eachKey(entering, had, "SELECT COUNT(*), COALESCE(SUM(state = 'doomed' AND attempts = 0), 0) INTO found, free FROM dossier_journal "+
		"WHERE store = s AND object_key = k FOR UPDATE; "+
		"IF found > free THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '"+refused+"'; END IF; "+
		"IF free > 0 THEN DELETE FROM dossier_journal WHERE store = s AND object_key = k AND state = 'doomed' AND attempts = 0; END IF; ")
}

// eachKey does something for each object that the one query finds and the other does not, in the order of keys.
func eachKey(files, others, do string) string {
	return "BEGIN DECLARE done BOOLEAN DEFAULT FALSE; DECLARE found, free INT; DECLARE b VARCHAR(255) CHARACTER SET utf8mb4; " +
		"DECLARE s VARBINARY(2000); DECLARE k VARBINARY(1024); " +
		"DECLARE objects CURSOR FOR SELECT MIN(f.backend), f.store, f.object_key FROM (" + files + ") f WHERE TRUE" + unlessIn("f", others) +
		" GROUP BY f.store, f.object_key ORDER BY f.store, f.object_key; " +
		"DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE; OPEN objects; " +
		"each_object: LOOP FETCH objects INTO b, s, k; IF done THEN LEAVE each_object; END IF; " + do + "END LOOP; CLOSE objects; END; "
}
