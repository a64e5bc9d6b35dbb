package session

import (
	"context"
	"fmt"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/uptrace/bun/schema"
)

// Update writes the named columns of the model's row, or all of them; names are the columns'. Files that are new are
// uploaded first; objects that leave the row are deleted after the commit and Options.DeleteAfter.
//
// Unnamed file columns are compared with what was loaded: when the row holds other files by now it is
// dossier.ErrStale, and so is clearing a column, or writing a list, that this session never loaded. Naming a file column means
// exactly this value, whatever the row holds. Other errors: ErrStale when there is no such row, those of Insert.
func (s *Session) Update(ctx context.Context, model any, columns ...string) error {
	if err := s.enterWrite("update"); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(model)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("%w: one model at a time, not %d", dossier.ErrInvalid, len(rows))
	}
	if err == nil {
		err = s.updateRow(ctx, rows[0], columns, s.updateSame)
	}
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

// change is one file column of an update.
type change struct {
	field *fileField
	exact bool // named by the caller: no question whether it is stale
}

// namesOf are the columns of changes.
func namesOf(changes []change) map[string]bool {
	names := map[string]bool{}
	for _, c := range changes {
		names[c.field.field.Name] = true
	}
	return names
}

// updateRow writes a row. When it fails the struct is as it was.
func (s *Session) updateRow(ctx context.Context, r row, columns []string, statement func(context.Context, row, writing) error) error {
	names, changes, err := r.updating(columns)
	if err == nil {
		err = r.checkTexts(names)
	}
	if err != nil {
		return err
	}
	w, top, mark := writing{names: names, named: len(columns) > 0}, s.top(), s.undoMark()
	if err := s.updateFilled(ctx, r, w, changes, statement); err != nil {
		top.takeBack(mark)
		return err
	}
	return nil
}

func (s *Session) updateFilled(ctx context.Context, r row, w writing, changes []change,
	statement func(context.Context, row, writing) error,
) error {
	if r.slug != nil && slices.Contains(w.names, r.slug.Name) {
		if err := s.prepareSlug(&r); err != nil {
			return err
		}
	}
	if err := s.stageRows(ctx, []row{r}, namesOf(changes)); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if err := s.touch(ctx, r, &w); err != nil { // before anything is adopted: what it refuses is no SQL error
		return err
	}
	leaving, err := s.applyChanges(ctx, r, changes)
	if err == nil {
		err = s.order(ctx, leaving)
	}
	if err == nil {
		err = s.watch(s.trySlugs(ctx, r, func() error { return statement(ctx, r, w) }))
	}
	if err == nil {
		s.wrote(r, w.names...)
	}
	return err
}

// updating returns the columns to write and the file columns among them.
func (r row) updating(columns []string) (names []string, changes []change, err error) {
	if len(r.table.PKs) == 0 {
		return nil, nil, fmt.Errorf("%w: table %s has no primary key", dossier.ErrInvalid, r.table.Name)
	}
	for _, name := range columns {
		field := r.field(name)
		if field == nil || field.IsPK || field == r.version {
			return nil, nil, fmt.Errorf("%w: table %s has no column %q to update", dossier.ErrInvalid, r.table.Name, name)
		}
		names = append(names, field.Name)
	}
	if len(columns) == 0 {
		for _, field := range r.table.DataFields {
			if !field.SkipUpdate() && !r.keeps(field) {
				names = append(names, field.Name)
			}
		}
	}
	for _, f := range r.plan.files {
		if slices.Contains(names, f.field.Name) {
			changes = append(changes, change{f, len(columns) > 0})
		}
	}
	return names, changes, nil
}

// keeps reports whether an update that names no columns leaves a column alone, or touch sees to it.
func (r row) keeps(field *schema.Field) bool {
	switch field {
	case r.created, r.createdBy, r.updated, r.updatedBy, r.version:
		return true
	case r.slug:
		return field.HasZeroValue(r.value)
	}
	return false
}

// applyChanges compares the file columns with what the row holds under the lock, adopts what enters and returns what
// leaves.
func (s *Session) applyChanges(ctx context.Context, r row, changes []change) ([]held, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	fields := make([]*fileField, len(changes))
	for i, c := range changes {
		fields[i] = c.field
	}
	current, ok, err := s.current(ctx, r, fields)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s: %w: there is no such row", r.table.Name, dossier.ErrStale)
	}
	var entering []entry
	var leaving []held
	for i, c := range changes {
		now := heldBy(current[i])
		if !c.exact {
			if err := s.checkFresh(r, c.field, refsOf(now)); err != nil {
				return nil, err
			}
		}
		next := references(r.files(c.field))
		for _, e := range r.entries(c.field) {
			if s.enters(e.ref, refsOf(now)) {
				entering = append(entering, e)
			} else if err := e.checkFacts(factsOf(now, e.ref)); err != nil {
				return nil, err
			}
		}
		leaving = append(leaving, notIn(now, next)...)
		if err := distinct(r, c.field, next); err != nil {
			return nil, err
		}
	}
	return s.swapWithin(ctx, r, entering, leaving)
}

// enters reports whether a row that holds now must adopt ref: it is new there, or was imported from the row itself, as the
// record of another library that becomes ours.
func (s *Session) enters(ref fileobject.Reference, now []fileobject.Reference) bool {
	staged := s.staged[ref]
	return !slices.Contains(now, ref) || staged != nil && staged.frame == nil
}

// swapWithin lets a reference leave one column and enter another of the same row: it moves without an order.
func (s *Session) swapWithin(ctx context.Context, r row, entering []entry, leaving []held) ([]held, error) {
	left := refsOf(leaving)
	var fresh []entry
	var moved []fileobject.Reference
	for _, e := range entering {
		if slices.Contains(left, e.ref) && !slices.Contains(moved, e.ref) {
			if err := e.checkMove(factsOf(leaving, e.ref)); err != nil {
				return nil, err
			}
			moved = append(moved, e.ref)
			continue
		}
		fresh = append(fresh, e)
	}
	return notIn(leaving, moved), s.adopt(ctx, fresh)
}

// factsOf returns what the rows say of an object that they hold.
func factsOf(all []held, ref fileobject.Reference) dossier.Record {
	for _, h := range all {
		if h.ref == ref {
			return h.facts
		}
	}
	return dossier.Record{Size: -1}
}

// distinct refuses one stored file twice in a column.
func distinct(r row, f *fileField, refs []fileobject.Reference) error {
	for i, ref := range refs {
		if slices.Index(refs, ref) != i {
			return refuse(entry{row: r, field: f, ref: ref}, "it is in the list twice")
		}
	}
	return nil
}
