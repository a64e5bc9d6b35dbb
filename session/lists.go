package session

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// AppendFiles adds files to a list column of the model's row, whatever it holds by now: the row is locked, so two
// writers lose nothing. Pending files are uploaded first; files that left another row in this transaction move here. The
// model's field then holds the whole list. Errors: dossier.ErrNotFound, ErrTooLarge (over the tag's many), those of Update.
func (s *Session) AppendFiles(ctx context.Context, model any, field string, files ...*fileobject.FileObject) error {
	return s.editList(ctx, "append files", model, field, files, func(now fileobject.List) (fileobject.List, error) {
		return append(now, files...), nil
	})
}

// RemoveFiles takes files out of a list column of the model's row, found by their objects; one that is not there any
// more is left alone. Their objects are deleted after the commit and Options.DeleteAfter.
func (s *Session) RemoveFiles(ctx context.Context, model any, field string, files ...*fileobject.FileObject) error {
	return s.editList(ctx, "remove files", model, field, nil, func(now fileobject.List) (fileobject.List, error) {
		if slices.Contains(files, nil) {
			return nil, fmt.Errorf("%w: a file is nil", dossier.ErrInvalid)
		}
		gone := references(files)
		return slices.DeleteFunc(now, func(f *fileobject.FileObject) bool { return slices.Contains(gone, f.Reference()) }), nil
	})
}

type listEdit func(now fileobject.List) (fileobject.List, error)

func (s *Session) editList(ctx context.Context, op string, model any, field string, fresh []*fileobject.FileObject, edit listEdit) error {
	if err := s.enterWrite(op); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(model)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("%w: one model at a time, not %d", dossier.ErrInvalid, len(rows))
	}
	if err == nil {
		err = s.editRowList(ctx, rows[0], field, fresh, edit)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func (s *Session) editRowList(ctx context.Context, r row, field string, fresh []*fileobject.FileObject, edit listEdit) error {
	column, err := r.fileField(field)
	if err != nil {
		return err
	}
	if !column.many {
		return fmt.Errorf("%w: column %s holds one file; use Update", dossier.ErrInvalid, column.field.Name)
	}
	if err := s.stageFresh(ctx, r, column, fresh); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	current, ok, err := s.current(ctx, r, []*fileField{column})
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s: %w", r.table.Name, dossier.ErrNotFound)
	}
	list, err := edit(r.sameHandles(column, current[0], s.m.opts.Registry))
	if err != nil {
		return err
	}
	target := column.field.Value(r.value)
	before := target.Interface()
	target.Set(reflect.ValueOf(list))
	if err = r.checkList(column); err == nil {
		err = s.updateRow(ctx, r, []string{column.field.Name}, s.updateLocked)
	}
	if err != nil {
		target.Set(reflect.ValueOf(before))
	}
	return err
}

// stageFresh uploads the pending ones of files for the column.
func (s *Session) stageFresh(ctx context.Context, r row, column *fileField, files []*fileobject.FileObject) error {
	var all []wanted
	for _, f := range files {
		if f == nil {
			return fmt.Errorf("%w: a file is nil", dossier.ErrInvalid)
		}
		if unstored(f) {
			all = append(all, wanted{r, column, f})
		}
	}
	return s.upload(ctx, all)
}

// sameHandles returns the row's list, with the model's own handles for the objects that it has.
func (r row) sameHandles(column *fileField, current []*fileobject.FileObject, registry *dossier.Registry) fileobject.List {
	mine := r.files(column)
	list := make(fileobject.List, 0, len(current))
	for _, f := range current {
		i := slices.IndexFunc(mine, func(m *fileobject.FileObject) bool { return !m.Pending() && m.Reference() == f.Reference() })
		if i >= 0 {
			f = mine[i]
		}
		list = append(list, f.Bind(registry))
	}
	return list
}
