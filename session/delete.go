package session

import (
	"context"
	"fmt"

	"github.com/dossier-go/dossier"
)

// Delete deletes the rows of models, found by primary key, and orders the delete of their objects. What the rows hold is
// read under the lock; the structs in memory do not matter. A model with a soft-delete column keeps its objects. A row that
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
	result, err := s.m.db.NewDelete().Conn(s.tx.conn).Model(r.model).WherePK().Exec(ctx)
	if err := s.watch(err); err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return s.watch(fmt.Errorf("%s: %w: %d rows were deleted, not 1", r.table.Name, dossier.ErrStale, n))
	}
	s.forget(r)
	return s.order(ctx, leaving)
}
