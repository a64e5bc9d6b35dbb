package session

import (
	"context"
	"reflect"
	"slices"

	"github.com/uptrace/bun"
)

// SelectBriefly is Select for loops over more rows than a session should remember: what it read is remembered until forget is
// called, which the goroutine of the session does when it is done with these rows. Rows that were written meanwhile, or loaded
// again, stay remembered; of the others the session knows afterwards what it knew before. forget is never nil, and does nothing the
// second time. Errors: as Select.
func (s *Session) SelectBriefly(ctx context.Context, q *bun.SelectQuery, dest ...any) (forget func(), err error) {
	p := &passing{}
	err = s.selecting(ctx, q, dest, func(rows []row) { s.rememberPassing(p, rows) })
	return func() { s.forgetPassing(p) }, err
}

// passing is what a session remembers for a while.
type passing struct {
	frame *frame // nil: the transaction itself, with which all of it ends
	place int    // of its step in the undo of the frame
	rows  []readRow
}

type readRow struct {
	id          string
	now, before *memory
}

// rememberPassing is rememberRead with a memory of its own for each row: one that stays must not keep the others.
func (s *Session) rememberPassing(p *passing, rows []row) {
	if len(rows) == 0 || len(rows[0].table.PKs) == 0 {
		return
	}
	s.index()
	gen := s.m.db.QueryGen()
	for _, r := range rows {
		m, id := &memory{values: reflect.New(r.value.Type()).Elem()}, r.id(gen)
		m.values.Set(r.value)
		s.note(r, m, nil)
		p.rows = append(p.rows, readRow{id, m, s.loaded[id]})
		s.replaceMemory(id, m)
	}
	if top := s.top(); len(s.frames) > 1 {
		p.frame, p.place = top, len(top.undo)
		top.undo = append(top.undo, undoing{fn: func() {
			for i := len(p.rows) - 1; i >= 0; i-- {
				s.replaceMemory(p.rows[i].id, p.rows[i].before)
			}
		}})
	}
}

// forgetPassing forgets what is as it was read. What is left to be undone are the rows that were written.
func (s *Session) forgetPassing(p *passing) {
	if !s.mu.TryLock() {
		return // another goroutine has it, which is told so
	}
	defer s.leave()
	s.index()
	var left []readRow
	for i := len(p.rows) - 1; i >= 0; i-- { // backwards: a query may give a row twice
		if one := p.rows[i]; s.loaded[one.id] == one.now {
			s.replaceMemory(one.id, one.before)
		} else {
			left = append(left, one)
		}
	}
	slices.Reverse(left)
	p.rows = left
	if f := p.frame; f != nil && len(left) == 0 && f == s.top() && len(f.undo) == p.place+1 {
		f.undo = f.undo[:p.place]
	}
	p.frame = nil
}
