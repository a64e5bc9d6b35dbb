package fileobject

import (
	"fmt"
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
	consumed              // rolled back, and the source cannot be read again
	doubtful              // the outcome of COMMIT is unknown
)

// state is the pending side of a handle, shared by its copies.
type state struct {
	mu       sync.Mutex
	phase    phase
	busy     bool // a Transfer is under way
	source   dossier.Source
	original *FileObject // of a clone
	opts     Options
	before   dossier.Record // as it was before staging
	record   dossier.Record // as staging made it
}

func (s *state) current() phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}

// move changes the phase; after a rollback it also restores the record.
func (s *state) move(to phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = to
}

// sync takes over what happened to another copy of the handle.
func (f *FileObject) sync() {
	if f == nil || f.state == nil {
		return
	}
	f.state.mu.Lock()
	defer f.state.mu.Unlock()
	switch f.state.phase {
	case staged, adopted, saved, stored, doubtful:
		if f.Key == "" {
			f.take(f.state.record)
		}
	case pending, consumed:
		if f.Key != "" {
			f.take(f.state.before)
		}
	}
}

// take replaces what storage knows and keeps what the application may have edited since.
func (f *FileObject) take(r dossier.Record) {
	name, metadata := f.Filename, f.Metadata
	f.Record = r
	f.Filename, f.Metadata = name, metadata
}

// usable returns an error unless the stored object of f can be reached.
func (f *FileObject) usable(op string) error {
	if f == nil {
		return fmt.Errorf("%s: %w: there is no file (nil)", op, dossier.ErrInvalid)
	}
	f.sync()
	if f.state != nil {
		switch f.state.current() {
		case pending:
			return fmt.Errorf("%s %q: %w: it is pending; commit its row first", op, f.Filename, dossier.ErrInvalid)
		case consumed:
			return fmt.Errorf("%s %q: %w", op, f.Filename, dossier.ErrConsumed)
		}
	}
	if f.Key == "" {
		return fmt.Errorf("%s: %w: the file has no key", op, dossier.ErrInvalid)
	}
	return nil
}
