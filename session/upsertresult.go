package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/uptrace/bun/dialect"
)

// knownBefore returns on SQLite, under whose write lock nobody else can add rows, which rows are there. Elsewhere the
// statement itself tells.
func (s *Session) knownBefore(ctx context.Context, u upsert, rows []row) (map[string]bool, error) {
	known := map[string]bool{}
	switch s.m.db.Dialect().Name() {
	case dialect.SQLite:
		found, err := s.readBack(ctx, u, rows)
		for id := range found {
			known[id] = true
		}
		return known, err
	case dialect.MySQL:
		_, err := s.tx.conn.ExecContext(ctx, "SET "+hit+" = ''")
		return known, s.watch(err)
	}
	return known, nil
}

// after is a row as it is in the database.
type after struct {
	value   reflect.Value
	created bool
}

// readBack reads the rows that have the values of these in the columns of match, by these values.
func (s *Session) readBack(ctx context.Context, u upsert, rows []row) (map[string]after, error) {
	created := map[dialect.Name]string{
		dialect.PG:    "xmax = 0", // the version of a row that ON CONFLICT updated has its locker in xmax, a new one nobody
		dialect.MySQL: "LOCATE(" + u.hash() + ", " + hit + ") = 0",
	}[s.m.db.Dialect().Name()]
	if created == "" {
		created = "1 = 1"
	}
	gen := s.m.db.QueryGen()
	query := []byte("SELECT CASE WHEN " + created + " THEN 1 ELSE 0 END, " + strings.Join(sqlNames(u.table.Fields), ", ") + " FROM " +
		string(u.table.SQLName) + " WHERE ")
	for i, r := range rows {
		if i > 0 {
			query = append(query, " OR "...)
		}
		query = appendMatch(gen, query, r, u.match)
	}
	result, err := s.tx.conn.Conn.QueryContext(ctx, string(query))
	if err := s.watch(err); err != nil {
		return nil, err
	}
	defer result.Close()
	found := map[string]after{}
	for result.Next() {
		f, err := u.scan(result)
		if err != nil {
			return nil, s.watch(fmt.Errorf("%s: %w", u.table.Name, err))
		}
		found[s.valuesOf(row{plan: u.plan, value: f.value}, u.match)] = f
	}
	return found, s.watch(errors.Join(result.Err(), result.Close()))
}

// scan reads whether the row is new, and all its columns.
func (u upsert) scan(rows *sql.Rows) (after, error) {
	f := after{value: reflect.New(u.table.Type).Elem()}
	raw := make([]any, len(u.table.Fields))
	var created int
	dest := []any{&created}
	for i := range raw {
		dest = append(dest, &raw[i])
	}
	if err := rows.Scan(dest...); err != nil {
		return f, err
	}
	f.created = created == 1
	for i, field := range u.table.Fields {
		if err := field.ScanValue(f.value, raw[i]); err != nil {
			return f, fmt.Errorf("column %s: %w", field.Name, err)
		}
	}
	return f, nil
}
