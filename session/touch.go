package session

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/model"
	"github.com/uptrace/bun/schema"
)

// writing is an update of one row: its columns, and what the session sets beside what the caller did.
type writing struct {
	names   []string
	named   bool          // by the caller, who means exactly these values
	before  int64         // the version that the row must have, if it has one
	nothing *schema.Field // set to itself, because nothing is changed and the row is only looked for
}

// touch sets the columns that say who changed the row, when and how often. A row that this session loaded and that is as it
// was is not changed: nothing of it is written then, because others may have changed it since.
func (s *Session) touch(ctx context.Context, r row, w *writing) error {
	if r.updated == nil && r.updatedBy == nil && r.version == nil {
		if len(w.names) == 0 {
			return fmt.Errorf("%w: table %s has no column to update", dossier.ErrInvalid, r.table.Name)
		}
		return nil
	}
	if r.version != nil {
		w.before = r.version.Value(r.value).Int()
		w.names = append(w.names, r.version.Name)
	}
	if !w.named && !s.changed(r, w.names) {
		w.nothing = cmp.Or(r.version, r.updated, r.updatedBy)
		return nil
	}
	if r.version != nil {
		s.fill(r, r.version, reflect.ValueOf(w.before+1))
	}
	actor, err := actorFor(ctx, r.updatedBy)
	if err != nil {
		return err
	}
	s.stamp(r, w, r.updated, reflect.ValueOf(model.Now()))
	s.stamp(r, w, r.updatedBy, actor)
	return nil
}

// stamp sets and writes a column that the caller did not set.
func (s *Session) stamp(r row, w *writing, field *schema.Field, value reflect.Value) {
	if field == nil || w.named && slices.Contains(w.names, field.Name) {
		return
	}
	switch {
	case s.ownValue(r, field):
	case value.IsValid():
		s.fill(r, field, value)
	default:
		return
	}
	if !slices.Contains(w.names, field.Name) {
		w.names = append(w.names, field.Name)
	}
}

// ownValue reports whether the caller set the field of the very struct that this session loaded or wrote last. In any
// other struct a value that differs may as well be an old one.
func (s *Session) ownValue(r row, field *schema.Field) bool {
	known, place := s.memoryOf(r), slices.Index(r.table.Fields, field)
	return known.knows(place) && known.model == r.model && !field.HasZeroValue(r.value) && !s.same(r, known, place)
}

// changed reports whether one of the columns is not as this session knows it.
func (s *Session) changed(r row, names []string) bool {
	known := s.memoryOf(r)
	for place, field := range r.table.Fields {
		if field == r.version || field.IsPK || !slices.Contains(names, field.Name) {
			continue
		}
		if !known.knows(place) || !s.same(r, known, place) {
			return true
		}
	}
	return false
}

// updateSame writes a row that must have the version of the struct.
func (s *Session) updateSame(ctx context.Context, r row, w writing) error {
	n, err := s.updateVersion(ctx, r, w)
	switch {
	case err != nil || n == 1:
		return err
	case r.version != nil:
		return fmt.Errorf("%s: %w: there is no such row of version %d; load it again", r.table.Name, dossier.ErrStale, w.before)
	}
	return fmt.Errorf("%s: %w: %d rows were updated, not 1", r.table.Name, dossier.ErrStale, n)
}

// updateLocked writes a row whose lock this transaction has, whatever its version. A struct that is older stays so.
func (s *Session) updateLocked(ctx context.Context, r row, w writing) error {
	n, err := s.updateVersion(ctx, r, w)
	if err != nil || n == 1 {
		return err
	}
	q := s.m.db.NewUpdate().Conn(s.tx.conn).Model(r.model).Column(w.names...).WherePK()
	if r.version != nil {
		r.version.Value(r.value).SetInt(w.before)
		q = q.Value(r.version.Name, "? + 1", r.version.SQLName)
	}
	if n, err = rowsOf(q.Exec(ctx)); err == nil && n != 1 {
		err = fmt.Errorf("%s: %w: %d rows were updated, not 1", r.table.Name, dossier.ErrStale, n)
	}
	return err
}

func (s *Session) updateVersion(ctx context.Context, r row, w writing) (int64, error) {
	q := s.m.db.NewUpdate().Conn(s.tx.conn).Model(r.model).WherePK()
	if r.version != nil {
		q = q.Where("? = ?", r.version.SQLName, w.before)
	}
	if w.nothing != nil {
		return rowsOf(q.Set("? = ?", w.nothing.SQLName, w.nothing.SQLName).Exec(ctx))
	}
	return rowsOf(q.Column(w.names...).Exec(ctx))
}

func rowsOf(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
