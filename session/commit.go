package session

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
)

// Commit writes what Add queued and commits. An error before COMMIT rolls back. An error of COMMIT itself is settled by
// evidence: nil when the rows are there, the database's error when they were rolled back, dossier.ErrOutcomeUnknown when
// neither can be shown; then nothing is compensated, and neither AfterCommit nor AfterRollback runs. Other errors:
// dossier.ErrRollbackOnly after an earlier SQL error, those of Flush.
func (s *Session) Commit(ctx context.Context) error {
	if err := s.checkCommit(); err != nil {
		return err
	}
	if err := s.beforeCommit(ctx); err != nil {
		return s.abort(ctx, err)
	}
	end, err := s.sendCommit(ctx)
	if err != nil {
		return s.abort(ctx, err)
	}
	return s.follow(ctx, end)
}

// ending is what follows a commit outside of the session.
type ending struct {
	unknown  error                   // nobody knows whether it was committed, and nothing follows
	commit   []func(context.Context) // of AfterCommit
	orders   []string                // to be executed, if they are due at once
	unused   []string                // to be executed
	wrote    bool                    // there was a transaction
	cleaning error                   // what could not be cleaned up, which a sweep will
}

// follow tells those who want to know, and cleans up. Nothing in it can fail the commit.
func (s *Session) follow(ctx context.Context, end ending) error {
	if end.unknown != nil {
		return &dossier.Error{Op: "commit", Kind: dossier.ErrOutcomeUnknown, Err: end.unknown}
	}
	s.afterCommit(ctx, end.commit)
	if end.wrote {
		end.cleaning = errors.Join(end.cleaning, s.m.executeDue(ctx, end.orders, end.unused))
	}
	if end.cleaning != nil {
		s.m.opts.Logger.WarnContext(ctx, "dossier: what a commit leaves over is left to the sweep", "error", end.cleaning)
	}
	return nil
}

// checkCommit refuses, without effect, what cannot be committed now.
func (s *Session) checkCommit() error {
	if err := s.enter("commit"); err != nil {
		return err
	}
	defer s.leave()
	if len(s.frames) > 1 {
		return fmt.Errorf("session commit: %w: inside Nested, which ends its own part of the work", dossier.ErrInvalid)
	}
	return nil
}

// sendCommit sends COMMIT and returns what follows outside of the session, or why it positively did not happen.
func (s *Session) sendCommit(ctx context.Context) (ending, error) {
	if err := s.enter("commit"); err != nil {
		return ending{}, err
	}
	defer s.leave()
	if s.tx == nil {
		return s.finish(ctx), nil
	}
	if err := s.orderUnused(ctx); err != nil {
		return ending{}, err
	}
	if err := s.checkUnseen(ctx); err != nil {
		return ending{}, err
	}
	outcome, err := s.settle(ctx, s.tx.commit(ctx))
	s.m.noteWrite(ctx)
	switch outcome {
	case committed:
		end := s.finish(ctx)
		end.wrote = true
		return end, nil
	case rolledBack:
		return ending{}, err
	}
	s.doubt()
	return ending{unknown: err}, nil
}

// abort ends a commit that positively did not happen.
func (s *Session) abort(ctx context.Context, cause error) error {
	cause = fmt.Errorf("commit: %w", cause)
	if s.keep && Retryable(cause) {
		return errors.Join(cause, s.rewind(ctx))
	}
	return errors.Join(cause, s.Rollback(ctx))
}

func (s *Session) beforeCommit(ctx context.Context) error {
	if len(s.queue) > 0 {
		if err := s.Flush(ctx); err != nil {
			return err
		}
	}
	if s.poison != nil {
		return fmt.Errorf("%w after: %w", dossier.ErrRollbackOnly, s.poison)
	}
	if err := s.hook(ctx, s.m.opts.Hooks.BeforeCommit); err != nil {
		return fmt.Errorf("before commit: %w", err)
	}
	if s.poison != nil {
		return fmt.Errorf("%w after: %w", dossier.ErrRollbackOnly, s.poison)
	}
	return context.Cause(ctx)
}

// orderUnused makes orders for objects that no row took and that nothing else would reclaim: those that the side file
// lists, because its marker will say that all of it is settled, and imports whose order was taken back.
func (s *Session) orderUnused(ctx context.Context) error {
	if len(s.staged) == 0 && s.side == nil {
		return nil
	}
	var orders, side []journal.Order
	known := map[string]*stagedFile{}
	for ref, staged := range s.staged {
		if staged.side != nil {
			known[staged.store+"|"+ref.Key] = staged
		}
		if staged.tookBack && staged.frame == nil {
			orders = append(orders, journal.Order{ID: journal.NewID(), Backend: ref.Backend, Store: staged.store, Key: ref.Key})
		}
	}
	if s.side != nil && s.side.frame != nil {
		for _, order := range sideOrders(s.side.entries) {
			staged := known[order.Store+"|"+order.Key]
			if staged != nil && staged.frame != nil {
				continue
			}
			order.Intent = staged == nil // nobody knows how its upload ended: a tombstone follows
			side = append(side, order)
			s.unused = append(s.unused, order.ID)
		}
	}
	if err := s.watch(s.m.journal.Order(ctx, s.tx.conn, 0, side...)); err != nil {
		return err
	}
	return s.watch(s.m.journal.Order(ctx, s.tx.conn, s.m.opts.DeleteAfter, orders...))
}

