package session

import (
	"reflect"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// hit collects on MySQL the hashes of the rows that a statement found.
const hit = "@dossier_upsert"

func (s *Session) upsertQuery(u upsert, rows []row) *bun.InsertQuery {
	slice := reflect.New(reflect.SliceOf(reflect.TypeOf(rows[0].model)))
	for _, r := range rows {
		slice.Elem().Set(reflect.Append(slice.Elem(), reflect.ValueOf(r.model)))
	}
	q := s.m.db.NewInsert().Conn(s.tx.conn).Model(slice.Interface()).Returning("")
	if s.m.db.Dialect().Name() == dialect.MySQL {
		return u.onDuplicateKey(q)
	}
	q = q.On("CONFLICT (?) DO UPDATE", bun.Safe(strings.Join(sqlNames(u.match), ", ")))
	for _, field := range u.update {
		q = q.Set("? = EXCLUDED.?", field.SQLName, field.SQLName)
	}
	if found := u.match[0]; len(u.update) == 0 { // a row that is there must be found, not passed over
		q = q.Set("? = ?.?", found.SQLName, u.table.SQLAlias, found.SQLName)
	}
	return q
}

func (u upsert) onDuplicateKey(q *bun.InsertQuery) *bun.InsertQuery {
	q = q.On("DUPLICATE KEY UPDATE")
	for i, field := range u.update {
		value := "VALUES(" + string(field.SQLName) + ")"
		if i == 0 {
			value = u.guarded(value)
		}
		q = q.Set("? = ?", field.SQLName, bun.Safe(value))
	}
	if found := u.match[0].SQLName; len(u.update) == 0 {
		q = q.Set("? = ?", found, bun.Safe(u.guarded(string(found))))
	}
	return q
}

// guarded is the new value of a column on MySQL, where a duplicate of any unique key leads to the update: of a row that does
// not match it is an error, and the hash of one that does is kept to tell that it was there.
func (u upsert) guarded(value string) string {
	var same []string
	for _, name := range sqlNames(u.match) {
		same = append(same, name+" <=> VALUES("+name+")")
	}
	return "IF(" + strings.Join(same, " AND ") + ", IF((" + hit + " := CONCAT(" + hit + ", " + u.hash() + ")) IS NULL, " + value + ", " + value +
		"), (SELECT 1 UNION SELECT 2))"
}

// hash is the SQL of a text that stands for one row: of the primary key, which the statement leaves as it is, or without one
// of the values by which the row is found. Each value is its text in hexadecimal digits, so that no value holds what stands
// between two of them.
func (u upsert) hash() string {
	fields := u.table.PKs
	if len(fields) == 0 {
		fields = u.match
	}
	var parts []string
	for _, name := range sqlNames(fields) {
		parts = append(parts, "IFNULL(HEX(CONCAT("+name+")), '-')")
	}
	return "MD5(CONCAT_WS(',', " + strings.Join(parts, ", ") + "))"
}

func sqlNames(fields []*schema.Field) []string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = string(field.SQLName)
	}
	return names
}
