package maintenance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// server is PostgreSQL or MySQL. Its rows are copied to a temporary file of this machine, so that it need not be one that
// can be written: a replica will do.
type server struct {
	db *bun.DB
	language
}

// language is what the two say in their own ways.
type language struct {
	begin []string // statements that begin a transaction which reads as of one moment
	mark  string   // around names
	text  string   // format of an expression as text
	hex   string   // format of bytes as text
	// columns lists the columns of a table: name, position in the primary key or 0, and whether its values are bytes.
	columns func(table, quoted string) (query string, args []any)
	schemas bool // a table can be named with its schema
}

var postgresql = language{
	begin: []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
	mark:  `"`, text: "CAST(%s AS TEXT)", hex: "encode(%s, 'hex')", schemas: true,
	columns: func(_, quoted string) (string, []any) {
		return "SELECT a.attname, coalesce(array_position(i.indkey::int2[], a.attnum), -1) + 1, " + // indkey counts from 0
			"a.atttypid = 'bytea'::regtype FROM pg_catalog.pg_attribute a " +
			"JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') " +
			"LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisprimary " +
			"WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum", []any{quoted}
	},
}

var mysql = language{
	begin: []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"},
	mark:  "`", text: "CAST(%s AS CHAR)", hex: "lower(hex(%s))",
	columns: func(table, _ string) (string, []any) {
		return "SELECT c.column_name, coalesce(k.seq_in_index, 0), c.data_type IN ('binary', 'varbinary') " +
			"FROM information_schema.columns c JOIN information_schema.tables t " +
			"ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' " +
			"LEFT JOIN information_schema.statistics k ON k.table_schema = c.table_schema AND k.table_name = c.table_name " +
			"AND k.column_name = c.column_name AND k.index_name = 'PRIMARY' " +
			"WHERE c.table_schema = database() AND c.table_name = ? ORDER BY c.ordinal_position", []any{table}
	},
}

// quote makes a name an SQL identifier.
func (l language) quote(name string) string {
	return l.mark + strings.ReplaceAll(name, l.mark, l.mark+l.mark) + l.mark
}

// scratch implements database.
func (server) scratch(ctx context.Context) (*scratch, error) { return newScratch(ctx, nil) }

// resolve implements database. A table of PostgreSQL can be named with its schema.
func (d server) resolve(ctx context.Context, _ *scratch, column Column) (source, error) {
	table := d.quote(column.Table)
	names, keys, err := d.columnsOf(ctx, column.Table, table)
	if schema, name, ok := strings.Cut(column.Table, "."); err == nil && len(names) == 0 && ok && d.schemas {
		table = d.quote(schema) + "." + d.quote(name)
		names, keys, err = d.columnsOf(ctx, column.Table, table)
	}
	switch {
	case err != nil:
		return source{}, fmt.Errorf("look up table %s: %w", column.Table, err)
	case len(names) == 0:
		return source{}, noTable(column)
	}
	name, err := find(column, names)
	if err != nil {
		return source{}, err
	}
	return source{Column: column, table: table, value: d.quote(name), key: keysText(keys)}, nil
}

// columnsOf lists the columns of a table, and as text those of its primary key in their order.
func (d server) columnsOf(ctx context.Context, table, quoted string) (names, keys []string, err error) {
	query, args := d.columns(table, quoted)
	rows, err := d.db.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		var position int
		var bytes bool
		if err := rows.Scan(&name, &position, &bytes); err != nil {
			return nil, nil, err
		}
		names = append(names, name)
		if position > 0 {
			keys = append(keys, make([]string, max(0, position-len(keys)))...)
			format := map[bool]string{false: d.text, true: d.hex}[bytes]
			keys[position-1] = fmt.Sprintf(format, d.quote(name))
		}
	}
	return names, keys, rows.Err()
}

// keysText is an expression for the primary key as text.
func keysText(keys []string) string {
	if len(keys) == 0 {
		return "''"
	}
	return "concat_ws(',', " + strings.Join(keys, ", ") + ")"
}

// copyRows implements database: rows stream from a transaction of the server's that sees one moment.
func (d server) copyRows(ctx context.Context, s *scratch, sources []source) (err error) {
	conn, err := d.db.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, query := range d.begin {
		if _, err := conn.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if _, end := conn.ExecContext(ctx, "ROLLBACK"); err == nil {
			err = end
		}
	}()
	const known = "INSERT OR REPLACE INTO temp.dossier_audit_known (store, key, state) VALUES (?, ?, ?)"
	const entries = "SELECT store, object_key, state FROM dossier_journal WHERE state <> 'marker'"
	if err := stream(ctx, conn, entries, s, known, 3); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	for i, source := range sources {
		raw := fmt.Sprintf("INSERT INTO temp.dossier_audit_raw (col, pk, value) VALUES (%d, ?, ?)", i)
		query := "SELECT " + source.key + ", " + source.value + " FROM " + source.table + " WHERE " + source.value + " IS NOT NULL"
		if err := stream(ctx, conn, query, s, raw, 2); err != nil {
			return fmt.Errorf("read %s: %w", source.Column, err)
		}
	}
	return nil
}

// stream inserts what a query of the server yields into the temporary tables. Bytes are text there.
func stream(ctx context.Context, conn *sql.Conn, query string, s *scratch, into string, width int) error {
	return s.insertMany(ctx, into, func(insert func(args ...any) error) (err error) {
		rows, err := conn.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		values, dest := make([]any, width), make([]any, width)
		for i := range values {
			dest[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			for i, value := range values {
				if bytes, ok := value.([]byte); ok {
					values[i] = string(bytes)
				}
			}
			if err := insert(values...); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
