package session

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// DeleteWhere deletes all rows of the table of a model that the condition selects, and returns how many. The condition is
// bun's: "title = ?" with arguments; it is one expression and not empty ("1 = 1" means all). Objects of the rows are ordered to be deleted; a
// model with a soft-delete column keeps them. row is a pointer to the model's struct, nil or not.
func (s *Session) DeleteWhere(ctx context.Context, row any, where string, args ...any) (int, error) {
	return s.bulk(ctx, "delete where", row, where, func(p *plan) (func() (int, error), error) {
		var files []*fileField
		if p.table.SoftDeleteField == nil {
			files = p.files
		}
		return func() (int, error) {
			return s.eachWhere(ctx, p, files, where, args, func(where string, args []any) (sql.Result, error) {
				if p.table.SoftDeleteField != nil {
					return s.softDeleteWhere(ctx, p, where, args)
				}
				return s.m.db.NewDelete().Conn(s.tx.conn).Model(p.table.ZeroIface).Where(where, args...).Exec(ctx)
			})
		}, nil
	})
}

// UpdateWhere sets columns of all rows that the condition selects, and returns how many. A file column can be cleared,
// with nil, and never set: the objects are ordered to be deleted. An audit time is touched, a version counted.
//
// A value is written as Update would write it from the column's field: it is of the field's type, a pointer to it or what it
// points to; one that a conversion makes of it without loss, such as a number that fits or a text for a named type; what a
// [driver.Valuer] gives; or what the type reads from text ([encoding.TextUnmarshaler]) or from a database ([sql.Scanner]). nil is
// NULL. SQL, as bun.Safe("count + 1"), is written as it is. Every other value is dossier.ErrInvalid, before any statement.
func (s *Session) UpdateWhere(ctx context.Context, row any, set map[string]any, where string, args ...any) (int, error) {
	return s.bulk(ctx, "update where", row, where, func(p *plan) (func() (int, error), error) {
		cleared, all, err := s.settings(p, set)
		if err != nil {
			return nil, err
		}
		if all, err = s.appendFilled(ctx, all, p, set); err != nil {
			return nil, err
		}
		return func() (int, error) {
			return s.eachWhere(ctx, p, cleared, where, args, func(where string, args []any) (sql.Result, error) {
				q := s.m.db.NewUpdate().Conn(s.tx.conn).Model(p.table.ZeroIface).Where(where, args...)
				for _, one := range all {
					q = q.Set("? = ?", one.field.SQLName, one.value)
				}
				return q.Exec(ctx)
			})
		}, nil
	})
}

// argumentsInUTC are the values of a statement, with times in UTC: where the column keeps no zone, that of the value is lost.
func argumentsInUTC(args ...any) []any {
	values := slices.Clone(args)
	for i, value := range values {
		if value != nil {
			values[i] = inUTC(reflect.ValueOf(value)).Interface()
		}
	}
	return values
}

func columnName(field *schema.Field) string {
	if field == nil {
		return ""
	}
	return field.Name
}

// bulk is the frame of both: what the session remembers of the table is dropped, because the condition may mean any row. prepare
// refuses what it must before the transaction is opened, and returns what is to be done in it.
func (s *Session) bulk(ctx context.Context, op string, row any, where string,
	prepare func(p *plan) (do func() (int, error), err error),
) (int, error) {
	if err := s.enterWrite(op); err != nil {
		return 0, err
	}
	defer s.leave()
	p, err := s.m.planOf(reflect.TypeOf(row))
	if err == nil && strings.TrimSpace(where) == "" {
		err = fmt.Errorf("%w: the condition is empty; \"1 = 1\" means all rows", dossier.ErrInvalid)
	}
	if err == nil && slices.Contains(s.m.engine.traits().syntax.words(where), ";") {
		err = fmt.Errorf("%w: a condition is one expression, without a semicolon", dossier.ErrInvalid)
	}
	var do func() (int, error)
	if err == nil {
		do, err = prepare(p)
	}
	if err == nil {
		err = s.open(ctx)
	}
	n := 0
	if err == nil {
		n, err = do()
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", op, err)
	}
	s.forgetTable(p.table.Name)
	return n, nil
}

