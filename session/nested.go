package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dossier-go/dossier"
)

// Nested calls fn inside a savepoint. When fn returns nil the savepoint is released: its work then belongs to the
// surrounding one. On an error or a panic it is undone, also when ctx has ended, and with it an SQL error that happened
// inside; the surrounding work can go on. Uploads that were undone are kept until the end of the unit of work, so that
// they can be used again. What Add queued before stays queued meanwhile; what it queued inside and nobody flushed is
// written with the surrounding work, or undone.
func (s *Session) Nested(ctx context.Context, fn func(ctx context.Context) error) error {
	frame, err := s.savepoint(ctx)
	if err != nil {
		return fmt.Errorf("nested: %w", err)
	}
	ended := false
	defer func() {
		if !ended { // a panic, or runtime.Goexit: the savepoint must not survive it
			_ = s.undoTo(ctx, frame)
		}
	}()
	err = fn(ctx)
	ended = true
	if err == nil && s.poison != nil {
		err = fmt.Errorf("%w after: %w", dossier.ErrRollbackOnly, s.poison)
	}
	if err == nil {
		err = s.releaseTo(ctx, frame)
		if err == nil {
			return nil
		}
	}
	return errors.Join(err, s.undoTo(ctx, frame))
}

func (s *Session) savepoint(ctx context.Context) (*frame, error) {
	if err := s.enterWrite("nested"); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	s.number++
	frame := &frame{name: fmt.Sprintf("dossier_%d", s.number)}
	if err := s.watch(s.tx.statement(ctx, "SAVEPOINT "+frame.name)); err != nil {
		return nil, err
	}
	s.index()
	s.frames = append(s.frames, frame)
	frame.queue, s.queue = s.queue, nil
	return frame, nil
}

// releaseTo ends the savepoint and hands its work to the surrounding frame.
func (s *Session) releaseTo(ctx context.Context, f *frame) error {
	if err := s.enter("release savepoint"); err != nil {
		return err
	}
	defer s.leave()
	if s.top() != f {
		return errSavepointGone
	}
	if err := s.watch(s.tx.statement(ctx, "RELEASE SAVEPOINT "+f.name)); err != nil {
		return err
	}
	s.index()
	s.frames = s.frames[:len(s.frames)-1]
	s.queue = append(f.queue, s.queue...)
	s.top().absorb(s, f)
	return nil
}

var errSavepointGone = fmt.Errorf("nested: %w: the session was rolled back inside", dossier.ErrInvalid)

// absorb takes over the work of a released savepoint.
func (f *frame) absorb(s *Session, inner *frame) {
	for _, staged := range inner.adopted {
		staged.frame = f
	}
	f.adopted = append(f.adopted, inner.adopted...)
	f.orders = append(f.orders, inner.orders...)
	f.undo = append(f.undo, inner.undo...)
	f.imports = append(f.imports, inner.imports...)
	f.written = append(f.written, inner.written...)
	f.places = append(f.places, inner.places...)
	f.commit = append(f.commit, inner.commit...)
	f.rollback = append(f.rollback, inner.rollback...)
	for ref, n := range inner.left {
		put(&f.left, ref, f.left[ref]+n)
	}
	if s.side != nil && s.side.frame == inner {
		s.side.frame = f
	}
}

// undoTo rolls back to the savepoint f and drops it. If that fails the whole session is rollback-only.
func (s *Session) undoTo(ctx context.Context, f *frame) error {
	if !slices.Contains(s.frames, f) {
		s.deferError(errSavepointGone) // what began since must not be committed in place of all of it
		return nil
	}
	var fns []func(context.Context)
	healed := false
	for {
		inner := s.top()
		inner.revert(s)
		s.queue = inner.queue
		healed = healed || inner.poisoned
		for n := len(inner.rollback) - 1; n >= 0; n-- {
			fns = append(fns, inner.rollback[n])
		}
		s.frames = s.frames[:len(s.frames)-1]
		if inner == f {
			break
		}
	}
	_ = s.tx.unseen() // what went wrong in rows is undone
	s.tx.unsure = false
	err := s.tx.statement(ctx, "ROLLBACK TO "+f.name)
	if err == nil {
		err = s.tx.statement(ctx, "RELEASE SAVEPOINT "+f.name)
	}
	switch {
	case err != nil:
		s.poison = errors.Join(s.poison, fmt.Errorf("roll back to savepoint: %w", err))
		s.top().poisoned = true
	case healed:
		s.poison = nil
	}
	if err == nil && !s.m.engine.traits().keepsLocks {
		s.keepAgain(ctx)
	}
	detached, cancel := s.m.detached(ctx)
	defer cancel()
	for _, fn := range fns {
		fn(detached)
	}
	return err
}
