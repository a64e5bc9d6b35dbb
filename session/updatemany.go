package session

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// UpdateMany is Update for several models of one type, pointers to structs or to slices: one statement for 500 rows, or one
// for each where file columns are written, because each row's files are compared under its lock. When a row is not there
// the session is rollback-only; a Nested block ends that. Errors: as Update; dossier.ErrInvalid for a row given twice.
func (s *Session) UpdateMany(ctx context.Context, models any, columns ...string) error {
	if err := s.enterWrite("update many"); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(models)
	if err == nil {
		err = s.updateRows(ctx, rows, columns)
	}
	if err != nil {
		return fmt.Errorf("update many: %w", err)
	}
	return nil
}

// StageUpdate uploads now what an Update of the model, or an UpdateMany of the models, of these columns would upload: for updates
// inside a Nested block, whose savepoint begins the transaction. It refuses what they refuse before anything is sent. What no
// row takes is removed at the end of the unit of work, as with Stage.
func (s *Session) StageUpdate(ctx context.Context, models any, columns ...string) error {
	if err := s.enterWrite("stage update"); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(models)
	var changes []change
	if err == nil && len(rows) > 0 {
		changes, err = s.checkUpdates(rows, columns)
	}
	if err == nil && len(changes) > 0 {
		err = s.stageRows(ctx, rows, namesOf(changes))
	}
	if err != nil {
		return fmt.Errorf("stage update: %w", err)
	}
	return nil
}

// checkUpdates returns the file columns that an update of the rows writes.
func (s *Session) checkUpdates(rows []row, columns []string) ([]change, error) {
	for _, r := range rows {
		if r.plan != rows[0].plan {
			return nil, fmt.Errorf("%w: models of several types", dossier.ErrInvalid)
		}
	}
	names, changes, err := rows[0].updating(columns)
	for i := 0; err == nil && i < len(rows); i++ {
		err = rows[i].checkTexts(names)
	}
	if err != nil {
		return nil, err
	}
	return changes, s.distinctKeys(rows, rows[0].table.PKs)
}

