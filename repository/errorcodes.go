package repository

import (
	"errors"
	"io"
	"net"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// postgresqlKinds by SQLSTATE; see https://www.postgresql.org/docs/current/errcodes-appendix.html.
var postgresqlKinds = map[string]error{
	"23505": ErrDuplicate, "23P01": ErrDuplicate, "23503": ErrForeignKey, "23001": ErrForeignKey, "23502": ErrNotNull,
	"23514": ErrCheck, "22001": ErrCheck, "22003": ErrCheck,
	"22007": ErrCheck, "22008": ErrCheck, "22021": ErrCheck, "22P02": ErrCheck, "22P05": ErrCheck,
	"40001": ErrSerialization, "40P01": ErrSerialization, "55P03": ErrSerialization,
}

// postgresqlError recognises an SQLSTATE; pgx has the names in fields of its error.
func postgresqlError(err error) *DatabaseError {
	code := journal.SQLState(err)
	kind := postgresqlKinds[code]
	if kind == nil && code != "" && session.Unavailable(err) {
		kind = dossier.ErrUnavailable
	}
	if kind == nil {
		return nil
	}
	var source interface{ SQLState() string }
	errors.As(err, &source)
	found := &DatabaseError{
		Kind: kind, Code: code, Constraint: textField(source, "ConstraintName"), Table: textField(source, "TableName"),
	}
	if name := textField(source, "ColumnName"); name != "" {
		found.Columns = []string{name}
	} else if list, _, ok := strings.Cut(textField(source, "Detail"), ")=("); ok { // Key (a, b)=(1, 2) already exists.
		_, list, _ = strings.Cut(list, "(")
		found.Columns = names(list, ", ")
	}
	return found
}

// textField reads a field of a driver's error by its name, so that the driver need not be linked.
func textField(err any, name string) string {
	v := reflect.Indirect(reflect.ValueOf(err))
	if v.Kind() != reflect.Struct {
		return ""
	}
	if field := v.FieldByName(name); field.Kind() == reflect.String {
		return field.String()
	}
	return ""
}

// names splits a list of names and takes their quotes away.
func names(list, separator string) []string {
	var all []string
	for _, name := range strings.Split(list, separator) {
		all = append(all, strings.Trim(name, "`\"' "))
	}
	return all
}

// mysqlKinds by number; see https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html and
// https://mariadb.com/kb/en/mariadb-error-code-reference/ (4025).
var mysqlKinds = map[int]error{
	1022: ErrDuplicate, 1062: ErrDuplicate, 1169: ErrDuplicate, 1557: ErrDuplicate, 1586: ErrDuplicate,
	1216: ErrForeignKey, 1217: ErrForeignKey, 1451: ErrForeignKey, 1452: ErrForeignKey,
	3819: ErrCheck, 4025: ErrCheck, 1153: ErrCheck, 1264: ErrCheck, 1265: ErrCheck, 1292: ErrCheck, 1366: ErrCheck, 1406: ErrCheck,
	1048: ErrNotNull, 1263: ErrNotNull, 1364: ErrNotNull,
	1020: ErrSerialization, 1205: ErrSerialization, 1213: ErrSerialization, 3572: ErrSerialization,
}

// mysqlError recognises a number. The protocol has no field for names, so they are taken from the text.
func mysqlError(err error) *DatabaseError {
	number := journal.MySQLNumber(err)
	kind := mysqlKinds[number]
	if kind == nil && number != 0 && session.Unavailable(err) {
		kind = dossier.ErrUnavailable
	}
	if kind == nil {
		return nil
	}
	found := &DatabaseError{Kind: kind, Code: strconv.Itoa(number)}
	var source *mysql.MySQLError
	if errors.As(err, &source) {
		found.nameMySQL(source.Message)
	}
	return found
}

func (e *DatabaseError) nameMySQL(text string) {
	switch e.Kind {
	case ErrDuplicate: // Duplicate entry 'x' for key 'email', in MySQL 'people.email'
		e.Constraint = last(text, "'")
		if table, key, ok := strings.Cut(e.Constraint, "."); ok {
			e.Table, e.Constraint = table, key
		}
	case ErrForeignKey: // … fails (`db`.`child`, CONSTRAINT `name` FOREIGN KEY (`parent`) REFERENCES …
		e.Table = last(between(text, "(", ","), "`")
		e.Constraint = between(text, "CONSTRAINT `", "`")
		if columns := between(text, "FOREIGN KEY (", ")"); columns != "" {
			e.Columns = names(columns, ",")
		}
	case ErrNotNull: // Column 'title' cannot be null; Field 'title' doesn't have a default value
		e.Columns = names(between(text, "'", "'"), ",")
	case ErrCheck: // CONSTRAINT `name` failed for `db`.`table`; Check constraint 'name' is violated.
		switch e.Code {
		case "1264", "1265", "1406": // Data too long for column 'title' at row 1
			e.Columns = names(between(text, "'", "'"), ",")
		case "1292", "1366": // Incorrect string value: '\xF0' for column `db`.`notes`.`title` at row 1, in MySQL 'title'
			if _, column, ok := strings.Cut(text, "for column "); ok {
				e.Columns = []string{last(strings.ReplaceAll(column, "`", "'"), "'")}
			}
		case "3819":
			e.Constraint = between(text, "'", "'")
		default:
			e.Constraint, e.Table = between(text, "CONSTRAINT `", "`"), last(text, "`")
		}
	}
}

// between returns what stands in the text after the first begin and before the next end.
func between(text, begin, end string) string {
	_, rest, ok := strings.Cut(text, begin)
	if !ok {
		return ""
	}
	found, _, ok := strings.Cut(rest, end)
	if !ok {
		return ""
	}
	return found
}

// last returns what stands between the last two quotes of the text.
func last(text, quote string) string {
	parts := strings.Split(text, quote)
	if len(parts) < 3 {
		return ""
	}
	return parts[len(parts)-2]
}

// sqliteKinds by extended result code; see https://www.sqlite.org/rescode.html.
var sqliteKinds = map[int]error{
	1555: ErrDuplicate, 2067: ErrDuplicate, 2579: ErrDuplicate, 787: ErrForeignKey, 275: ErrCheck, 1299: ErrNotNull,
}

// sqlitePrimaryKinds by primary result code, for all extended ones.
var sqlitePrimaryKinds = map[int]error{
	5: ErrSerialization, 6: ErrSerialization, 10: dossier.ErrUnavailable, 14: dossier.ErrUnavailable,
}

// sqliteTrigger is the code of RAISE in a trigger. ON DELETE RESTRICT is such a trigger of SQLite's own, and the only
// code that needs its text to be told apart.
const sqliteTrigger, sqliteForeignKey = 1811, "FOREIGN KEY constraint failed"

// sqliteError recognises an extended code. SQLite has no field for names, so they are taken from the text.
func sqliteError(err error) *DatabaseError {
	var stored *dossier.Error
	code, text := journal.SQLiteCode(err), err.Error()
	if code == 0 || errors.As(err, &stored) {
		return nil
	}
	kind := sqliteKinds[code]
	if kind == nil {
		kind = sqlitePrimaryKinds[code&0xFF]
	}
	if code == sqliteTrigger && strings.Contains(text, sqliteForeignKey) {
		kind = ErrForeignKey
	}
	if kind == nil {
		return nil
	}
	found := &DatabaseError{Kind: kind, Code: strconv.Itoa(code)}
	found.nameSQLite(text)
	return found
}

func (e *DatabaseError) nameSQLite(text string) {
	text, _, _ = strings.Cut(text, " ("+e.Code+")") // … UNIQUE constraint failed: people.email, people.name (2067)
	i := strings.LastIndex(text, "constraint failed: ")
	if i < 0 || e.Kind == ErrForeignKey {
		return
	}
	about := text[i+len("constraint failed: "):]
	if e.Kind == ErrCheck {
		e.Constraint = about
		return
	}
	for _, name := range strings.Split(about, ", ") {
		table, column, ok := strings.Cut(name, ".")
		if !ok {
			return
		}
		e.Table, e.Columns = table, append(e.Columns, column)
	}
}

// connectionError recognises that the connection failed, unless the caller's own context ended it, or it is one to a store.
// The bare end of something may as well be that of a file which was to be written.
func connectionError(err error) *DatabaseError {
	var network net.Error
	bare := (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && !errors.As(err, &network)
	if bare || !session.Unavailable(err) {
		return nil
	}
	return &DatabaseError{Kind: dossier.ErrUnavailable}
}
