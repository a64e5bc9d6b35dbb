package maintenance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// sqlite is read on the connection that has the temporary tables.
type sqlite struct{ db *bun.DB }

// scratch implements database.
func (d sqlite) scratch(ctx context.Context) (*scratch, error) { return newScratch(ctx, d.db.DB) }

// copyRows implements database: one statement per column, so that writers are not held up. Side files are read just
// before.
func (sqlite) copyRows(ctx context.Context, s *scratch, sources []source) error {
	if err := s.noteSideFiles(ctx); err != nil {
		return err
	}
	return s.together(ctx, func() error {
		err := s.exec(ctx, "INSERT OR REPLACE INTO temp.dossier_audit_known (store, key, state) "+
			"SELECT store, object_key, state FROM main.dossier_journal WHERE state <> 'marker'")
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		for i, source := range sources {
			err := s.exec(ctx, "INSERT INTO temp.dossier_audit_raw (col, pk, value) SELECT ?, "+source.key+", "+source.value+
				" FROM "+source.table+" WHERE "+source.value+" IS NOT NULL", i)
			if err != nil {
				return fmt.Errorf("read %s: %w", source.Column, err)
			}
		}
		return nil
	})
}

// resolve implements database.
func (sqlite) resolve(ctx context.Context, s *scratch, column Column) (source, error) {
	var kind string
	const look = "SELECT coalesce((SELECT type FROM pragma_table_list(?) WHERE schema = 'main'), '')"
	err := s.conn.QueryRowContext(ctx, look, column.Table).Scan(&kind)
	if err != nil {
		return source{}, fmt.Errorf("look up table %s: %w", column.Table, err)
	}
	if kind != "table" {
		return source{}, noTable(column)
	}
	names, keys, err := s.columnsOf(ctx, column.Table)
	if err != nil {
		return source{}, fmt.Errorf("look up table %s: %w", column.Table, err)
	}
	name, err := find(column, names)
	if err != nil {
		return source{}, err
	}
	return source{Column: column, table: "main." + quote(column.Table), value: quote(name), key: keyText(keys)}, nil
}

// columnsOf lists the columns of a table, and those of its primary key in their order.
func (s *scratch) columnsOf(ctx context.Context, table string) (names, keys []string, err error) {
	rows, err := s.conn.QueryContext(ctx, "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", table)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		var position int
		if err := rows.Scan(&name, &position); err != nil {
			return nil, nil, err
		}
		names = append(names, name)
		if position > 0 {
			keys = append(keys, make([]string, max(0, position-len(keys)))...)
			keys[position-1] = name
		}
	}
	return names, keys, rows.Err()
}

// keyText is an expression for the primary key as text.
func keyText(keys []string) string {
	if len(keys) == 0 {
		return "CAST(rowid AS TEXT)"
	}
	var parts []string
	for _, key := range keys {
		name := quote(key)
		parts = append(parts, "CASE typeof("+name+") WHEN 'blob' THEN lower(hex("+name+")) "+
			"ELSE coalesce(CAST("+name+" AS TEXT), 'NULL') END")
	}
	return strings.Join(parts, " || ',' || ")
}

// quote makes a name an SQL identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
