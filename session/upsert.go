package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// Conflict says what [Session.InsertOrUpdate] does with rows that are there already.
type Conflict struct {
	// Match are the columns by which rows are found. The primary key or a unique index must be over exactly these columns.
	// None of them may be NULL. Default: none, the primary key.
	Match []string
	// Update are the columns that a row that is there gets from the model. Default: none, all but the primary key, those of
	// Match, and when and by whom the row was created.
	Update []string
}

// InsertOrUpdate writes rows of one type, inserting those that are not there and updating the others, in one statement for
// each 500 models of one shape, so that it is atomic under any concurrency: ON CONFLICT, on MySQL and MariaDB ON DUPLICATE
// KEY. The models are a pointer to a struct or to a slice; every column of them is what the row has afterwards, and created
// tells for each, in the order given, whether its row is new.
//
// Errors: errors.ErrUnsupported for models with file columns, a soft-delete column, a version or a slug, for which a row
// must be read before it is changed; dossier.ErrInvalid for a row given twice and for columns that are not there; the database's
// own, one for a value that is unique in another row among them, after which the session is rollback-only.
func (s *Session) InsertOrUpdate(ctx context.Context, models any, on Conflict) (created []bool, err error) {
	if err := s.enterWrite("insert or update"); err != nil {
		return nil, err
	}
	defer s.leave()
	rows, err := s.m.rows(models)
	if err == nil && len(rows) > 0 {
		created, err = s.upsertRows(ctx, rows, on)
	}
	if err != nil {
		return nil, fmt.Errorf("insert or update: %w", err)
	}
	return created, nil
}

// upsert is a statement that is being made.
type upsert struct {
	*plan
	match, update []*schema.Field
}

func (s *Session) upsertRows(ctx context.Context, rows []row, on Conflict) ([]bool, error) {
	u, err := rows[0].upsert(on)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		if err := s.prepareInsert(ctx, &rows[i]); err != nil {
			return nil, err
		}
		for _, field := range u.match {
			if field.IsPtr && field.Value(r.value).IsNil() {
				return nil, fmt.Errorf("%w: column %s is NULL, by which rows are found", dossier.ErrInvalid, field.Name)
			}
		}
	}
	if err := s.distinctKeys(rows, u.match); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	var created []bool
	for start := 0; start < len(rows); {
		end := start + 1
		for end < len(rows) && end-start < maxGroup && zeroShape(rows[end]) == zeroShape(rows[start]) {
			end++
		}
		some, err := s.upsertGroup(ctx, u, rows[start:end])
		if err != nil {
			return nil, err
		}
		created = append(created, some...)
		start = end
	}
	return created, nil
}

// upsert checks the columns.
func (p *plan) upsert(on Conflict) (upsert, error) {
	u := upsert{plan: p, match: p.table.PKs}
	if p.readFirst() {
		return u, fmt.Errorf("%w: table %s has files, a soft-delete column, a version or a slug", errors.ErrUnsupported, p.table.Name)
	}
	if len(on.Match) > 0 {
		u.match = nil
	}
	var err error
	if u.match, err = p.columns(u.match, on.Match); err != nil {
		return u, err
	}
	if len(u.match) == 0 {
		return u, fmt.Errorf("%w: table %s has no primary key to find rows by", dossier.ErrInvalid, p.table.Name)
	}
	if u.update, err = p.columns(nil, on.Update); err != nil {
		return u, err
	}
	for _, field := range p.table.DataFields {
		if len(on.Update) == 0 && !slices.Contains(u.match, field) && field != p.created && field != p.createdBy && !field.SkipUpdate() {
			u.update = append(u.update, field)
		}
	}
	for _, field := range []*schema.Field{p.updated, p.updatedBy} {
		if len(on.Update) > 0 && field != nil && !slices.Contains(u.update, field) {
			u.update = append(u.update, field)
		}
	}
	return u, nil
}

// columns appends the fields with these names.
func (p *plan) columns(to []*schema.Field, names []string) ([]*schema.Field, error) {
	for _, name := range names {
		field := p.field(name)
		if field == nil || slices.Contains(to, field) {
			return nil, fmt.Errorf("%w: table %s has no column %q, or it is named twice", dossier.ErrInvalid, p.table.Name, name)
		}
		to = append(to, field)
	}
	return to, nil
}

// upsertGroup is one statement, and one that reads what the rows are afterwards.
func (s *Session) upsertGroup(ctx context.Context, u upsert, rows []row) ([]bool, error) {
	s.takeKeysBack(rows)
	known, err := s.knownBefore(ctx, u, rows)
	if err != nil {
		return nil, err
	}
	if _, err := s.affected(s.upsertQuery(u, rows).Exec(ctx)); err != nil {
		return nil, err
	}
	found, err := s.readBack(ctx, u, rows)
	if err != nil {
		return nil, err
	}
	created := make([]bool, len(rows))
	for i, r := range rows {
		f, ok := found[s.valuesOf(r, u.match)]
		if !ok && len(rows) == 1 && len(found) == 1 { // the database keeps the value in another form
			for _, f = range found {
				ok = true
			}
		}
		if !ok {
			return nil, s.watch(fmt.Errorf("%s: %w: a row is not found by the values it was written with", r.table.Name, dossier.ErrConflict))
		}
		for _, field := range r.table.Fields {
			field.Value(r.value).Set(field.Value(f.value))
		}
		created[i] = f.created && !known[s.valuesOf(r, u.match)]
		s.remember(r)
	}
	return created, nil
}

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

// readFirst reports whether rows of the table must be read before they are changed.
func (p *plan) readFirst() bool {
	return len(p.files) > 0 || p.table.SoftDeleteField != nil || p.version != nil || p.slug != nil
}
