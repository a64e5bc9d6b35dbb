package session

import (
	"context"
	"fmt"
	"slices"

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

func (s *Session) updateRows(ctx context.Context, rows []row, columns []string) error {
	if len(rows) == 0 {
		return nil
	}
	names, changes, err := rows[0].updated(columns)
	if err == nil {
		err = s.distinctKeys(rows, rows[0].table.PKs)
	}
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		return s.updateEach(ctx, rows, columns)
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	for some := range slices.Chunk(rows, maxGroup) {
		if err := s.updateGroup(ctx, some, names, columns); err != nil {
			return err
		}
	}
	return nil
}

// updateEach uploads all files before the first row is locked.
func (s *Session) updateEach(ctx context.Context, rows []row, columns []string) error {
	if err := s.stageRows(ctx, rows, nil); err != nil {
		return err
	}
	for _, r := range rows {
		if err := s.updateRow(ctx, r, columns); err != nil {
			return err
		}
	}
	return nil
}

// distinctKeys refuses rows that have the same values in the fields.
func (s *Session) distinctKeys(rows []row, fields []*schema.Field) error {
	seen := map[string]int{}
	for i, r := range rows {
		id := s.valuesOf(r, fields)
		if first, ok := seen[id]; ok {
			return fmt.Errorf("%w: models %d and %d are the same row of %s", dossier.ErrInvalid, first, i, r.table.Name)
		}
		seen[id] = i
	}
	return nil
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
// alternative gives the expression its type.
func (s *Session) updateGroup(ctx context.Context, rows []row, names, columns []string) error {
	gen := s.m.db.QueryGen()
	q := s.m.db.NewUpdate().Conn(s.tx.conn).Model(rows[0].table.ZeroIface)
	var any []byte
	for i, r := range rows {
		if !slices.Contains(columns, columnName(r.plan.updated)) {
			r.prepareUpdate(r.value)
		}
		if i > 0 {
			any = append(any, " OR "...)
		}
		any = appendMatch(gen, any, r, r.table.PKs)
	}
	for _, name := range names {
		field := rows[0].field(name)
		b := append(append([]byte(nil), field.SQLName...), " = CASE"...)
		for _, r := range rows {
			b = append(appendMatch(gen, append(b, " WHEN "...), r, r.table.PKs), " THEN "...)
			b = field.AppendValue(gen, b, r.value)
		}
		b = append(append(append(b, " ELSE "...), field.SQLName...), " END"...)
		q = q.Set("?", bun.Safe(b))
	}
	n, err := s.affected(q.Where("?", bun.Safe(any)).Exec(ctx))
	if err == nil && n != len(rows) {
		err = s.watch(fmt.Errorf("%s: %w: %d of %d rows were updated", rows[0].table.Name, dossier.ErrStale, n, len(rows)))
	}
	if err != nil {
		return err
	}
	for _, r := range rows {
		s.wrote(r, names...)
	}
	return nil
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
