package journal

import (
	"context"
	"fmt"
	"iter"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// Filter of [Journal.List]. The zero value is every row.
type Filter struct {
	// States to show. Default: nil, all but markers.
	States []State
	// Backend to show. Default: "", all.
	Backend string
	// Unclaimed shows only delete orders that nobody has begun with: what they delete can be undeleted. Default: false, all.
	Unclaimed bool
	// ParkedAfter shows only rows with at least so many attempts. Default: 0, all.
	ParkedAfter int
}

// List yields rows in order of id, which is the order of creation, in pages: memory use is constant.
func (j *Journal) List(ctx context.Context, filter Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		last := ""
		for {
			page, err := j.page(ctx, filter, last)
			if err != nil {
				yield(Entry{}, fmt.Errorf("journal: list: %w", err))
				return
			}
			for _, entry := range page {
				if !yield(entry, nil) {
					return
				}
				last = entry.ID
			}
			if len(page) < batch {
				return
			}
		}
	}
}

func (j *Journal) page(ctx context.Context, filter Filter, after string) ([]Entry, error) {
	var page []Entry
	q := j.db.NewSelect().Model(&page).Where("id > ?", after).Where("attempts >= ?", filter.ParkedAfter)
	if filter.States != nil {
		q = q.Where("state IN (?)", bun.List(filter.States))
	} else {
		q = q.Where("state <> ?", Marker)
	}
	if filter.Unclaimed {
		q = q.Where("state = ?", Doomed).Where("attempts = 0").Where("NOT intent")
	}
	if filter.Backend != "" {
		q = q.Where("backend = ?", filter.Backend)
	}
	return page, q.OrderBy("id", bun.OrderAsc).Limit(batch).Scan(ctx)
}

// Clock returns the database's clock in milliseconds, which the rows' times are of.
func (j *Journal) Clock(ctx context.Context) (int64, error) {
	var ms int64
	if err := j.db.NewRaw("SELECT ?", j.language.now).Scan(ctx, &ms); err != nil {
		return 0, fmt.Errorf("journal: clock: %w", err)
	}
	return ms, nil
}

// Retry makes parked rows due again, as if they had failed once, and returns how many there were. Their orders cannot
// be taken back: their objects may be gone. maxAttempts is when rows were parked; 0 means DefaultMaxAttempts. With ids only
// these are tried.
func (j *Journal) Retry(ctx context.Context, maxAttempts int, ids ...string) (int, error) {
	setDefault(&maxAttempts, DefaultMaxAttempts)
	query := "UPDATE dossier_journal SET attempts = 1, due_at = ? WHERE state <> ? AND attempts >= ?"
	args := []any{j.language.now, Marker, maxAttempts}
	if len(ids) > 0 {
		query += " AND id IN (?)"
		args = append(args, bun.List(ids))
	}
	n, err := j.own(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("journal: retry: %w", err)
	}
	return n, nil
}

// Due reports whether anything is due in the stores of the registry, without taking the write lock. Rows parked after
// DefaultMaxAttempts are not.
func (j *Journal) Due(ctx context.Context, registry *dossier.Registry) (bool, error) {
	places := registered(registry)
	if len(places) == 0 {
		return false, nil
	}
	due, err := j.db.NewSelect().Model((*Entry)(nil)).Where("state <> ?", Marker).Where("due_at <= ?", j.language.now).
		Where("attempts < ?", DefaultMaxAttempts).WhereGroup(" AND ", at(places)).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("journal: look for what is due: %w", err)
	}
	return due, nil
}
