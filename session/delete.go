package session

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
	"github.com/uptrace/bun"
)

// Delete deletes the rows of models, found by primary key, and orders the delete of their objects. What the rows hold is
// read under the lock; the structs in memory do not matter, but for a version
// that is not 0. A model with a soft-delete column keeps its row, marked, and its objects. A row that
// is not there is dossier.ErrStale.
func (s *Session) Delete(ctx context.Context, models ...any) error {
	if err := s.enterWrite("delete"); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(models...)
	if err == nil && len(rows) > 0 {
		err = s.open(ctx)
	}
	for i := 0; err == nil && i < len(rows); i++ {
		err = s.deleteRow(ctx, rows[i])
	}
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

func (s *Session) deleteRow(ctx context.Context, r row) error {
	if len(r.table.PKs) == 0 {
		return fmt.Errorf("%w: table %s has no primary key", dossier.ErrInvalid, r.table.Name)
	}
	var leaving []held
	if len(r.plan.files) > 0 && r.table.SoftDeleteField == nil {
		current, ok, err := s.current(ctx, r, r.plan.files)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s: %w: there is no such row", r.table.Name, dossier.ErrStale)
		}
		for _, files := range current {
			leaving = append(leaving, heldBy(files)...)
		}
	}
	if err := s.order(ctx, leaving); err != nil {
		return err
	}
	mark := s.undoMark()
	n, err := s.deleteStatement(ctx, r)
	if err == nil && n != 1 {
		err = fmt.Errorf("%s: %w: %d rows were deleted, not 1", r.table.Name, dossier.ErrStale, n)
	}
	if err := s.watch(err); err != nil {
		s.top().takeBack(mark)
		return err
	}
	s.forget(r)
	return nil
}

func (s *Session) deleteStatement(ctx context.Context, r row) (int64, error) {
	version := int64(0)
	if r.version != nil {
		version = r.version.Value(r.value).Int()
	}
	if r.table.SoftDeleteField != nil {
		q, err := s.softDelete(r, version)
		if err != nil {
			return 0, err
		}
		return rowsOf(q.Exec(ctx))
	}
	q := s.m.db.NewDelete().Conn(s.tx.conn).Model(r.model).WherePK()
	if version != 0 {
		q = q.Where("? = ?", r.version.SQLName, version)
	}
	return rowsOf(q.Exec(ctx))
}

// softDelete marks a row and the struct. bun would write the time as the process has it, in its zone and finer than the
// column, and bun's struct would keep the mark after a rollback.
func (s *Session) softDelete(r row, version int64) (*bun.UpdateQuery, error) {
	field := r.table.SoftDeleteField
	s.fill(r, field, field.Value(r.value)) // to be undone
	if err := r.table.UpdateSoftDeleteField(field.Value(r.value), model.Now()); err != nil {
		return nil, err
	}
	q := s.m.db.NewUpdate().Conn(s.tx.conn).Model(r.model).Column(field.Name).WherePK()
	if version != 0 {
		q = q.Where("? = ?", r.version.SQLName, version)
	}
	return q, nil
}

func (s *Session) softDeleteWhere(ctx context.Context, p *plan, where string, args []any) (sql.Result, error) {
	marked := reflect.New(p.table.Type).Elem()
	field := p.table.SoftDeleteField
	if err := p.table.UpdateSoftDeleteField(field.Value(marked), model.Now()); err != nil {
		return nil, err
	}
	value := bun.Safe(field.AppendValue(s.m.db.QueryGen(), nil, marked))
	return s.m.db.NewUpdate().Conn(s.tx.conn).Model(p.table.ZeroIface).Set("? = ?", field.SQLName, value).Where(where, args...).Exec(ctx)
}
