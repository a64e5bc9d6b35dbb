package fileobject

import (
	"context"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
)

// Save uploads the bytes now, to Options.Backend, without a row and without the journal: it stands outside the
// promises of this module. An object saved so is found by no sweep, and a session refuses to put it into a row except by
// Import. Use it for files that no row will have. Errors: dossier.ErrInvalid (no backend named, not pending) and those of
// [Begin] and [Transfer.Put].
func (f *FileObject) Save(ctx context.Context) error {
	if f == nil || f.state == nil {
		return fmt.Errorf("save: %w: the file has no pending bytes", dossier.ErrInvalid)
	}
	if f.state.uploaded != nil {
		return fmt.Errorf("save %q: %w: a direct upload is taken over by a session", f.Filename, dossier.ErrInvalid)
	}
	backend := f.state.opts.Backend
	if backend == "" {
		return fmt.Errorf("save %q: %w: Options.Backend names no backend", f.Filename, dossier.ErrInvalid)
	}
	key, err := dossier.ParseKeyTemplate("saved/{uuid}{ext}")
	if err != nil {
		return err
	}
	t, err := Begin(ctx, f, Target{Policy: Policy{Backend: backend, Key: key, Checksum: "crc32c"}})
	if err != nil {
		return err
	}
	if err := t.Put(ctx, nil); err != nil {
		return errors.Join(err, t.undo(ctx, err), t.Close())
	}
	f.state.move(saved, staged)
	return t.Close()
}

// undo removes what a failed Save may have stored: there is no journal that knows of it.
func (t *Transfer) undo(ctx context.Context, cause error) error {
	if dossier.OutcomeOf(cause) == dossier.OutcomeNotApplied {
		return nil
	}
	return t.backend.Delete(context.WithoutCancel(ctx), t.key, dossier.DeleteOptions{})
}

// Delete removes an object that Save uploaded and that no row adopted; the handle is then pending again, or consumed.
// For every other file it is dossier.ErrInvalid: the object of a row is deleted by changing the row through a session.
func (f *FileObject) Delete(ctx context.Context) error {
	if f.phaseOf() != saved {
		return fmt.Errorf("delete: %w: only a file that Save uploaded can be deleted here; "+
			"delete or update the row through a session", dossier.ErrInvalid)
	}
	f.sync()
	b, err := f.backend(ctx)
	if err != nil {
		return err
	}
	if err := b.Delete(ctx, f.Key, dossier.DeleteOptions{}); err != nil {
		return err
	}
	f.state.giveUp(f.state.unread(), saved)
	f.sync()
	return nil
}
