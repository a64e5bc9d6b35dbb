package repository

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// DefaultCursorLife is how long cursors are good for, unless [KeysetOptions] say otherwise.
const DefaultCursorLife = 24 * time.Hour

// KeysetOptions of [Repository.Keyset].
type KeysetOptions struct {
	// Cursor is what a page before returned as Next or Previous. Default: empty, the first page.
	Cursor string
	// Signer signs cursors, so that clients cannot make their own. There is no default.
	Signer *dossier.Signer
	// Limit is how many rows are returned at most, 1 to 1,000. It may differ from page to page. Default: 0, which means 100.
	Limit int
	// Order of the rows, by columns. What it leaves open is settled by the primary key. A column whose type in Go cannot be
	// NULL must be NOT NULL (the option notnull of its tag), and a column of float32 has no place in it, because its values
	// cannot be compared exactly. Default: none, that of the repository's Options.
	Order []Order
	// Where selects rows: those that all of its filters select. Default: none, all rows.
	Where []Filter
	// Life is how long the returned cursors are good for. Default: 0, which means [DefaultCursorLife].
	Life time.Duration
}

// KeysetPage is a part of all rows that a query selects, between two positions in their order. [MapKeysetPage] makes one of
// other items.
type KeysetPage[T any] struct {
	// Items are the rows; never nil, so that JSON has a list.
	Items []T `json:"items"`
	// Next is the cursor of the page after this one; empty if no row followed when this one was read.
	Next string `json:"next,omitempty"`
	// Previous is the cursor of the page before this one; empty if this is the first.
	Previous string `json:"previous,omitempty"`
}

// MapKeysetPage is the page with each item converted, such as a row to what clients may see of it.
func MapKeysetPage[T, U any](page KeysetPage[T], convert func(T) U) KeysetPage[U] {
	return KeysetPage[U]{Items: mapItems(page.Items, convert), Next: page.Next, Previous: page.Previous}
}

// Keyset returns a part of the rows that begins or ends at a position in their order, not at a number of rows, so a page
// costs the same wherever it is (if an index has the order's columns), and what others insert or delete meanwhile neither
// repeats nor skips any other row. A row whose place in the order changes between two pages may be seen twice, or not at
// all.
//
// A cursor is good for the query that it came from, with the same filters, order and options of the repository, until it
// expires. Whoever has it can read the values that the order's columns have at the ends of the page. Errors:
// dossier.ErrBadSignature for a cursor of another query or of nobody, dossier.ErrExpired, dossier.ErrInvalid for options
// that make no sense and as [Repository.List].
func (r *Repository[T]) Keyset(ctx context.Context, opts KeysetOptions) (KeysetPage[*T], error) {
	var page KeysetPage[*T]
	list := ListOptions{Limit: opts.Limit, Order: opts.Order, Where: opts.Where}
	if err := list.check(); err != nil {
		return page, wrap("keyset", err)
	}
	if opts.Signer == nil || opts.Life < 0 {
		return page, fmt.Errorf("keyset: %w: it needs a Signer, and a Life that is not negative", dossier.ErrInvalid)
	}
	if opts.Life == 0 {
		opts.Life = DefaultCursorLife
	}
	opts.Limit = list.Limit
	err := r.read(ctx, func(ctx context.Context, s *session.Session) (err error) {
		page, err = r.keyset(ctx, s, opts)
		return err
	})
	if err != nil {
		return KeysetPage[*T]{}, wrap("keyset", err)
	}
	return page, nil
}

func (r *Repository[T]) keyset(ctx context.Context, s *session.Session, opts KeysetOptions) (KeysetPage[*T], error) {
	page := KeysetPage[*T]{Items: []*T{}}
	k, query, err := r.openKeyset(ctx, s, opts, &page.Items)
	if err != nil {
		return page, err
	}
	order := k.order
	if k.from.Back {
		order = order.reversed()
	}
	if opts.Cursor != "" {
		after, err := order.after(k.table, k.from)
		if err != nil {
			return page, err
		}
		query = query.Where("?", after)
	}
	if err := s.Select(ctx, query.OrderExpr("?", order).Limit(int64(opts.Limit)+1)); err != nil {
		return page, err
	}
	more := len(page.Items) > opts.Limit
	page.Items = page.Items[:min(len(page.Items), opts.Limit)]
	if k.from.Back {
		slices.Reverse(page.Items)
	}
	page.Next, page.Previous, err = links(ctx, s, k, page.Items, more)
	return page, err
}

