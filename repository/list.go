package repository

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

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
	// miss rows while the table stays the same. Default: none, that of the repository's Options.
	Order []Order
	// Where selects rows: those that all of its filters select. Default: none, all rows.
	Where []Filter
	// Total is how [Repository.ListAndCount] and [Repository.Page] count the rows; List counts nothing. Default:
	// CountSeparately.
	Total Total
}

// List returns rows, without soft-deleted ones; never nil, and empty past the end. For more rows than a page holds see
// [Repository.Stream] and [Repository.Batches]. Errors: dossier.ErrInvalid for a limit or offset out of range, a filter
// or order that names what the table does not have, a column that is named twice, and a table without primary key.
func (r *Repository[T]) List(ctx context.Context, opts ListOptions) ([]*T, error) {
	if err := opts.check(); err != nil {
		return nil, wrap("list", err)
	}
	models := []*T{}
	err := r.read(ctx, func(ctx context.Context, s *session.Session) error {
		query, err := r.listing(ctx, s, &models, opts)
		if err != nil {
			return err
		}
		return s.Select(ctx, query)
	})
	if err != nil {
		return nil, wrap("list", err)
	}
	return models, nil
}

// check fills the default limit.
func (opts *ListOptions) check() error {
	if opts.Limit == 0 {
		opts.Limit = DefaultLimit
	}
	if opts.Limit < 0 || opts.Limit > MaxLimit || opts.Offset < 0 {
		return fmt.Errorf("%w: limit %d, offset %d; the limit is 1 to %d, the offset not negative",
			dossier.ErrInvalid, opts.Limit, opts.Offset, MaxLimit)
	}
	return nil
}

// listing is the query of a list.
func (r *Repository[T]) listing(ctx context.Context, s *session.Session, model any, opts ListOptions) (*bun.SelectQuery, error) {
	query, err := r.selecting(ctx, s, model, opts.Where...)
	if err != nil {
		return nil, err
	}
	order, err := r.totalOrder(s, opts.Order)
	if err != nil {
		return nil, err
	}
	return query.OrderExpr("?", order).Limit(int64(opts.Limit)).Offset(int64(opts.Offset)), nil
}
