package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// Session is one unit of work. It begins its transaction when SQL is due, and is for one goroutine: use by two at once
// is dossier.ErrInvalid. After Commit or Rollback it can be used for another unit of work; after Close it cannot.
type Session struct {
	m        *Manager
	mu       sync.Mutex // held during each call; a second caller is an error
	closed   bool
	active   bool // something began that can be committed or rolled back
	readOnly bool
	stream   bool        // rows of a Stream are open
	pinned   bool        // opened a transaction, ever: replicas may not have what it wrote
	late     atomic.Bool // the request it belongs to was answered
	ending   atomic.Bool // functions run that follow the end of a unit of work
	keep     bool        // a rollback keeps the uploads, when the work may be tried again
	level    sql.IsolationLevel

	tx     *transaction // nil: none is open
	frames []*frame     // the transaction itself, then its savepoints
	poison error        // why only Rollback is left
	number int          // of savepoints made

	queue  []row                                   // of Add
	read   []*fileobject.FileObject                // made from readers, which were read
	staged map[fileobject.Reference]*stagedFile    // uploaded, not committed
	keeper keeper                                  // renews the leases of staged
	side   *sideFile                               // intents of uploads inside the open transaction
	unused []string                                // ids of the orders for uploads that no row took
	loaded map[string]*memory                      // by row id
	fresh  []noted                                 // in the top frame; not in loaded yet
	facts  map[fileobject.Reference]dossier.Record // of objects that left rows in this unit of work
	kept   []undoing                               // keys that are taken back when the uploads are given up

	scratch []byte // reused by hashColumn

	base frame // of the transaction itself

	// Room for what most units of work have one of.
	txRoom    transaction
	stackRoom [1]*frame
	rowRoom   [1]row // of the call that is under way
	freshRoom [1]noted
	undoRoom  [1]undoing
}

// frame is the transaction or one of its savepoints: what is undone with it.
type frame struct {
	name     string
	adopted  []*stagedFile
	orders   []string                     // ids of the orders it made
	left     map[fileobject.Reference]int // references that left a row here
	undo     []undoing                    // restores what the session remembers
	written  [][]*fileobject.FileObject   // columns written, to be remembered after the commit
	imports  []*stagedFile                // examined here: not staged any more when it is undone
	places   []row                        // rows that took fresh objects: evidence of the commit
	poisoned bool                         // the poison came up in here
	queue    []row                        // of Add before the savepoint: set aside until it ends
	commit   []func(context.Context)
	rollback []func(context.Context)
}

// newSession makes one without any map: most units of work read a row and need none; see put.
func (m *Manager) newSession() *Session {
	s := &Session{m: m, level: m.level, keeper: keeper{m: m}}
	s.frames, s.fresh, s.base.undo = append(s.stackRoom[:0], &s.base), s.freshRoom[:0], s.undoRoom[:0]
	return s
}

// put sets an entry of a map that is made when it is first needed.
func put[K comparable, V any](to *map[K]V, key K, value V) {
	if *to == nil {
		*to = map[K]V{}
	}
	(*to)[key] = value
}

// top is the innermost frame.
func (s *Session) top() *frame { return s.frames[len(s.frames)-1] }

// Depth returns how many Nested calls are open.
func (s *Session) Depth() int { return len(s.frames) - 1 }

// enter marks the session as used by this goroutine until leave. Functions of the caller run outside.
func (s *Session) enter(op string) error {
	if !s.mu.TryLock() {
		return fmt.Errorf("session %s: %w: the session is used by two goroutines at once", op, dossier.ErrInvalid)
	}
	var err error
	switch {
	case s.closed, s.m.closed.Load() && s.tx == nil:
		err = fmt.Errorf("session %s: %w", op, dossier.ErrClosed)
	case s.stream:
		err = fmt.Errorf("session %s: %w: the rows of a Stream are open; finish the loop first", op, dossier.ErrInvalid)
	}
	if err != nil {
		s.leave()
	}
	return err
}

func (s *Session) leave() { s.mu.Unlock() }

// errLate is what is said to changes that would be rolled back.
var errLate = fmt.Errorf("%w: the request was answered, and what it changed committed or rolled back; "+
	"for work after that use Manager.Run", dossier.ErrClosed)

// errEnding is what is said to changes in functions that follow a commit or a rollback.
var errEnding = fmt.Errorf("%w: the unit of work has ended, and nobody would commit this; use Manager.Run", dossier.ErrInvalid)

// after calls the functions that follow a commit or a rollback, and then the hook.
func (s *Session) after(ctx context.Context, fns []func(context.Context), hook func(context.Context, *Session)) {
	if len(fns) == 0 && hook == nil {
		return
	}
	s.ending.Store(true)
	defer s.ending.Store(false)
	for _, fn := range fns {
		fn(ctx)
	}
	if hook != nil {
		hook(ctx, s)
	}
	if errors.Is(s.poison, errEnding) {
		s.poison = nil
		s.m.opts.Logger.WarnContext(ctx, "dossier: what Add queued in a function after a commit or rollback is not written")
	}
}

// lostAdd reports whether Add was refused because the request was answered: it has no error to say so.
func (s *Session) lostAdd() bool {
	if !s.mu.TryLock() {
		return false
	}
	defer s.leave()
	return errors.Is(s.poison, errLate)
}

