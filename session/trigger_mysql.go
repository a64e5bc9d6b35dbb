package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	mysqlID = "LOWER(CONCAT(SUBSTR(LPAD(HEX(" + mysqlNow + "), 12, '0'), 1, 8), '-', SUBSTR(LPAD(HEX(" + mysqlNow + "), " +
		"12, '0'), 9, 4), '-7', " +
		"SUBSTR(MD5(CONCAT(UUID(), RAND(), k)), 1, 3), '-', ELT(1 + FLOOR(RAND() * 4), '8', '9', 'a', 'b'), " +
		"SUBSTR(MD5(CONCAT(UUID(), RAND(), k)), 1, 3), '-', SUBSTR(MD5(CONCAT(UUID(), RAND(), k)), 1, 12)))"
	mysqlLock = "CONCAT('dossier triggers ', MD5(DATABASE()))"
)

func (mysqlTriggers) change(ctx context.Context, m *Manager, work func(conn execer) error) error {
	return onConn(ctx, m, func(conn execer) (err error) {
		got, err := column[*int64](ctx, conn, fmt.Sprintf("SELECT GET_LOCK(%s, %d)", mysqlLock,
			int(m.opts.CleanupTimeout.Seconds())+1))
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
	return []trigger{
		e.trigger(t, "insert", "INSERT", e.eachFile(t, e.values(t, "NEW", ""), mysqlEnter)),
		e.trigger(t, "update", "UPDATE", e.update(t)),
		e.trigger(t, "delete", "DELETE", e.eachFile(t, e.values(t, "OLD", ""), e.leave(t))),
	}, nil
}

// checkColumns asks the catalogue: a trigger cannot be made without the column, but its error does not say what is wrong, and
// who makes triggers need not be allowed to read the table.
func (mysqlTriggers) checkColumns(ctx context.Context, conn execer, t *triggerTable) error {
	found, err := column[string](ctx, conn, "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "+
		"AND table_name = ?", t.name)
	if err != nil {
		return err
	}
	for _, name := range t.columns {
		if !slices.ContainsFunc(found, func(have string) bool { return strings.EqualFold(t.quote(have), name) }) {
			return t.noColumn(fmt.Errorf("there is no %s", name))
		}
	}
	return nil
}

func (mysqlTriggers) trigger(t *triggerTable, purpose, event, statements string) trigger {
	body := "BEGIN /* " + triggerMark + " */ " + mysqlVariables + statements + "END"
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
		"WHERE event_object_schema = DATABASE() AND event_object_table = ? AND LEFT(trigger_name, ?) = ?", t.name,
		len(triggerPrefix), triggerPrefix)
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

// mysqlVariables are what eachFile works with: b, s and k are backend, store and key of a file. A cursor over JSON_TABLE makes
// a temporary table, which costs more than all the rest, so only lists have one.
const mysqlVariables = "DECLARE v, b, t LONGTEXT CHARACTER SET utf8mb4; DECLARE kind VARCHAR(20) CHARACTER SET utf8mb4; " +
	"DECLARE s VARBINARY(2000); DECLARE k VARBINARY(1024); DECLARE i, found, free INT DEFAULT 0; DECLARE done BOOLEAN; " +
	"DECLARE kept, had, has LONGTEXT CHARACTER SET ascii DEFAULT ''; " +
	"DECLARE elements CURSOR FOR SELECT e.backend, e.object_key FROM JSON_TABLE(v, '$[*]' COLUMNS (" +
	"backend VARCHAR(255) CHARACTER SET utf8mb4 PATH '$.backend', object_key VARCHAR(1024) CHARACTER SET utf8mb4 PATH " +
	"'$.to_filename')) AS e; " +
	"DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE; "

// values are expressions for the file columns of a row, NULL where a condition on the column does not hold.
func (mysqlTriggers) values(t *triggerTable, row, condition string) []string {
	var values []string
	for _, c := range t.columns {
		value := row + "." + c
		if condition != "" {
			value = "IF(" + fmt.Sprintf(condition, c) + ", " + value + ", NULL)"
		}
		values = append(values, value)
	}
	return values
}

// eachFile does something for each file in the values. What is no JSON holds none. Texts are compared as bytes.
func (mysqlTriggers) eachFile(t *triggerTable, values []string, do string) string {
	text := func(path string) string {
		return "IF(JSON_TYPE(JSON_EXTRACT(v, '" + path + "')) = 'STRING', JSON_UNQUOTE(JSON_EXTRACT(v, '" + path + "')), NULL)"
	}
	var choose string
	for i, value := range values {
		choose += fmt.Sprintf("WHEN %d THEN %s ", i+1, value)
	}
	return fmt.Sprintf("SET i = 0; WHILE i < %d DO SET i = i + 1; SET v = CASE i %sEND; IF v IS NOT NULL THEN ", len(values),
		choose) +
		"SET kind = IF(JSON_VALID(v), JSON_TYPE(v), ''), done = kind NOT IN ('OBJECT', 'ARRAY'); " +
		"IF kind = 'ARRAY' THEN OPEN elements; END IF; " +
		"WHILE NOT done DO SET b = NULL; " +
		"IF kind = 'ARRAY' THEN FETCH elements INTO b, t; " +
		"ELSE SET b = " + text("$.backend") + ", t = " + text("$.to_filename") + ", done = TRUE; END IF; " +
		"SET s = " + t.storeOf("CAST(b AS BINARY)") + "; " +
		"IF s IS NOT NULL AND LENGTH(t) BETWEEN 1 AND 1024 THEN SET k = t; " + do + "END IF; END WHILE; " +
		"IF kind = 'ARRAY' THEN CLOSE elements; END IF; END IF; END WHILE; "
}

// mysqlFile names a file in a list of them.
const mysqlFile = "CONCAT('|', HEX(s), '.', HEX(k), '|')"

// update looks at the columns that changed; what the others hold stays, wherever else it was or will be.
func (e mysqlTriggers) update(t *triggerTable) string {
	var same []string
	for _, c := range t.columns {
		same = append(same, fmt.Sprintf(mysqlSame, c))
	}
	note := func(list string) string { return "SET " + list + " = CONCAT(" + list + ", " + mysqlFile + "); " }
	unless := func(list, do string) string {
		return "IF NOT LOCATE(" + mysqlFile + ", " + list + ") THEN " + do + "END IF; "
	}
	old := e.values(t, "OLD", "NOT "+mysqlSame)
	return "IF NOT (" + strings.Join(same, " AND ") + ") THEN " +
		e.eachFile(t, e.values(t, "NEW", mysqlSame), note("kept")) +
		e.eachFile(t, old, note("had")) +
		e.eachFile(t, e.values(t, "NEW", "NOT "+mysqlSame), note("has")+unless("kept", unless("had", mysqlEnter))) +
		e.eachFile(t, old, unless("kept", unless("has", e.leave(t)))) + "END IF; "
}

// mysqlSame compares bytes, which a column's collation need not.
const mysqlSame = "(CAST(OLD.%[1]s AS BINARY) <=> CAST(NEW.%[1]s AS BINARY))"

// leave orders the delete of a file. What is in the journal already, as a session's own order is, is not inserted: InnoDB would
// lock it, for which a session's own INSERT of the same key would wait.
func (mysqlTriggers) leave(t *triggerTable) string {
	return fmt.Sprintf("SELECT COUNT(*) INTO found FROM dossier_journal WHERE store = s AND object_key = k; "+
		"IF found = 0 THEN INSERT INTO dossier_journal (id, backend, store, object_key, state, owner, due_at, created_at) "+
		"VALUES (%s, b, s, k, 'doomed', '%s', %s + %d, %s) ON DUPLICATE KEY UPDATE id = dossier_journal.id; END IF; ",
		mysqlID, journal.TriggerOwner, mysqlNow, t.delay.Milliseconds(), mysqlNow)
}

// mysqlEnter takes back the order of a file that the row holds now. It is locked before it is judged: a sweep that is claiming
// it is waited for.
const mysqlEnter = "SELECT COUNT(*), COALESCE(SUM(state = 'doomed' AND attempts = 0), 0) INTO found, free FROM " +
	"dossier_journal " +
	"WHERE store = s AND object_key = k FOR UPDATE; " +
	"IF found > free THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '" + refused + "'; END IF; " +
	"IF free > 0 THEN DELETE FROM dossier_journal WHERE store = s AND object_key = k; END IF; "
