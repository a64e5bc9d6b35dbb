package repository

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// Limits of [ListOptions], in rows.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// ListOptions of [Repository.List]. The zero value is the first 100 rows in order of the primary key.
type ListOptions struct {
	// Limit is how many rows are returned at most, 1 to 1,000. Default: 0, which means 100.
	Limit int
	// Offset is how many rows are passed over first, from 0. Default: 0.
	Offset int
	// Order of the rows. What it leaves open is settled by the primary key, ascending, so that pages neither repeat nor
	// miss rows while the table stays the same. Default: none, by the primary key alone.
	Order []Order
	// Where selects rows: those that all of its filters select. Default: none, all rows.
	Where []Filter
}

// Order by one column.
type Order struct {
	// Column is the name in the database. It may come from a client: only columns of the table are taken.
	Column string
	// Descending puts the greatest first. NULL stands where the database puts it. Default: false.
	Descending bool
}

// List returns rows, without soft-deleted ones; never nil, and empty past the end. For more rows than a page holds see
// [session.Stream]. Errors: dossier.ErrInvalid for a limit or offset out of range, a column that the table does not
// have or that is named twice, and a table without primary key.
func (r *Repository[T]) List(ctx context.Context, opts ListOptions) ([]*T, error) {
	if opts.Limit == 0 {
		opts.Limit = DefaultLimit
	}
	if opts.Limit < 0 || opts.Limit > MaxLimit || opts.Offset < 0 {
		return nil, fmt.Errorf("list: %w: limit %d, offset %d; the limit is 1 to %d, the offset not negative",
			dossier.ErrInvalid, opts.Limit, opts.Offset, MaxLimit)
	}
	models := []*T{}
	err := r.read(ctx, func(ctx context.Context, s *session.Session) error {
		query, err := r.selecting(ctx, s, &models, opts.Where...)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		if query, err = ordered(query, opts.Order); err != nil {
			return fmt.Errorf("list: %w", err)
		}
		return s.Select(ctx, query.Limit(int64(opts.Limit)).Offset(int64(opts.Offset)))
	})
	if err != nil {
		return nil, err
	}
	return models, nil
}

const (
	ascending  = bun.Safe("ASC")
	descending = bun.Safe("DESC")
)

// ordered appends a total order: the one asked for, then the rest of the primary key.
func ordered(q *bun.SelectQuery, orders []Order) (*bun.SelectQuery, error) {
	table := q.GetModel().(bun.TableModel).Table()
	if len(table.PKs) == 0 {
		return nil, fmt.Errorf("%w: table %s has no primary key, so its rows have no fixed order", dossier.ErrInvalid, table.Name)
	}
	var used []*schema.Field
	for _, order := range orders {
		field, err := column(table, "order by", order.Column)
		if err != nil {
			return nil, err
		}
		if slices.Contains(used, field) {
			return nil, fmt.Errorf("%w: order by %s twice", dossier.ErrInvalid, field.Name)
		}
		used = append(used, field)
		direction := ascending
		if order.Descending {
			direction = descending
		}
		q = q.OrderExpr("?.? ?", table.SQLAlias, field.SQLName, direction)
	}
	for _, pk := range table.PKs {
		if !slices.Contains(used, pk) {
			q = q.OrderExpr("?.? ?", table.SQLAlias, pk.SQLName, ascending)
		}
	}
	return q, nil
}
