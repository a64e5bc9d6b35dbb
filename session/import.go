package session

import (
	"context"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
)

// Import adopts an object that exists already, of an existing bucket or of another library's row, for a field of the
// model: it examines the object, takes its size, type and checksum into f, and lets f enter a row in this transaction, by
// Insert, Update or AppendFiles. From then on the object belongs to the row and is deleted with it. Nothing is copied, and
// a rollback leaves the object alone.
//
// A delete order for the object is taken back if nobody works on it; otherwise, and when an upload to the key is under
// way, it is dossier.ErrConflict. Import cannot know whether another row has the object: that is for the caller to know.
// Other errors: dossier.ErrNotExist, ErrType, ErrTooLarge, ErrNoBackend.
func (s *Session) Import(ctx context.Context, model any, field string, f *fileobject.FileObject) error {
	return s.takeExisting(ctx, "import", model, field, f, s.takeBack)
}

// taker takes back the delete order for an object, if there is one and the operation allows it, and reports whether it did.
type taker func(ctx context.Context, f *fileobject.FileObject) (cancelled bool, err error)

// takeExisting is what Import and Undelete have in common.
func (s *Session) takeExisting(ctx context.Context, op string, model any, field string, f *fileobject.FileObject, take taker) error {
	if err := s.enterWrite(op); err != nil {
		return err
	}
	defer s.leave()
	rows, err := s.m.rows(model)
	if err == nil && len(rows) != 1 {
		err = fmt.Errorf("%w: one model at a time, not %d", dossier.ErrInvalid, len(rows))
	}
	if err == nil {
		err = s.importFile(ctx, rows[0], field, f, take)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func (s *Session) importFile(ctx context.Context, r row, field string, f *fileobject.FileObject, take taker) error {
	column, err := r.fileField(field)
	if err != nil {
		return err
	}
	if f == nil {
		return fmt.Errorf("%w: the file is nil", dossier.ErrInvalid)
	}
	if f.Backend == "" && !f.Pending() {
		f.Backend = column.policy.Backend
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	if s.staged[f.Reference()] != nil {
		return fmt.Errorf("object %s:%s: %w: it is part of this unit of work already", f.Backend, f.Key, dossier.ErrConflict)
	}
	tookBack, err := take(ctx, f)
	if err != nil {
		return err
	}
	t, err := fileobject.BeginImport(ctx, f, fileobject.Target{Registry: s.m.opts.Registry, Policy: column.policy})
	if err != nil && tookBack {
		return s.watch(err) // the order must come again
	}
	if err != nil {
		return err
	}
	staged := &stagedFile{
		transfer: t, ref: t.Reference(), store: t.Backend().Describe().Store, tookBack: tookBack,
		column: wanted{row: r, field: column}.column(),
	}
	put(&s.staged, t.Reference(), staged)
	s.top().imports = append(s.top().imports, staged)
	return nil
}

// takeBack cancels the delete order for the object, if there is one; nobody else may be at work on the object.
func (s *Session) takeBack(ctx context.Context, f *fileobject.FileObject) (cancelled bool, err error) {
	cancelled, state, err := s.cancelOrder(ctx, f)
	if err == nil && !cancelled && state != "" {
		err = fmt.Errorf("object %s:%s: %w: the journal has it as %s", f.Backend, f.Key, dossier.ErrConflict, state)
	}
	return cancelled, err
}

// cancelOrder cancels the delete order for the object unless somebody claimed it, and returns what the journal had.
func (s *Session) cancelOrder(ctx context.Context, f *fileobject.FileObject) (cancelled bool, state journal.State, err error) {
	store, err := s.m.storeOf(fileobject.Reference{Backend: f.Backend, Key: f.Key})
	if err != nil {
		return false, "", err
	}
	found, ok, err := s.m.journal.Lookup(ctx, s.tx.conn, store, f.Key)
	if err := s.watch(err); err != nil || !ok {
		return false, "", err
	}
	if found.State == journal.Doomed {
		cancelled, err = s.m.journal.Cancel(ctx, s.tx.conn, store, f.Key)
	}
	return cancelled, found.State, s.watch(err)
}
