package session

import (
	"context"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// ForceDelete is Delete that removes the rows whether the model has a soft-delete column or not, soft-deleted ones too, and
// orders the delete of their objects. A row that is not there is dossier.ErrStale.
func (s *Session) ForceDelete(ctx context.Context, models ...any) error {
	return s.eachRowOf(ctx, "force delete", models, func(r row) error {
		current, ok, err := s.current(ctx, r, r.plan.files)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s: %w: there is no such row", r.table.Name, dossier.ErrStale)
		}
		var leaving []held
		for _, files := range current {
			leaving = append(leaving, heldBy(files)...)
		}
		if err := s.order(ctx, leaving); err != nil {
			return err
		}
		n, err := s.affected(s.m.db.NewDelete().Conn(s.tx.conn).Model(r.model).WherePK().ForceDelete().WhereAllWithDeleted().Exec(ctx))
		if err := s.exactlyOne(r, "deleted", n, err); err != nil {
			return err
		}
		s.forget(r)
		return nil
	})
}

// Restore takes the soft delete of rows back, in the database and in the structs. A row that is not there or not
// soft-deleted is dossier.ErrStale, a model without a soft-delete column dossier.ErrInvalid.
func (s *Session) Restore(ctx context.Context, models ...any) error {
	return s.eachRowOf(ctx, "restore", models, func(r row) error {
		field := r.table.SoftDeleteField
		if field == nil {
			return fmt.Errorf("%w: table %s has no soft-delete column", dossier.ErrInvalid, r.table.Name)
		}
		top, mark := s.top(), s.undoMark()
		s.fill(r, field, reflect.Zero(field.StructField.Type))
		live := []byte("NULL")
		if !field.NullZero && !field.IsPtr {
			live = field.AppendValue(s.m.db.QueryGen(), nil, r.value)
		}
		n, err := s.affected(s.m.db.NewUpdate().Conn(s.tx.conn).Model(r.model).WherePK().WhereDeleted().
			Set("? = ?", field.SQLName, bun.Safe(live)).Exec(ctx))
		if err := s.exactlyOne(r, "restored", n, err); err != nil {
			top.takeBack(mark)
			return err
		}
		s.forget(r)
		return nil
	})
}

// eachRowOf calls do for the row of each model, which has a primary key, in the transaction.
func (s *Session) eachRowOf(ctx context.Context, op string, models []any, do func(r row) error) error {
	if err := s.enterWrite(op); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(models...)
	if err == nil && len(rows) > 0 {
		err = s.open(ctx)
	}
	for i := 0; err == nil && i < len(rows); i++ {
		if len(rows[i].table.PKs) == 0 {
			err = fmt.Errorf("%w: table %s has no primary key", dossier.ErrInvalid, rows[i].table.Name)
			break
		}
		err = do(rows[i])
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// exactlyOne makes another number of affected rows dossier.ErrStale.
func (s *Session) exactlyOne(r row, what string, n int, err error) error {
	if err != nil || n == 1 {
		return err
	}
	return s.watch(fmt.Errorf("%s: %w: %d rows were %s, not 1", r.table.Name, dossier.ErrStale, n, what))
}
