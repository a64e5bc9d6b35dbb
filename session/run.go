package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
)

// RunWith is Run with options. When the unit of work is tried again, fn is called again with the same session, whose
// uploads of the attempt before are used again for the handles that have them, and tokens of direct uploads can be used
// again; fn must not keep anything else of a failed attempt.
func (m *Manager) RunWith(ctx context.Context, opts RunOptions, fn func(ctx context.Context, s *Session) error) error {
	if err := m.live("run"); err != nil {
		return err
	}
	s := m.newSession()
	s.readOnly = opts.ReadOnly
	if opts.Isolation != sql.LevelDefault {
		var err error
		if s.level, err = m.engine.level(opts.Isolation); err != nil {
			return fmt.Errorf("run: %w", err)
		}
	}
	ended := false
	defer func() {
		if !ended { // a panic, or runtime.Goexit
			_ = s.Close()
		}
	}()
	err := s.attempts(m.context(ctx), opts, fn)
	ended = true
	return errors.Join(err, s.Close())
}

func (s *Session) attempts(ctx context.Context, opts RunOptions, fn func(context.Context, *Session) error) error {
	pause := opts.Backoff
	if pause <= 0 {
		pause = 20 * time.Millisecond
	}
	for attempt := 1; ; attempt++ {
		err := s.attempt(ctx, fn, attempt < opts.Attempts)
		if err == nil || attempt >= opts.Attempts || !Retryable(err) {
			return err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(err, context.Cause(ctx))
		case <-timer.C:
		}
		pause *= 2
	}
}

// attempt runs fn once and commits. On a failure that may be tried again it keeps the uploads.
func (s *Session) attempt(ctx context.Context, fn func(context.Context, *Session) error, again bool) error {
	err := fn(ctx, s)
	if err == nil {
		if again {
			return s.commitKeeping(ctx)
		}
		return s.Commit(ctx)
	}
	if again && Retryable(err) {
		return errors.Join(err, s.rewind(ctx))
	}
	return errors.Join(err, s.Rollback(ctx))
}

// commitKeeping is Commit that keeps the uploads when it fails in a way that may be tried again.
func (s *Session) commitKeeping(ctx context.Context) error {
	s.keep = true
	defer func() { s.keep = false }()
	return s.Commit(ctx)
}

// rewind rolls back and keeps the uploads for another attempt: leases are renewed meanwhile.
func (s *Session) rewind(ctx context.Context) error {
	if err := s.enter("rewind"); err != nil {
		return err
	}
	return s.undo(ctx, func(ctx context.Context) error {
		err := errors.Join(s.landSideFile(ctx), s.releaseDirect(ctx))
		s.keepAgain(ctx)
		return err
	})
}

// Retryable reports whether err is a serialization failure, a deadlock, a lock that was not given in time, a busy
// database, or an error of [TryAgain], and not an unknown outcome: the whole unit of work may succeed when it is tried again.
func Retryable(err error) bool {
	var again *againError
	return !errors.Is(err, dossier.ErrOutcomeUnknown) && (errors.As(err, &again) || journal.Retryable(err))
}

// againError is an error of TryAgain.
type againError struct{ error }

// Unwrap returns what TryAgain was given.
func (e *againError) Unwrap() error { return e.error }

// TryAgain returns err as one that is [Retryable]: for a function of [Manager.RunWith] that found, by what it read, that another
// transaction would see more. nil stays nil.
func TryAgain(err error) error {
	if err == nil {
		return nil
	}
	return &againError{err}
}

// Isolation returns the level of the session's transactions: that of Options.Isolation or RunOptions.Isolation, or what the
// database has in its place.
func (s *Session) Isolation() sql.IsolationLevel { return s.level }
