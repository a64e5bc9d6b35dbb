package repository

import (
	"context"
	"fmt"
	"iter"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// Stream yields the rows that the filters select one by one, in constant memory, in no order. While the loop runs a session
// refuses everything else, and a connection is held; see [Repository.Batches] for loops that write. Relations to many
// cannot be loaded, which is dossier.ErrInvalid. The error comes last.
func (r *Repository[T]) Stream(ctx context.Context, where ...Filter) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		stopped := false
		err := r.read(ctx, func(ctx context.Context, s *session.Session) error {
			q, err := r.selecting(ctx, s, (*T)(nil), where...)
			if err != nil {
				return err
			}
			if err := r.toOne(s); err != nil {
				return err
			}
			for model, err := range session.Stream[T](ctx, s, q) {
				if err != nil {
					return err
				}
				if stopped = !yield(model, nil); stopped {
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, wrap("stream", err))
		}
	}
}

// MaxBatch is the largest size of a batch, in rows.
const MaxBatch = 10_000

// Batches yields the rows that the filters select in slices of size, the last one shorter, in order of the primary key and
// in constant memory. Each batch is a query of its own that begins after the last key of the one before, so the loop may
// write, and rows that it deletes or that others add do not shift the others. With [For] every batch is read by itself;
// what is consistent over all of them is a session's business. size is 1 to MaxBatch; another is dossier.ErrInvalid. The
// error comes last.
//
// In a session the rows of a batch count as loaded, as those of Get do, until the loop asks for the next batch or ends; afterwards
// those that were written or loaded again do, and the rest is forgotten. A row that is to be changed later, and whose files are to
// be cleared or edited then, is loaded again by Get. What a session writes it remembers until the transaction ends.
func (r *Repository[T]) Batches(ctx context.Context, size int, where ...Filter) iter.Seq2[[]*T, error] {
	return func(yield func([]*T, error) bool) {
		if size < 1 || size > MaxBatch {
			yield(nil, fmt.Errorf("batches: %w: a size of %d; it is 1 to %d", dossier.ErrInvalid, size, MaxBatch))
			return
		}
		var after *T
		for {
			batch, forget, err := r.batch(ctx, size, after, where)
			if err != nil {
				yield(nil, wrap("batches", err))
				return
			}
			more := len(batch) > 0 && yield(batch, nil) && len(batch) == size
			if forget(); !more {
				return
			}
			after = batch[len(batch)-1]
		}
	}
}

// batch reads the next rows; the session remembers them until forget is called.
func (r *Repository[T]) batch(ctx context.Context, size int, after *T, where []Filter) (batch []*T, forget func(), err error) {
	err = r.read(ctx, func(ctx context.Context, s *session.Session) error {
		table := r.table(s)
		if len(table.PKs) == 0 {
			return fmt.Errorf("%w: table %s has no primary key, so its rows have no order", dossier.ErrInvalid, table.Name)
		}
		if after != nil {
			k, err := modelKey(table, after)
			if err != nil {
				return err
			}
			where = append(where[:len(where):len(where)], k.following())
		}
		q, err := r.selecting(ctx, s, &batch, where...)
		if err != nil {
			return err
		}
		for _, pk := range table.PKs {
			q = q.OrderExpr("?.?", table.SQLAlias, pk.SQLName)
		}
		forget, err = s.SelectBriefly(ctx, q.Limit(int64(size)))
		return err
	})
	return batch, forget, err
}

// following selects the rows after the key: a greater first column, or the same and a greater second one, and so on.
func (k key) following() Filter {
	var ways []Filter
	for i, pk := range k.table.PKs {
		var way []Filter
		for before := range i {
			way = append(way, Equal(k.table.PKs[before].Name, k.values[before]))
		}
		ways = append(ways, And(append(way, Greater(pk.Name, k.values[i]))...))
	}
	return Or(ways...)
}

// scanned reads the rows of a query that selects some of the columns: the session must not take them for whole rows.
func scanned[T any](ctx context.Context, s *session.Session, q *bun.SelectQuery) ([]*T, error) {
	var rows []*T
	for row, err := range session.Stream[T](ctx, s, q) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}
