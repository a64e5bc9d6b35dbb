package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// Stream yields the rows of a query one by one, in constant memory: read in the transaction if one is open, else
// outside of any. The query is made with the session's or the database's NewSelect; its model must be a *T. While the
// loop runs the session refuses everything else; leaving the loop closes the rows. The error comes last.
//
//	for doc, err := range session.Stream[Document](ctx, s, s.IDB().NewSelect().Model((*Document)(nil))) { … }
func Stream[T any](ctx context.Context, s *Session, q *bun.SelectQuery) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		if err := s.streamRows(ctx, q, func(scan func(dest ...any) error) bool {
			value := new(T)
			err := scan(value)
			return yield(value, err) && err == nil
		}); err != nil {
			yield(nil, fmt.Errorf("stream: %w", err))
		}
	}
}

// streamRows calls next for each row until it returns false.
func (s *Session) streamRows(ctx context.Context, q *bun.SelectQuery, next func(scan func(dest ...any) error) bool) error {
	if q == nil {
		return fmt.Errorf("%w: no query", dossier.ErrInvalid)
	}
	if err := s.enter("stream"); err != nil {
		return err
	}
	rows, err := s.openStream(ctx, q)
	if err != nil {
		return err
	}
	stopped, err := s.eachRow(ctx, rows, next)
	if stopped {
		return nil // the caller left the loop, or has the error
	}
	return err
}

// openStream runs the query in the turn that the caller entered, and leaves it.
func (s *Session) openStream(ctx context.Context, q *bun.SelectQuery) (*sql.Rows, error) {
	defer s.leave()
	rows, err := q.Conn(s.readConn()).Rows(ctx)
	if err = s.watch(err); err != nil {
		return nil, err
	}
	if s.tx != nil {
		s.tx.track(rows)
	}
	s.stream = true
	return rows, nil
}

func (s *Session) eachRow(ctx context.Context, rows *sql.Rows, next func(scan func(dest ...any) error) bool) (stopped bool, err error) {
	defer func() {
		s.stream = false
		err = errors.Join(err, rows.Close())
	}()
	for rows.Next() {
		if !next(func(dest ...any) error { return s.m.db.ScanRow(ctx, rows, dest...) }) {
			return true, nil
		}
	}
	return false, s.watch(rows.Err())
}
