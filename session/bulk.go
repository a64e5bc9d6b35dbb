package session

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
)

// DeleteWhere deletes all rows of the table of a model that the condition selects, and returns how many. The condition is
// bun's: "title = ?" with arguments; it must not be empty ("1 = 1" means all). Objects of the rows are ordered to be deleted; a
// model with a soft-delete column keeps them. row is a pointer to the model's struct, nil or not.
func (s *Session) DeleteWhere(ctx context.Context, row any, where string, args ...any) (int, error) {
	n, err := s.bulk(ctx, "delete where", row, where, func(p *plan) (int, error) {
		if p.table.SoftDeleteField == nil {
			if err := s.orderWhere(ctx, p, p.files, where, args); err != nil {
				return 0, err
			}
		}
		result, err := s.m.db.NewDelete().Conn(s.tx.conn).Model(p.table.ZeroIface).Where(where, args...).Exec(ctx)
		if err := s.watch(err); err != nil {
			return 0, err
		}
		n, err := result.RowsAffected()
		return int(n), err
	})
	return n, err
}

// UpdateWhere sets columns of all rows that the condition selects, and returns how many. A file column can be cleared,
// with nil, and never set: the objects are ordered to be deleted. An audit time is touched.
func (s *Session) UpdateWhere(ctx context.Context, row any, set map[string]any, where string, args ...any) (int, error) {
	n, err := s.bulk(ctx, "update where", row, where, func(p *plan) (int, error) {
		cleared, err := p.checkSet(set)
		if err != nil {
			return 0, err
		}
		if err := s.orderWhere(ctx, p, cleared, where, args); err != nil {
			return 0, err
		}
		return s.updateWhere(ctx, p, set, where, args)
	})
	return n, err
}

func (s *Session) updateWhere(ctx context.Context, p *plan, set map[string]any, where string, args []any) (int, error) {
	q := s.m.db.NewUpdate().Conn(s.tx.conn).Model(p.table.ZeroIface).Where(where, args...)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		q = q.Set(string(p.field(name).SQLName)+" = ?", set[name])
	}
	if p.updated != nil && set[p.updated.Name] == nil {
		q = q.Set(string(p.updated.SQLName)+" = ?", model.Now())
	}
	result, err := q.Exec(ctx)
	if err := s.watch(err); err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// bulk is the frame of both: what the session remembers of the table is dropped, because the condition may mean any row.
func (s *Session) bulk(ctx context.Context, op string, row any, where string, do func(p *plan) (int, error)) (int, error) {
	if err := s.enterWrite(op); err != nil {
		return 0, err
	}
	defer s.leave()
	p, err := s.m.planOf(reflect.TypeOf(row))
	if err == nil && strings.TrimSpace(where) == "" {
		err = fmt.Errorf("%w: the condition is empty; \"1 = 1\" means all rows", dossier.ErrInvalid)
	}
	if err == nil {
		err = s.open(ctx)
	}
	n := 0
	if err == nil {
		n, err = do(p)
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
		if field == nil || field.IsPK || field.Name != name {
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

// orderWhere orders the deletes of all objects in the columns of the selected rows, read under the write lock, in
// batches.
func (s *Session) orderWhere(ctx context.Context, p *plan, fields []*fileField, where string, args []any) error {
	if len(fields) == 0 {
		return nil
	}
	q := s.m.db.NewSelect().Conn(s.tx.conn).Model(p.table.ZeroIface).ColumnExpr("1").Where(where, args...)
	for _, f := range fields {
		q = q.ColumnExpr("?", f.field.SQLName)
	}
	rows, err := q.Rows(ctx)
	if err := s.watch(err); err != nil {
		return err
	}
	defer rows.Close()
	var leaving []held
	for rows.Next() {
		values, err := scanFiles(fields, rows.Scan)
		if err != nil {
			return s.watch(err)
		}
		for _, files := range values {
			leaving = append(leaving, heldBy(files)...)
		}
		if len(leaving) >= maxGroup {
			if err := s.order(ctx, leaving); err != nil {
				return err
			}
			leaving = leaving[:0]
		}
	}
	if err := s.watch(rows.Err()); err != nil {
		return err
	}
	return s.order(ctx, leaving)
}
