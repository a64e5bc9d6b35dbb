package repository

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// Total is a way to count all rows of which a page is a part.
type Total uint8

const (
	// CountSeparately asks with a query of its own: the database need not make all rows to return a few of them. Between the
	// two queries others may write, unless a transaction keeps them apart.
	CountSeparately Total = iota
	// CountInWindow asks with the page, by count(*) OVER (): one round trip, and consistent with the page, but the
	// database visits every row. Past the last page, where no row can say it, and with relations or a lock it is
	// CountSeparately.
	CountInWindow
)

// Page is a part of all rows that a query selects. [MapPage] makes one of other items.
type Page[T any] struct {
	// Items are the rows; never nil, so that JSON has a list.
	Items []T `json:"items"`
	// Limit is how many rows a page has at most.
	Limit int `json:"limit"`
	// Offset is how many rows come before the page.
	Offset int `json:"offset"`
	// Total is how many rows there are on all pages, whether or not this one has any.
	Total int64 `json:"total"`
}

// MapPage is the page with each item converted, such as a row to what clients may see of it.
func MapPage[T, U any](page Page[T], convert func(T) U) Page[U] {
	return Page[U]{Items: mapItems(page.Items, convert), Limit: page.Limit, Offset: page.Offset, Total: page.Total}
}

func mapItems[T, U any](items []T, convert func(T) U) []U {
	converted := make([]U, len(items))
	for i, item := range items {
		converted[i] = convert(item)
	}
	return converted
}

// Page returns a part of the rows, and how many there are. Errors: as [Repository.List].
func (r *Repository[T]) Page(ctx context.Context, opts ListOptions) (Page[*T], error) {
	items, total, err := r.listAndCount(ctx, &opts)
	if err != nil {
		return Page[*T]{}, wrap("page", err)
	}
	return Page[*T]{Items: items, Limit: opts.Limit, Offset: opts.Offset, Total: total}, nil
}

// ListAndCount is [Repository.List] and how many rows there are without limit and offset.
func (r *Repository[T]) ListAndCount(ctx context.Context, opts ListOptions) ([]*T, int64, error) {
	items, total, err := r.listAndCount(ctx, &opts)
	return items, total, wrap("list and count", err)
}

func (r *Repository[T]) listAndCount(ctx context.Context, opts *ListOptions) ([]*T, int64, error) {
	if err := opts.check(); err != nil {
		return nil, 0, err
	}
	if opts.Total > CountInWindow {
		return nil, 0, fmt.Errorf("%w: Total is %d", dossier.ErrInvalid, opts.Total)
	}
	items, total := []*T{}, int64(0)
	err := r.read(ctx, func(ctx context.Context, s *session.Session) error {
		items, total = []*T{}, 0 // of an attempt before
		query, err := r.listing(ctx, s, &items, *opts)
		if err != nil {
			return err
		}
		if opts.Total == CountInWindow && len(r.base.Relations) == 0 && r.base.Lock == NoLock {
			windowed := &windowed[T]{db: s.Manager().DB(), items: &items, total: &total}
			err := s.Select(ctx, query.ColumnExpr("?TableColumns").ColumnExpr("count(*) OVER ()"), windowed)
			if err != nil || len(items) > 0 {
				return err
			}
		} else if err := s.Select(ctx, query); err != nil {
			return err
		}
		if len(items) == 0 && opts.Offset == 0 {
			return nil
		}
		count, err := r.rows(s, (*T)(nil), opts.Where...)
		if err != nil {
			return err
		}
		return s.Select(ctx, count.ColumnExpr("count(*)"), &total)
	})
	if err != nil {
		return nil, 0, err
	}
	return items, total, nil
}

// windowed reads rows whose last column is the total.
type windowed[T any] struct {
	db    *bun.DB
	items *[]*T
	total *int64
}

// ScanRows implements [bun.Model].
func (w *windowed[T]) ScanRows(ctx context.Context, rows *sql.Rows) (int, error) {
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	n := 0
	for ; rows.Next(); n++ {
		item := new(T)
		model := w.db.NewSelect().Model(item).GetModel().(bun.TableModel)
		dest := make([]any, len(columns))
		for i, name := range columns {
			dest[i] = &columnOf{model, name}
		}
		dest[len(dest)-1] = w.total
		if err := model.BeforeScanRow(ctx); err != nil {
			return n, err
		}
		if err := rows.Scan(dest...); err != nil {
			return n, err
		}
		if err := model.AfterScanRow(ctx); err != nil {
			return n, err
		}
		*w.items = append(*w.items, item)
	}
	return n, rows.Err()
}

// Value implements [bun.Model].
func (w *windowed[T]) Value() any { return w.items }

// columnOf scans into a column of a model.
type columnOf struct {
	model bun.TableModel
	name  string
}

// Scan implements [sql.Scanner].
func (c *columnOf) Scan(src any) error { return c.model.ScanColumn(c.name, src) }
