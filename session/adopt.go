package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
)

// entry is a stored file that is about to enter a row.
type entry struct {
	row   row
	field *fileField
	ref   fileobject.Reference
	file  *fileobject.FileObject
}

// entries returns the stored files of a column.
func (r row) entries(f *fileField) []entry {
	var all []entry
	for _, file := range r.files(f) {
		if !unstored(file) {
			all = append(all, entry{r, f, file.Reference(), file})
		}
	}
	return all
}

func (e entry) column() string { return e.row.table.Name + "." + e.field.field.Name }

// adopt lets references enter rows: rules 3 and 6. Each must be an upload of this session that no row took, or have left
// a row in this transaction; anything else is refused before a statement is sent.
func (s *Session) adopt(ctx context.Context, entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	var uploads []*stagedFile
	var moves []entry
	seen := map[fileobject.Reference]bool{}
	for _, e := range entries {
		if seen[e.ref] {
			return refuse(e, "it would stand at two places")
		}
		seen[e.ref] = true
		staged, isStaged := s.staged[e.ref]
		switch {
		case isStaged && staged.frame != nil:
			return refuse(e, "it was taken by another row in this unit of work")
		case isStaged && staged.column != e.column():
			return refuse(e, "it was staged for "+staged.column)
		case isStaged:
			uploads = append(uploads, staged)
		case s.leftHere(e.ref):
			if err := e.checkMove(s.facts[e.ref]); err != nil {
				return err
			}
			moves = append(moves, e)
		default:
			return refuse(e, "it was not uploaded by this session and did not leave another row in it")
		}
	}
	if err := s.adoptUploads(ctx, uploads); err != nil {
		return err
	}
	return s.adoptMoves(ctx, moves)
}

func refuse(e entry, why string) error {
	return fmt.Errorf("%s: %w: object %s:%s: %s; use Clone for a copy, Import for an object that no row has",
		e.column(), dossier.ErrConflict, e.ref.Backend, e.ref.Key, why)
}

// checkFacts refuses to let a row claim of an object what its bytes are not: who edits a row, or sends it as JSON, must not
// turn a text into a page of HTML. facts are those of the row that has the object; what it does not know is not compared.
func (e entry) checkFacts(facts dossier.Record) error {
	now := e.file.Record
	if facts.ContentType != "" && now.ContentType != facts.ContentType || facts.Size >= 0 && now.Size != facts.Size ||
		facts.Checksum != "" && now.Checksum != facts.Checksum {
		return fmt.Errorf("%s: %w: type, size and checksum of the stored file %s:%s come from its bytes; change its name or metadata only",
			e.column(), dossier.ErrInvalid, e.ref.Backend, e.ref.Key)
	}
	return nil
}

// checkMove holds a file that moves against the policy of the column that it ends in.
func (e entry) checkMove(facts dossier.Record) error {
	policy := e.field.policy
	err := errors.Join(e.checkFacts(facts), policy.CheckSize(facts.Size), policy.CheckType(facts.ContentType))
	if err != nil {
		return fmt.Errorf("%s: %w", e.column(), err)
	}
	return nil
}

// leftHere reports whether the reference left a row in this transaction and has not entered another.
func (s *Session) leftHere(ref fileobject.Reference) bool {
	n := 0
	for _, f := range s.frames {
		n += f.left[ref]
	}
	return n > 0
}

// adoptUploads deletes the intents, counted, or marks the side file.
func (s *Session) adoptUploads(ctx context.Context, uploads []*stagedFile) error {
	var ids []string
	marks := false
	for _, staged := range uploads {
		if staged.side != nil {
			marks = true
		} else if staged.id != "" {
			ids = append(ids, staged.id)
		}
	}
	s.giveLeases(ctx, ids)
	if err := s.watch(s.m.journal.Adopt(ctx, s.tx.conn, ids...)); err != nil {
		return err
	}
	if err := s.adoptDirect(ctx, uploads); err != nil {
		return err
	}
	if marks {
		if err := s.mark(ctx); err != nil {
			return err
		}
	}
	top := s.top()
	for _, staged := range uploads {
		staged.frame = top
		staged.transfer.Adopt()
		top.adopted = append(top.adopted, staged)
	}
	return nil
}

// mark inserts the marker of the side file unless a frame that is still open did.
func (s *Session) mark(ctx context.Context) error {
	if s.side.frame != nil {
		return nil
	}
	if s.side.file != nil {
		if err := s.watch(s.m.journal.Mark(ctx, s.tx.conn, s.side.id)); err != nil {
			return err
		}
	}
	s.side.frame = s.top()
	return nil
}

// adoptMoves takes back the orders for objects that left a row in this transaction.
func (s *Session) adoptMoves(ctx context.Context, moves []entry) error {
	for _, e := range moves {
		store, err := s.m.storeOf(e.ref)
		if err != nil {
			return s.watch(err)
		}
		cancelled, err := s.m.journal.Cancel(ctx, s.tx.conn, store, e.ref.Key)
		if err := s.watch(err); err != nil {
			return err
		}
		if !cancelled {
			return s.watch(refuse(e, "its delete is under way"))
		}
		top := s.top()
		put(&top.left, e.ref, top.left[e.ref]-1)
	}
	return nil
}

// storeOf returns the identity of the store that the reference is in.
func (m *Manager) storeOf(ref fileobject.Reference) (string, error) {
	b, err := m.opts.Registry.Backend(ref.Backend)
	if err != nil {
		return "", err
	}
	return b.Describe().Store, nil
}

// order makes delete orders for objects that are about to leave their rows: rule 4. It comes before the statement, so that
// triggers (see InstallTriggers) find the orders under the ids that the session knows. Objects of records that name no key of ours are
// left alone: another library's rows may share them.
func (s *Session) order(ctx context.Context, leaving []held) error {
	var orders []journal.Order
	top := s.top()
	for _, h := range leaving {
		if h.foreign {
			continue
		}
		store, err := s.m.storeOf(h.ref)
		if err != nil {
			return s.watch(fmt.Errorf("%w; the delete of %s cannot be ordered", err, h.ref.Key))
		}
		id := journal.NewID()
		orders = append(orders, journal.Order{ID: id, Backend: h.ref.Backend, Store: store, Key: h.ref.Key})
		top.orders = append(top.orders, id)
		put(&top.left, h.ref, top.left[h.ref]+1)
		put(&s.facts, h.ref, h.facts)
	}
	if len(orders) == 0 {
		return nil
	}
	return s.watch(s.m.journal.Order(ctx, s.tx.conn, s.m.opts.DeleteAfter, orders...))
}

// held is one object that a row holds now.
type held struct {
	ref     fileobject.Reference
	foreign bool
	facts   dossier.Record
}

func heldBy(files []*fileobject.FileObject) []held {
	var all []held
	for _, f := range files {
		all = append(all, held{f.Reference(), f.Foreign(), dossier.Record{ContentType: f.ContentType, Size: f.Size, Checksum: f.Checksum}})
	}
	return all
}

func refsOf(all []held) []fileobject.Reference {
	var refs []fileobject.Reference
	for _, h := range all {
		refs = append(refs, h.ref)
	}
	return refs
}

// notIn returns what of all is not in refs.
func notIn(all []held, refs []fileobject.Reference) []held {
	var rest []held
	for _, h := range all {
		if len(without([]fileobject.Reference{h.ref}, refs)) > 0 {
			rest = append(rest, h)
		}
	}
	return rest
}
