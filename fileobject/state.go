package fileobject

import (
	"fmt"
	"slices"
	"sync"

	"github.com/dossier-go/dossier"
)

// phase is where the bytes of a handle are.
type phase uint8

const (
	stored   phase = iota // nothing pending: loaded from a row, or committed
	pending               // bytes wait in the source
	staged                // bytes are in the backend, the journal knows them, no row has them
	adopted               // a row of an open transaction has them
	saved                 // Save uploaded them, without journal or row
	consumed              // given up, and the source cannot be read again
	doubtful              // the outcome of COMMIT is unknown
)

// state is what the copies of a handle share.
type state struct {
	source   dossier.Source
	original *FileObject // of a clone; then there is no source
	uploaded *Uploaded   // of a direct upload, whose original is what was uploaded
	opts     Options

	mu     sync.Mutex
	phase  phase
	back   phase           // where giving up the object leads
	busy   bool            // a Transfer is under way
	record *dossier.Record // what all copies hold; exchanged, never changed
	before *dossier.Record // as it was before staging
	origin *Origin         // of the committed row, once there is one
}

// newState is that of a pending handle.
func newState(record dossier.Record, src dossier.Source, original *FileObject, opts Options) *state {
	s := &state{source: src, original: original, opts: opts, phase: pending, record: &record}
	s.back = s.unread()
	return s
}

// unread is the phase of a handle that has no object.
func (s *state) unread() phase {
	if s.original != nil || s.source.Replayable() {
		return pending
	}
	return consumed
}

func (s *state) current() phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}

// move changes the phase if it is one of from, and reports whether it did.
func (s *state) move(to phase, from ...phase) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(from, s.phase) {
		return false
	}
	s.phase = to
	return true
}

// stage takes over the record of a stored object.
func (s *state) stage(record dossier.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.record, s.phase = s.record, &record, staged
}

// giveUp forgets the object.
func (s *state) giveUp(to phase, from ...phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(from, s.phase) {
		s.phase, s.record = to, s.before
	}
}

// phaseOf is the phase of any handle.
func (f *FileObject) phaseOf() phase {
	if f == nil || f.state == nil {
		return stored
	}
	return f.state.current()
}

// sync takes over what happened to another copy of the handle.
func (f *FileObject) sync() {
	if f == nil || f.state == nil {
		return
	}
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	if f.seen == f.state.record {
		return
	}
	name, metadata := f.Filename, f.Metadata // the application may have edited them since
	f.seen = f.state.record
	f.Record = *f.seen
	f.Filename, f.Metadata = name, metadata
}

// usable returns an error unless the stored object of f can be reached.
func (f *FileObject) usable(op string) error {
	if f == nil {
		return fmt.Errorf("%s: %w: there is no file (nil)", op, dossier.ErrInvalid)
	}
	f.sync()
	switch now := f.phaseOf(); {
	case now == pending:
		return fmt.Errorf("%s %q: %w: it is pending; commit its row first", op, f.Filename, dossier.ErrInvalid)
	case now == consumed:
		return fmt.Errorf("%s %q: %w", op, f.Filename, dossier.ErrConsumed)
	case f.Key == "":
		return fmt.Errorf("%s: %w: the file has no key", op, dossier.ErrInvalid)
	}
	return nil
}
