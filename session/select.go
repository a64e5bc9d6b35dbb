package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// Manager returns the manager that made the session.
func (s *Session) Manager() *Manager { return s.m }

// Begin opens the transaction if none is open, for reads that must be made inside it: with locks, or of what others must
// not change meanwhile on SQLite.
func (s *Session) Begin(ctx context.Context) error { return s.begin(ctx, "begin") }

// Select runs a query of bun's and scans all that it finds, into its model, with its relations, or into dest: in the
// transaction if one is open, else outside of any. The query is made with the manager's or the session's NewSelect; with a
// lock (For) it needs [Session.Begin] first. Models are remembered as [Session.Get] does it, unless the unit of work is
// read-only; those of relations are not. A single row that is not there is dossier.ErrNotFound.
func (s *Session) Select(ctx context.Context, q *bun.SelectQuery, dest ...any) error {
	return s.selecting(ctx, q, dest, s.rememberRead)
}

func (s *Session) selecting(ctx context.Context, q *bun.SelectQuery, dest []any, remember func(rows []row)) error {
	if q == nil {
		return fmt.Errorf("select: %w: no query", dossier.ErrInvalid)
	}
	if err := s.enter("select"); err != nil {
		return err
	}
	defer s.leave()
	err := q.Conn(s.readConn()).Scan(ctx, dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("select: %w", dossier.ErrNotFound)
	}
	if err := s.watch(err); err != nil {
		return fmt.Errorf("select: %w", err)
	}
	if model := scanned(q, dest); model != nil && !s.readOnly {
		s.rememberAll(model.Value(), remember)
	}
	return nil
}

// scanned is what the rows of a query were scanned into, if it is a model of bun's.
func scanned(q *bun.SelectQuery, dest []any) bun.Model {
	if len(dest) == 0 {
		return q.GetModel()
	}
	model, _ := dest[0].(bun.Model)
	return model
}

// rememberAll remembers what was read into models, if it is models that it was read into.
func (s *Session) rememberAll(models any, remember func(rows []row)) {
	if v := reflect.ValueOf(models); v.Kind() != reflect.Pointer || v.IsNil() {
		return
	}
	rows, err := s.m.rows(models)
	if err != nil {
		return // no models of ours
	}
	remember(rows)
}