// checkSet returns the file columns that are cleared.
func (p *plan) checkSet(set map[string]any) ([]*fileField, error) {
	if len(set) == 0 {
		return nil, fmt.Errorf("%w: there is nothing to set", dossier.ErrInvalid)
	}
	var cleared []*fileField
	for name, value := range set {
		field := p.field(name)
		if field == nil || field.IsPK || field.Name != name || field == p.version {
			return nil, fmt.Errorf("%w: table %s has no column %q to set", dossier.ErrInvalid, p.table.Name, name)
		}
		if f, err := p.fileField(name); err == nil {
			if value != nil {
				return nil, fmt.Errorf("%w: column %s holds files: a bulk update can only clear it, with nil", dossier.ErrInvalid, name)
			}
			cleared = append(cleared, f)
		}
	}
	return cleared, nil
}

// eachWhere runs a bulk statement. When files leave their rows with it, the rows are locked first, and the statement is
// about these rows alone, found by their keys: rows that come to match meanwhile would lose files without an order.
func (s *Session) eachWhere(ctx context.Context, p *plan, fields []*fileField, where string, args []any,
	do func(where string, args []any) (sql.Result, error),
) (int, error) {
	args = argumentsInUTC(args...)
	if len(fields) == 0 {
		return s.affected(do(where, args))
	}
	keys, leaving, err := s.lockWhere(ctx, p, fields, where, args)
	if err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(leaving, maxGroup) {
		if err := s.order(ctx, chunk); err != nil {
			return 0, err
		}
	}
	total := 0
	for chunk := range slices.Chunk(keys, maxGroup) {
		n, err := s.affected(do("? IN (?)", []any{bun.Safe(p.keyColumns()), bun.Safe(strings.Join(chunk, ", "))}))
		if err != nil {
			return 0, err
		}
		if n != len(chunk) {
			return 0, s.watch(fmt.Errorf("%s: %w: %d of %d locked rows are there", p.table.Name, dossier.ErrStale, n, len(chunk)))
		}
		total += n
	}
	return total, nil
}

func (s *Session) affected(result sql.Result, err error) (int, error) {
	if err := s.watch(err); err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// lockWhere locks the selected rows, or holds SQLite's write lock, and returns their keys in SQL and the objects that they
// hold.
func (s *Session) lockWhere(ctx context.Context, p *plan, fields []*fileField, where string, args []any) (keys []string, leaving []held, err error) {
	q := s.m.db.NewSelect().Conn(s.tx.conn).Model(p.table.ZeroIface).ColumnExpr("1").Where(where, args...)
	for _, f := range fields {
		q = q.ColumnExpr("?", f.field.SQLName)
	}
	for _, pk := range p.table.PKs {
		q = q.ColumnExpr("?", pk.SQLName)
	}
	if lock := s.m.engine.traits().lock; lock != "" {
		q = q.For(lock)
	}
	rows, err := q.Rows(ctx)
	if err := s.watch(err); err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		raw := make([]any, len(p.table.PKs))
		values, err := scanFiles(fields, func(dest ...any) error {
			for i := range raw {
				dest = append(dest, &raw[i])
			}
			return rows.Scan(dest...)
		})
		if err != nil {
			return nil, nil, s.watch(err)
		}
		key, err := s.key(p, raw)
		if err != nil {
			return nil, nil, s.watch(err)
		}
		keys = append(keys, key)
		for _, files := range values {
			leaving = append(leaving, heldBy(files)...)
		}
	}
	return keys, leaving, s.watch(rows.Err())
}

// keyColumns are the columns of the primary key in SQL, as a row of values if there are several.
func (p *plan) keyColumns() string {
	var names []string
	for _, pk := range p.table.PKs {
		names = append(names, string(pk.SQLName))
	}
	return tuple(names)
}

// key is the primary key of a row in SQL, from what the database gave.
func (s *Session) key(p *plan, raw []any) (string, error) {
	row := reflect.New(p.table.Type).Elem()
	var values []string
	for i, pk := range p.table.PKs {
		if err := pk.ScanValue(row, raw[i]); err != nil {
			return "", fmt.Errorf("%s.%s: %w", p.table.Name, pk.Name, err)
		}
		values = append(values, string(pk.AppendValue(s.m.db.QueryGen(), nil, row)))
	}
	return tuple(values), nil
}

func tuple(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