// enterWrite is enter for what changes something.
func (s *Session) enterWrite(op string) error {
	if err := s.enter(op); err != nil {
		return err
	}
	var err error
	switch {
	case s.ending.Load():
		err = fmt.Errorf("session %s: %w", op, errEnding)
	case s.late.Load():
		err = fmt.Errorf("session %s: %w", op, errLate)
	case s.readOnly:
		err = fmt.Errorf("session %s: %w: the unit of work is read-only", op, dossier.ErrInvalid)
	case s.poison != nil:
		err = fmt.Errorf("session %s: %w after: %w", op, dossier.ErrRollbackOnly, s.poison)
	}
	if err != nil {
		s.leave()
	}
	s.active = s.active || err == nil
	return err
}

// AfterCommit calls fn after the commit that this point of the work belongs to, and never after a rollback of it, the
// rollback of a surrounding Nested included. fn gets a context of its own. It must not use the session, which refuses
// changes with dossier.ErrInvalid: Manager.Run is for what follows. A panic in it goes on to who committed; the commit stays,
// and the functions behind it are not called.
func (s *Session) AfterCommit(fn func(ctx context.Context)) {
	s.top().commit = append(s.top().commit, fn)
}

// AfterRollback calls fn after the rollback, to a savepoint or of the whole, that undoes this point of the work. fn gets a
// context of its own. It must not use the session, as AfterCommit must not.
func (s *Session) AfterRollback(fn func(ctx context.Context)) {
	s.top().rollback = append(s.top().rollback, fn)
}

// Close rolls back what was not committed. It is safe to call after Commit and more than once. It waits for a call that
// another goroutine has not finished.
func (s *Session) Close() error {
	s.mu.Lock()
	if s.closed {
		s.leave()
		return nil
	}
	s.closed = true
	if s.idle() {
		s.leave()
		return nil
	}
	return s.undo(context.Background(), s.giveUp)
}

// idle reports whether nothing began that could be undone, and nobody waits to be told.
func (s *Session) idle() bool {
	return !s.active && s.tx == nil && s.side == nil && len(s.staged) == 0 && len(s.frames) == 1 && len(s.base.rollback) == 0
}

// Rollback undoes the transaction and gives up uploads that no row took. It works when ctx has ended. What could not be
// cleaned up stays in the journal; the error says so and is never about the rollback of rows, which the end of the
// connection makes sure of.
func (s *Session) Rollback(ctx context.Context) error {
	if err := s.enter("rollback"); err != nil {
		return err
	}
	return s.undo(ctx, s.giveUp)
}

// undo ends the transaction without commit, lets settle see to the uploads, leaves the session and tells those who want
// to know.
func (s *Session) undo(ctx context.Context, settle func(context.Context) error) error {
	ctx, cancel := s.m.afterwards(ctx)
	defer cancel()
	hook := s.m.opts.Hooks.AfterRollback
	if !s.active {
		hook = nil
	}
	fns, err := s.undoAll(ctx, settle)
	s.after(ctx, fns, hook)
	return err
}

func (s *Session) undoAll(ctx context.Context, settle func(context.Context) error) ([]func(context.Context), error) {
	defer s.leave()
	err := s.rollbackAll(ctx)
	err = errors.Join(err, settle(ctx))
	return s.reset(), err
}

// rollbackAll ends the transaction without commit; uploads stay staged.
func (s *Session) rollbackAll(ctx context.Context) error {
	var err error
	if s.tx != nil {
		err = s.tx.rollback(ctx)
		s.tx = nil
	}
	for i := len(s.frames) - 1; i >= 0; i-- {
		s.frames[i].revert(s)
	}
	return err
}

// reset forgets the unit of work and returns its AfterRollback functions, the latest first.
func (s *Session) reset() []func(context.Context) {
	var fns []func(context.Context)
	for i := len(s.frames) - 1; i >= 0; i-- {
		for n := len(s.frames[i].rollback) - 1; n >= 0; n-- {
			fns = append(fns, s.frames[i].rollback[n])
		}
	}
	s.base = frame{}
	s.frames = append(s.stackRoom[:0], &s.base)
	s.poison, s.queue, s.unused, s.number = nil, nil, nil, 0
	s.stream, s.active = false, false
	clear(s.loaded)
	s.fresh = nil
	clear(s.facts)
	s.rowRoom, s.freshRoom, s.undoRoom = [1]row{}, [1]noted{}, [1]undoing{} // a session that lives on holds no model
	return fns
}

// revert undoes what the session remembers of a frame: adopted uploads are staged again.
func (f *frame) revert(s *Session) {
	for _, staged := range f.adopted {
		staged.frame = nil
		staged.transfer.Unadopt()
	}
	s.fresh = nil
	for i := len(f.undo) - 1; i >= 0; i-- {
		f.undo[i].undo()
	}
	for _, staged := range f.imports {
		staged.transfer.Release() // the order that was taken back is there again
		delete(s.staged, staged.ref)
	}
	if s.side != nil && s.side.frame == f {
		s.side.frame = nil
	}
	f.adopted, f.undo, f.imports, f.written, f.places, f.orders = nil, nil, nil, nil, nil, nil
	clear(f.left)
}
