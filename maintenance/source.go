package maintenance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

// source is a column as the database's catalogue has it: SQL expressions that are safe to put into a statement.
type source struct {
	Column
	table string // quoted
	value string // quoted
	key   string // the primary key as text
}

// resolve looks the column up. Names never reach a statement unless the catalogue has them.
func (s *scratch) resolve(ctx context.Context, column Column) (source, error) {
	var kind string
	err := s.conn.QueryRowContext(ctx, "SELECT coalesce((SELECT type FROM pragma_table_list(?) WHERE schema = 'main'), '')", column.Table).Scan(&kind)
	if err != nil {
		return source{}, fmt.Errorf("look up table %s: %w", column.Table, err)
	}
	if kind != "table" {
		return source{}, fmt.Errorf("column %s: %w: the database has no table %q", column, dossier.ErrInvalid, column.Table)
	}
	names, keys, err := s.columnsOf(ctx, column.Table)
	if err != nil {
		return source{}, fmt.Errorf("look up table %s: %w", column.Table, err)
	}
	at := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, column.Column) })
	if at < 0 {
		return source{}, fmt.Errorf("column %s: %w: the table has the columns %s", column, dossier.ErrInvalid, strings.Join(names, ", "))
	}
	return source{Column: column, table: "main." + quote(column.Table), value: quote(names[at]), key: keyText(keys)}, nil
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
		parts = append(parts, "CASE typeof("+name+") WHEN 'blob' THEN lower(hex("+name+")) ELSE coalesce(CAST("+name+" AS TEXT), 'NULL') END")
	}
	return strings.Join(parts, " || ',' || ")
}

// quote makes a name an SQL identifier.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