func (s *Session) updateRows(ctx context.Context, rows []row, columns []string) error {
	if len(rows) == 0 {
		return nil
	}
	changes, err := s.checkUpdates(rows, columns)
	if err != nil {
		return err
	}
	if len(changes) > 0 || rows[0].slug != nil {
		return s.updateEach(ctx, rows, columns, changes)
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	mark, top := s.undoMark(), s.top()
	for start, end := 0, 0; start < len(rows); start = end {
		end = groupEnd(rows, start)
		if err := s.updateGroup(ctx, rows[start:end], columns); err != nil {
			top.takeBack(mark)
			return err
		}
	}
	return nil
}

// updateEach uploads all files that are to be written before the first row is locked.
func (s *Session) updateEach(ctx context.Context, rows []row, columns []string, changes []change) error {
	if err := s.stageRows(ctx, rows, namesOf(changes)); err != nil {
		return err
	}
	mark, top := s.undoMark(), s.top()
	for i, r := range rows {
		err := s.updateRow(ctx, r, columns, s.updateSame)
		if err != nil && i > 0 {
			_ = s.watch(err) // half of the call must not be committed
			top.takeBack(mark)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// distinctKeys refuses rows that have the same values in the fields, by which they are to be found, and those that no value can
// find. A key that is NULL is yet to be made.
func (s *Session) distinctKeys(rows []row, fields []*schema.Field) error {
	seen := map[string]int{}
	for i, r := range rows {
		for _, field := range fields {
			if !field.IsPK && s.isNull(r, field) {
				return fmt.Errorf("%w: column %s is NULL, by which rows are found", dossier.ErrInvalid, field.Name)
			}
		}
		id := s.valuesOf(r, fields)
		if first, ok := seen[id]; ok {
			return fmt.Errorf("%w: models %d and %d are the same row of %s", dossier.ErrInvalid, first, i, r.table.Name)
		}
		seen[id] = i
	}
	return nil
}

// isNull reports whether the column would be NULL, whatever way its field has to say so.
func (s *Session) isNull(r row, field *schema.Field) bool {
	return string(field.AppendValue(s.m.db.QueryGen(), nil, r.value)) == "NULL"
}

// valuesOf are the fields of a row in SQL.
func (s *Session) valuesOf(r row, fields []*schema.Field) string {
	var b []byte
	for _, field := range fields {
		b = append(field.AppendValue(s.m.db.QueryGen(), b, r.value), ',')
	}
	return string(b)
}

// updateGroup is one statement: each column gets the value that belongs to the key of the row. The column itself as the last
// alternative gives the expression its type, and is what rows get that do not write the column.
func (s *Session) updateGroup(ctx context.Context, rows []row, columns []string) error {
	writes := make([]writing, len(rows))
	var found []byte
	var names []string
	for i, r := range rows {
		var err error
		if writes[i], err = s.writing(ctx, r, columns); err != nil {
			return err
		}
		if i > 0 {
			found = append(found, " OR "...)
		}
		found = s.appendFound(found, r, writes[i])
		for _, name := range writes[i].names {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	q := s.m.db.NewUpdate().Conn(s.tx.conn).Model(rows[0].table.ZeroIface)
	for _, name := range names {
		q = q.Set("?", bun.Safe(s.caseOf(rows, writes, name)))
	}
	if len(names) == 0 { // the rows are only looked for
		q = q.Set("? = ?", writes[0].nothing.SQLName, writes[0].nothing.SQLName)
	}
	n, err := s.affected(q.Where("?", bun.Safe(found)).Exec(ctx))
	if err == nil && n != len(rows) {
		err = s.watch(fmt.Errorf("%s: %w: %d of %d rows were updated", rows[0].table.Name, dossier.ErrStale, n, len(rows)))
	}
	if err != nil {
		return err
	}
	for i, r := range rows {
		if len(writes[i].names) > 0 {
			s.wrote(r, writes[i].names...)
		}
	}
	return nil
}

// writing decides what an update writes to a row, and fills that.
func (s *Session) writing(ctx context.Context, r row, columns []string) (writing, error) {
	names, _, err := r.updating(columns)
	w := writing{names: names, named: len(columns) > 0}
	if err == nil {
		err = s.touch(ctx, r, &w)
	}
	if w.nothing != nil {
		w.names = nil
	}
	return w, err
}

// appendFound is the condition for the row in the state that the model was loaded with.
func (s *Session) appendFound(b []byte, r row, w writing) []byte {
	b = appendMatch(s.m.db.QueryGen(), append(b, '('), r, r.table.PKs)
	if r.version != nil {
		b = append(append(append(b, " AND "...), r.version.SQLName...), " = "...)
		b = strconv.AppendInt(b, w.before, 10)
	}
	return append(b, ')')
}

// caseOf sets a column to the value of each row.
func (s *Session) caseOf(rows []row, writes []writing, name string) []byte {
	gen, field := s.m.db.QueryGen(), rows[0].field(name)
	b := append(append([]byte(nil), field.SQLName...), " = CASE"...)
	for i, r := range rows {
		if slices.Contains(writes[i].names, name) {
			b = append(appendMatch(gen, append(b, " WHEN "...), r, r.table.PKs), " THEN "...)
			b = field.AppendValue(gen, b, r.value)
		}
	}
	return append(append(append(b, " ELSE "...), field.SQLName...), " END"...)
}

// appendMatch is a condition for the row that has these values in the fields.
func appendMatch(gen schema.QueryGen, b []byte, r row, fields []*schema.Field) []byte {
	b = append(b, '(')
	for i, field := range fields {
		if i > 0 {
			b = append(b, " AND "...)
		}
		b = append(append(b, field.SQLName...), " = "...)
		b = field.AppendValue(gen, b, r.value)
	}
	return append(b, ')')
}
