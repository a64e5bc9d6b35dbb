package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// SweepOptions of [Journal.Sweep]. The zero value but for Registry is a full sweep.
type SweepOptions struct {
	// Registry of the backends whose rows are swept: only rows whose backend and store identity are in it. Required.
	Registry *dossier.Registry
	// Batch is how many rows are claimed at once. Default: 0, which means 200.
	Batch int
	// Limit is how many rows are claimed in all. Default: 0, all that are due.
	Limit int
	// IDs limits the sweep to these rows. Default: nil, all.
	IDs []string
	// Claim is how long a claim holds; then another sweep may take the rows over. Default: 0, 5 minutes.
	Claim time.Duration
	// Quarantine is how long after the delete of an abandoned upload the object is deleted once more; it must be longer
	// than an upload request can stall. Default: 0, 1 hour.
	Quarantine time.Duration
	// MaxAttempts parks a row that failed so often: it stays visible and is not tried again. Default: 0, 20.
	MaxAttempts int
	// Backoff is the pause after the first failure; it doubles with each, up to an hour. Default: 0, 5 seconds.
	Backoff time.Duration
}

func (o SweepOptions) withDefaults() SweepOptions {
	setDefault(&o.Batch, 200)
	setDefault(&o.Claim, 5*time.Minute)
	setDefault(&o.Quarantine, time.Hour)
	setDefault(&o.MaxAttempts, DefaultMaxAttempts)
	setDefault(&o.Backoff, 5*time.Second)
	return o
}

// DefaultMaxAttempts is when a row is parked.
const DefaultMaxAttempts = 20

func setDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// SweepReport counts what a sweep did.
type SweepReport struct {
	Claimed   int // rows taken
	Deleted   int // objects deleted for good
	Abandoned int // uploads deleted, to be deleted once more after the quarantine
	Failed    int // rows that will be tried again
	Parked    int // rows that failed for the last time
}

// Add adds the counts of another report.
func (r *SweepReport) Add(other SweepReport) {
	r.Claimed += other.Claimed
	r.Deleted += other.Deleted
	r.Abandoned += other.Abandoned
	r.Failed += other.Failed
	r.Parked += other.Parked
}

// Sweep executes what is due: rule 9. It claims rows in a committed statement before it touches an object, deletes the
// object first and the row after, and keeps a tombstone after an abandoned upload. Any number of processes may sweep.
// Failed deletes are in the report, in the rows' last_error, and not in the error, which is about the journal itself.
func (j *Journal) Sweep(ctx context.Context, opts SweepOptions) (SweepReport, error) {
	var report SweepReport
	if opts.Registry == nil {
		return report, fmt.Errorf("sweep: %w: no registry", dossier.ErrInvalid)
	}
	opts = opts.withDefaults()
	stores := registered(opts.Registry)
	if len(stores) == 0 {
		return report, nil
	}
	for opts.Limit == 0 || report.Claimed < opts.Limit {
		size := opts.Batch
		if opts.Limit > 0 {
			size = min(size, opts.Limit-report.Claimed)
		}
		entries, owner, err := j.claim(ctx, opts, stores, size)
		if err != nil {
			return report, err
		}
		done, err := j.execute(ctx, opts, owner, entries)
		report.Add(done)
		if err != nil || len(entries) < size {
			return report, err
		}
	}
	return report, nil
}

// registered lists backend and store of what the registry has.
func registered(r *dossier.Registry) map[string]string {
	stores := map[string]string{}
	for _, name := range r.Names() {
		if b, err := r.Backend(name); err == nil {
			stores[name] = b.Describe().Store
		}
	}
	return stores
}

// claim takes due rows. An expired intent becomes an order.
func (j *Journal) claim(ctx context.Context, opts SweepOptions, stores map[string]string, size int) ([]Entry, string, error) {
	owner := "sweep " + NewID()
	due := j.db.NewSelect().Model((*Entry)(nil)).Column("id").Where("state <> ?", Marker).Where("due_at <= ?", j.language.now).
		Where("attempts < ?", opts.MaxAttempts)
	due = due.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		for backend, store := range stores {
			q = q.WhereOr("(backend = ? AND store IN (?, ?))", backend, store, guardPrefix+store)
		}
		return q
	})
	if opts.IDs != nil {
		due = due.Where("id IN (?)", bun.List(opts.IDs))
	}
	due = due.OrderExpr("due_at, id").Limit(int64(size))
	entries, err := j.language.claim(ctx, j, claim{
		set:  "state = CASE state WHEN 'pending' THEN 'doomed' ELSE state END, owner = ?, attempts = attempts + 1, due_at = ? + ?",
		args: []any{owner, j.language.now, milliseconds(opts.Claim)}, rows: due, owner: owner,
	})
	if err != nil {
		return nil, "", fmt.Errorf("sweep: claim: %w", err)
	}
	return entries, owner, nil
}

// execute deletes the objects of claimed rows, then their rows.
func (j *Journal) execute(ctx context.Context, opts SweepOptions, owner string, entries []Entry) (SweepReport, error) {
	report := SweepReport{Claimed: len(entries)}
	var gone, buried, closed []string
	open, err := j.openKeys(ctx, entries) // before the deletes: what is written after them must find a tombstone
	if err != nil {
		return report, err
	}
	entries, closed = notOpen(entries)
	reopen := map[string]int64{}
	var errs []error
	for backend, group := range byBackend(entries) {
		failures := deleteObjects(ctx, opts.Registry, backend, group, abortAll)
		for _, entry := range group {
			switch problem := failures[entry.Key]; {
			case problem != nil:
				errs = append(errs, j.postpone(ctx, opts, owner, entry, problem, &report))
			case entry.State == Doomed && open[entry.Store+"|"+entry.Key] > 0:
				reopen[entry.ID] = open[entry.Store+"|"+entry.Key]
			case entry.Intent && entry.State == Doomed:
				buried = append(buried, entry.ID)
			default:
				gone = append(gone, entry.ID)
			}
		}
	}
	report.Deleted, report.Abandoned = len(gone), len(buried)+len(reopen)
	errs = append(errs, j.finish(ctx, owner, append(gone, closed...)), j.bury(ctx, opts.Quarantine, owner, buried),
		j.buryOpen(ctx, opts.Quarantine, owner, reopen))
	return report, errors.Join(errs...)
}

func byBackend(entries []Entry) map[string][]Entry {
	groups := map[string][]Entry{}
	for _, entry := range entries {
		groups[entry.Backend] = append(groups[entry.Backend], entry)
	}
	return groups
}
