package session

import (
	"context"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
)

// Undelete takes back the delete of an object that left its row, so that f, which names the object, can enter a row of the
// model's table again in this transaction, by Insert, Update or AppendFiles: rule 4. The object is examined against the
// field's policy as by Import. If no row takes it, or the work is rolled back, it is deleted as it was to be.
//
// It works as long as nobody has begun with the delete, which is for Options.DeleteAfter. Journal.List with Filter.Unclaimed
// shows what can be undeleted. Errors: dossier.ErrNotFound (no delete is ordered), ErrConflict (it was begun: the object may be
// gone at any moment; if it can still be read, f.Clone makes a file of its own of it), and those of Import.
func (s *Session) Undelete(ctx context.Context, model any, field string, f *fileobject.FileObject) error {
	return s.takeExisting(ctx, "undelete", model, field, f, s.takeOrder)
}

// takeOrder cancels the delete order for the object, which must be there.
func (s *Session) takeOrder(ctx context.Context, f *fileobject.FileObject) (cancelled bool, err error) {
	cancelled, state, err := s.cancelOrder(ctx, f)
	switch {
	case err != nil || cancelled:
		return cancelled, err
	case state == journal.Doomed:
		return false, fmt.Errorf("object %s:%s: %w: its delete is under way; if it can still be read, Clone it", f.Backend, f.Key, dossier.ErrConflict)
	case state == "":
		return false, fmt.Errorf("object %s:%s: %w: no delete of it is ordered", f.Backend, f.Key, dossier.ErrNotFound)
	}
	return false, fmt.Errorf("object %s:%s: %w: the journal has it as %s", f.Backend, f.Key, dossier.ErrConflict, state)
}

// Undelete puts deleted files back into a field of the model's row, in a unit of work of its own: those of a list behind what
// is there, the one file of another column in place of what is there, which is deleted in turn. The model's field then holds
// what the row does. Where the row is gone too, use [Session.Undelete] and insert it. Errors: those of Session.Undelete,
// AppendFiles and Update; nothing is changed then.
func (m *Manager) Undelete(ctx context.Context, model any, field string, files ...*fileobject.FileObject) error {
	if len(files) == 0 {
		return fmt.Errorf("undelete: %w: no file is named", dossier.ErrInvalid)
	}
	return m.Run(ctx, func(ctx context.Context, s *Session) error {
		for _, f := range files {
			if err := s.Undelete(ctx, model, field, f); err != nil {
				return err
			}
		}
		return s.putBack(ctx, model, field, files)
	})
}

// putBack writes files that were taken back into their row.
func (s *Session) putBack(ctx context.Context, model any, field string, files []*fileobject.FileObject) error {
	rows, err := s.m.rows(model)
	if err != nil {
		return err
	}
	column, err := rows[0].fileField(field)
	if err != nil {
		return err
	}
	if column.many {
		return s.AppendFiles(ctx, model, field, files...)
	}
	if len(files) > 1 {
		return fmt.Errorf("undelete: %w: column %s holds one file, not %d", dossier.ErrInvalid, column.field.Name, len(files))
	}
	target := column.field.Value(rows[0].value)
	before := target.Interface()
	s.AfterRollback(func(context.Context) { target.Set(reflect.ValueOf(before)) })
	if column.field.IsPtr {
		target.Set(reflect.ValueOf(files[0]))
	} else {
		target.Set(reflect.ValueOf(*files[0]))
	}
	return s.Update(ctx, model, column.field.Name)
}
