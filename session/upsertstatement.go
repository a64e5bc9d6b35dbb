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
	set := u.update
	if len(set) == 0 {
		set = u.match[:1] // a row that is there must be found, not passed over
	}
	if s.m.db.Dialect().Name() != dialect.MySQL {
		q = q.On("CONFLICT (?) DO UPDATE", bun.Safe(strings.Join(sqlNames(u.match), ", ")))
		for _, field := range set {
			q = q.Set("? = EXCLUDED.?", field.SQLName, field.SQLName)
		}
		return q
	}
	q = q.On("DUPLICATE KEY UPDATE")
	for i, field := range set {
		if i == 0 {
			q = q.Set("? = ?", field.SQLName, bun.Safe(u.guarded(field)))
			continue
		}
		q = q.Set("? = VALUES(?)", field.SQLName, field.SQLName)
	}
	return q
}

// guarded is the new value of a column on MySQL, where a duplicate of any unique key leads to the update: of a row that does
// not match it is an error, and the hash of one that does is kept to tell that it was there.
func (u upsert) guarded(field *schema.Field) string {
	var same []string
	for _, name := range sqlNames(u.match) {
		same = append(same, name+" <=> VALUES("+name+")")
	}
	value := "VALUES(" + string(field.SQLName) + ")"
	return "IF(" + strings.Join(same, " AND ") + ", IF((" + hit + " := CONCAT(" + hit + ", " + u.hash() + ")) IS NULL, " + value + ", " + value +
		"), (SELECT 1 UNION SELECT 2))"
}

// hash is the SQL of a text that stands for the values of a row by which it is found.
func (u upsert) hash() string {
	return "MD5(CONCAT_WS('|', " + strings.Join(sqlNames(u.match), ", ") + "))"
}

func sqlNames(fields []*schema.Field) []string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = string(field.SQLName)
	}
	return names
}