// openKeyset makes the query without order and position, checks the options and reads the cursor.
func (r *Repository[T]) openKeyset(
	ctx context.Context, s *session.Session, opts KeysetOptions, items *[]*T,
) (*keyset, *bun.SelectQuery, error) {
	table := r.table(s)
	k := &keyset{opts: opts, table: table}
	var err error
	if k.order, err = r.totalOrder(s, opts.Order); err != nil {
		return nil, nil, err
	}
	if err := k.order.positions(); err != nil {
		return nil, nil, err
	}
	query, err := r.selecting(ctx, s, items, opts.Where...)
	if err != nil {
		return nil, nil, err
	}
	return k, query, k.open(query)
}

// keyset is one query for a page.
type keyset struct {
	opts    KeysetOptions
	table   *schema.Table
	order   order
	purpose string // what its cursors are signed for
	from    position
}

// open binds the cursors to the query as it is without one, and reads the one that was given.
func (k *keyset) open(query *bun.SelectQuery) error {
	text, err := query.AppendQuery(k.queryGen(), nil)
	if err != nil {
		return err
	}
	if text, err = k.order.AppendQuery(k.queryGen(), append(text, " ORDER BY "...)); err != nil {
		return err
	}
	k.purpose = fmt.Sprintf("keyset %s %x", k.table.Type, sha256.Sum256(text))
	if k.opts.Cursor == "" {
		return nil
	}
	payload, _, err := k.opts.Signer.VerifyToken(k.purpose, k.opts.Cursor)
	if err == nil {
		err = k.from.decode(payload, len(k.order.terms))
	}
	if err != nil {
		return fmt.Errorf("cursor: %w", err)
	}
	return nil
}

func (k *keyset) queryGen() schema.QueryGen { return schema.NewQueryGen(k.table.Dialect()) }

// links are the cursors of a page: there are rows beyond its far end if one more was found, and beyond its near end if
// it was reached by a cursor.
func links[T any](
	ctx context.Context, s *session.Session, k *keyset, items []*T, more bool,
) (next, previous string, err error) {
	hasNext, hasPrevious := more, k.opts.Cursor != ""
	if k.from.Back {
		hasNext, hasPrevious = true, more
	}
	var ends []*end[T]
	if hasNext {
		ends = append(ends, &end[T]{place: len(items) - 1, cursor: &next})
	}
	if hasPrevious {
		ends = append(ends, &end[T]{place: 0, at: position{Back: true}, cursor: &previous})
	}
	for _, e := range ends {
		if err := e.find(k, items); err != nil {
			return "", "", err
		}
	}
	if err := storedTimes(ctx, s, k, ends); err != nil {
		return "", "", err
	}
	for _, e := range ends {
		if err := e.sign(k); err != nil {
			return "", "", err
		}
	}
	return next, previous, nil
}

// end is one of a page, beyond which there is another one.
type end[T any] struct {
	place  int // of its item
	item   *T  // nil: the page is empty
	at     position
	cursor *string
}

// find sets the position to that of the item; of an empty page to that where it would be, with the row there, for it was on the
// page before.
func (e *end[T]) find(k *keyset, items []*T) (err error) {
	if len(items) == 0 {
		e.at.Values, e.at.Including = k.from.Values, e.at.Back != k.from.Back
		return nil
	}
	e.item = items[e.place]
	e.at.Values, err = k.order.valuesOf(e.item)
	return err
}

func (e *end[T]) sign(k *keyset) error {
	payload, err := e.at.encode()
	if err != nil {
		return err
	}
	*e.cursor, err = k.opts.Signer.SignToken(k.purpose, payload, time.Now().Add(k.opts.Life))
	return err
}