// finish is what the session does after a COMMIT that is known to have succeeded, or without a transaction. Nothing in it can
// fail the commit.
func (s *Session) finish(ctx context.Context) ending {
	base := s.frames[0]
	end := ending{commit: base.commit, orders: base.orders, unused: s.unused}
	s.settleHandles(base)
	var given, removed error
	if s.tx != nil { // gone when the answer to COMMIT was lost
		given = s.tx.release()
		s.tx = nil
	}
	if s.side != nil && s.side.frame != nil {
		removed = s.side.remove()
		s.side = nil
	}
	end.cleaning = errors.Join(given, removed, s.releaseAfterwards(ctx))
	s.read, s.kept = nil, nil // a session may live on and commit without end
	s.reset()
	return end
}

// releaseAfterwards is release on a context of its own, if there is anything to release.
func (s *Session) releaseAfterwards(ctx context.Context) error {
	s.keeper.stop()
	if len(s.staged) == 0 && s.side == nil {
		return nil
	}
	ctx, cancel := s.m.detached(ctx)
	defer cancel()
	return s.release(ctx)
}

// settleHandles tells the handles of committed rows.
func (s *Session) settleHandles(base *frame) {
	for _, staged := range base.adopted {
		staged.transfer.Settle()
		delete(s.staged, staged.ref)
		s.keeper.remove(staged.id)
	}
	for _, files := range base.written {
		fileobject.Remember(files...)
	}
}

func (s *Session) afterCommit(ctx context.Context, fns []func(context.Context)) {
	hook := s.m.opts.Hooks.AfterCommit
	if len(fns) == 0 && hook == nil {
		return
	}
	ctx, cancel := s.m.detached(ctx)
	defer cancel()
	s.after(ctx, fns, hook)
}

// giveUp is release when no row was written: keys that are in the names of the uploads end with them.
func (s *Session) giveUp(ctx context.Context) error {
	for _, key := range s.kept {
		key.undo()
	}
	s.kept = nil
	return s.release(ctx)
}

// release gives up the uploads that no row took: rule 7. Only objects whose own intents it changes are deleted.
func (s *Session) release(ctx context.Context) error {
	s.keeper.stop()
	var ids []string
	for ref, staged := range s.staged {
		if staged.id != "" {
			ids = append(ids, staged.id)
		}
		staged.transfer.Release()
		delete(s.staged, ref)
		s.keeper.remove(staged.id)
	}
	var errs []error
	if len(ids) > 0 {
		errs = append(errs, s.m.journal.Release(ctx, s.m.opts.Registry, ids...))
	}
	if s.side != nil {
		errs = append(errs, s.side.giveUp(ctx))
		s.side = nil
	}
	return errors.Join(errs...)
}

// giveUp deletes the objects of a side file that did not commit, then the file. What fails, or may land late, is left
// to a sweep: in the journal, or where that fails in the file.
func (f *sideFile) giveUp(ctx context.Context) error {
	var left []sideEntry
	var errs []error
	for _, entry := range f.entries {
		var err error
		if !entry.doubtful {
			err = f.deleteObject(ctx, entry)
			errs = append(errs, err)
		}
		if entry.doubtful || err != nil {
			left = append(left, entry)
		}
	}
	if _, err := f.land(ctx, left); err != nil {
		return errors.Join(append(errs, err, f.abandon())...)
	}
	return errors.Join(append(errs, f.remove())...)
}

func (f *sideFile) deleteObject(ctx context.Context, entry sideEntry) error {
	b, err := f.m.opts.Registry.Backend(entry.Backend)
	if err != nil {
		return err
	}
	return b.Delete(ctx, entry.Key, dossier.DeleteOptions{})
}

// doubt ends the unit of work when nobody knows whether it was committed.
func (s *Session) doubt() {
	s.keeper.stop()
	for ref, staged := range s.staged {
		staged.transfer.Doubt()
		s.keeper.remove(staged.id)
		delete(s.staged, ref)
	}
	if s.side != nil {
		_ = s.side.abandon() // the lock ends with the file; a sweep decides by the marker
		s.side = nil
	}
	if s.tx != nil {
		_ = s.tx.discard()
		s.tx = nil
	}
	s.kept = nil
	s.reset()
}

// ignoreClosed drops the errors of closing a connection that is gone already.
func ignoreClosed(err error) error {
	if errors.Is(err, driver.ErrBadConn) || err != nil && err.Error() == "sql: connection is already closed" {
		return nil
	}
	return err
}
