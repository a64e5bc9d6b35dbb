package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dossier-go/dossier/journal"
)

func (postgresql) triggers() triggerEngine { return postgresqlTriggers{} }

// postgresqlTriggers run once for each statement and see all of its rows before and after: rows that exchange their files in
// one statement lose nothing, and a bulk delete is one INSERT into the journal. Triggers of a partitioned table fire for
// statements that name that table, whatever partitions they touch; the partitions have triggers of their own for those that
// name them.
//
// The function has its owner's rights, because whoever deletes a row need not have any on the journal, and nobody else may
// execute it: a trigger of somebody's own table could order the delete of any object.
type postgresqlTriggers struct{}

// oldestTriggers has gen_random_uuid().
const oldestTriggers = 130000

const (
	postgresqlNow = "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)"
	// postgresqlID is a UUIDv7; PostgreSQL 18 has a function for it.
	postgresqlID = "left(lpad(to_hex(" + postgresqlNow + "), 12, '0'), 8) || '-' || right(to_hex(" + postgresqlNow + "), " +
		"4) || '-7' || " +
		"substr(gen_random_uuid()::text, 16)"
)

// postgresqlSettings of the function. Compiling its queries would take longer than to run them.
const postgresqlSettings = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off"

func (postgresqlTriggers) change(ctx context.Context, m *Manager, work func(conn execer) error) error {
	tx, err := m.db.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('dossier triggers', 0))")
	if err == nil {
		err = work(tx)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (postgresqlTriggers) read(ctx context.Context, m *Manager, work func(conn execer) error) error {
	return onConn(ctx, m, work)
}

// relation is a table, or a partition or heir of it.
type relation struct {
	name    string // without schema, unless it is in another than the table
	sqlName string // with it, quoted
}

// relations are the table and all that have rows of it.
func (postgresqlTriggers) relations(ctx context.Context, conn execer, t *triggerTable) ([]relation, error) {
	var all []relation
	err := each(ctx, conn, func(scan func(dest ...any) error) error {
		var r relation
		err := scan(&r.name, &r.sqlName)
		all = append(all, r)
		return err
	}, `WITH RECURSIVE tree (id) AS (
			SELECT to_regclass($1)::oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.id
		) SELECT CASE WHEN c.relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass($1))
			THEN c.relname ELSE n.nspname || '.' || c.relname END, format('%I.%I', n.nspname, c.relname) FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.id
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') ORDER BY c.oid`, t.sqlName)
	if err == nil && len(all) == 0 {
		err = missing(t.name)
	}
	return all, err
}

// home returns the name of the journal's table and the schema of the table, in which the function is made.
func (e postgresqlTriggers) home(ctx context.Context, conn execer, t *triggerTable) (table, schema string, err error) {
	err = each(ctx, conn, func(scan func(dest ...any) error) error {
		var version int
		if err := scan(&version, &table, &schema); err != nil {
			return err
		}
		if version < oldestTriggers {
			return fmt.Errorf("%w: triggers on PostgreSQL %d; 13 has what they need", errors.ErrUnsupported, version)
		}
		return nil
	}, `SELECT current_setting('server_version_num')::int, coalesce((SELECT format('%I.%I', n.nspname, c.relname)
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.oid = to_regclass('dossier_journal')), ''),
		coalesce((SELECT format('%I', n.nspname)
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)), '')`,
		t.sqlName)
	switch {
	case err == nil && table == "":
		err = missing("dossier_journal")
	case err == nil && schema == "":
		err = missing(t.name)
	}
	return table, schema, err
}

func (postgresqlTriggers) checkColumns(ctx context.Context, conn execer, t *triggerTable) error {
	err := t.selectColumns(ctx, conn)
	if journal.SQLState(err) == "42703" { // undefined_column
		return t.noColumn(err)
	}
	return triggerError(err)
}

// postgresqlEvents are the triggers of a table: purpose, when it fires, and how the function sees the rows.
var postgresqlEvents = [][3]string{
	{"insert", "AFTER INSERT", "REFERENCING NEW TABLE AS dossier_new"},
	{"update", "AFTER UPDATE", "REFERENCING OLD TABLE AS dossier_old NEW TABLE AS dossier_new"},
	{"delete", "AFTER DELETE", "REFERENCING OLD TABLE AS dossier_old"},
	{"truncate", "BEFORE TRUNCATE", ""},
}

func (e postgresqlTriggers) wanted(ctx context.Context, conn execer, t *triggerTable) ([]trigger, error) {
	table, schema, err := e.home(ctx, conn, t)
	if err != nil {
		return nil, err
	}
	relations, err := e.relations(ctx, conn, t)
	if err != nil {
		return nil, err
	}
	body := e.body(t, table)
	function := schema + "." + t.quote(t.objectName("files", postgresqlSettings+body))
	define := []string{
		"CREATE OR REPLACE FUNCTION " + function + "() RETURNS trigger LANGUAGE plpgsql " + postgresqlSettings + " AS " +
			t.literal(body),
		"REVOKE ALL ON FUNCTION " + function + "() FROM PUBLIC",
	}
	var wanted []trigger
	for _, r := range relations {
		for _, event := range postgresqlEvents {
			name := t.objectName(event[0], postgresqlSettings+body)
			wanted = append(wanted, trigger{
				table: r.name, name: name, text: event[1] + " " + body,
				create: append(define, fmt.Sprintf("CREATE TRIGGER %s %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION %s()",
					t.quote(name), event[1], r.sqlName, event[2], function)),
			})
		}
	}
	return wanted, nil
}

// installed: what a trigger fires on is read from the bits of its type; a function of which the last trigger went goes too.
func (e postgresqlTriggers) installed(ctx context.Context, conn execer, t *triggerTable) ([]trigger, error) {
	relations, err := e.relations(ctx, conn, t)
	if err != nil {
		return nil, err
	}
	var all []trigger
	for _, r := range relations {
		err := each(ctx, conn, func(scan func(dest ...any) error) error {
			found := trigger{table: r.name}
			var kind int
			var source, function string
			err := scan(&found.name, &kind, &source, &found.disabled, &function)
			found.text = triggerKind(kind) + " " + source
			found.drop = []string{
				fmt.Sprintf("DROP TRIGGER %s ON %s", t.quote(found.name), r.sqlName),
				fmt.Sprintf("DO %s", t.literal("BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgfoid = "+
					"to_regproc("+t.literal(function)+
					")) THEN DROP FUNCTION IF EXISTS "+function+"(); END IF; END")),
			}
			all = append(all, found)
			return err
		}, `SELECT g.tgname, g.tgtype, p.prosrc, g.tgenabled NOT IN ('O', 'A'), format('%I.%I', n.nspname, p.proname)
			FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid JOIN pg_catalog.pg_namespace n 
			  ON n.oid = p.pronamespace
			WHERE g.tgrelid = to_regclass($1) AND NOT g.tgisinternal AND left(g.tgname, $2) = $3`, r.sqlName, len(triggerPrefix),
			triggerPrefix)
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// triggerKind names the bits of pg_trigger.tgtype that our triggers have, as in catalog/pg_trigger.h.
func triggerKind(bits int) string {
	kind := "AFTER"
	if bits&2 != 0 {
		kind = "BEFORE"
	}
	for i, event := range []string{"INSERT", "DELETE", "UPDATE", "TRUNCATE"} {
		if bits&(4<<i) != 0 {
			kind += " " + event
		}
	}
	if bits&1 != 0 {
		kind += " FOR EACH ROW"
	}
	return kind
}

func (postgresqlTriggers) gaps(context.Context, execer, *triggerTable) ([]TriggerDrift, error) {
	return nil, nil
}

// files is a query for the objects that rows hold.
func (postgresqlTriggers) files(t *triggerTable, rows string) string {
	var columns []string
	for _, c := range t.columns {
		columns = append(columns, "(r."+c+"::jsonb)")
	}
	return "SELECT " + t.storeOf("(e.file->>'backend')") + " AS store, e.file->>'backend' AS backend, " +
		"e.file->>'to_filename' AS object_key FROM " +
		rows + " r CROSS JOIN LATERAL (VALUES " + strings.Join(columns, ", ") + ") c (value) CROSS JOIN LATERAL " +
		"jsonb_array_elements(" +
		"CASE jsonb_typeof(c.value) WHEN 'array' THEN c.value WHEN 'object' THEN jsonb_build_array(c.value) END) e (file) " +
		"WHERE e.file->>'to_filename' <> '' AND " + t.storeOf("(e.file->>'backend')") + " IS NOT NULL"
}

// body is the function. What only TRUNCATE removes is seen by its own snapshot, which at higher levels is older than the
// rows that go. The rows of the journal are locked before they are judged: a sweep that is claiming one is waited for.
func (e postgresqlTriggers) body(t *triggerTable, table string) string {
	enter := func(entering string) string {
		return `
    WITH entering AS MATERIALIZED (` + entering + `),
    held AS MATERIALIZED (SELECT j.id, j.object_key, j.state = 'doomed' AND j.attempts = 0 AS free
      FROM ` + table + ` j JOIN (SELECT DISTINCT store, object_key FROM entering) e USING (store, object_key) FOR UPDATE OF j)
    SELECT array_agg(id) FILTER (WHERE free), min(object_key) FILTER (WHERE NOT free) INTO orders, taken FROM held;
    IF taken IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = ` + t.literal(refused) + ` || ': ' || taken,
        TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    DELETE FROM ` + table + ` WHERE id = ANY (orders) AND state = 'doomed' AND attempts = 0;`
	}
	leave := func(leaving string) string {
		return fmt.Sprintf(`
    INSERT INTO %s (id, backend, store, object_key, state, owner, due_at, created_at)
    SELECT %s, g.backend, g.store, g.object_key, 'doomed', '%s', %s + %d, %s
    FROM (SELECT min(l.backend) AS backend, l.store, l.object_key FROM (%s) l GROUP BY l.store, l.object_key
      ORDER BY l.store, l.object_key) g
    ON CONFLICT (store, object_key) DO NOTHING;`, table, postgresqlID, journal.TriggerOwner, postgresqlNow,
			t.delay.Milliseconds(), postgresqlNow, leaving)
	}
	before, after := e.files(t, "dossier_old"), e.files(t, "dossier_new")
	unless := func(rows, others string) string {
		return "SELECT a.* FROM (" + rows + ") a WHERE NOT EXISTS (SELECT FROM (" + others + ") b WHERE b.store = a.store " +
			"AND b.object_key = a.object_key)"
	}
	columns := "r." + strings.Join(t.columns, "::jsonb, r.") + "::jsonb"
	return `-- ` + triggerMark + `
DECLARE
  orders text[];
  taken text;
BEGIN
  IF TG_OP = 'INSERT' THEN` + enter(after) + `
  ELSIF TG_OP = 'DELETE' THEN` + leave(before) + `
  ELSIF TG_OP = 'UPDATE' THEN
    IF NOT EXISTS (SELECT ` + columns + ` FROM dossier_old r EXCEPT ALL SELECT ` + columns + ` FROM dossier_new r) THEN
      RETURN NULL;
    END IF;` + leave(unless(before, after)) + enter(unless(after, before)) + `
  ELSE
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
      RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE =
        'dossier: TRUNCATE of a table with files needs READ COMMITTED, which sees all rows that go; DELETE works';
    END IF;
    EXECUTE replace(` + t.literal(leave(e.files(t, "dossier_gone"))) + `, 'dossier_gone',
      CASE (SELECT relkind FROM pg_class WHERE oid = TG_RELID) WHEN 'p' THEN '' ELSE 'ONLY ' END ||
      format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME));
  END IF;
  RETURN NULL;
END`
}
