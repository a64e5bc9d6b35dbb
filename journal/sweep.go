package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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
	var errs []error
	for _, places := range opts.rounds() {
		done, err := j.sweepStores(ctx, opts, places, opts.Limit-report.Claimed)
		report.Add(done)
		errs = append(errs, err)
		if opts.Limit > 0 && report.Claimed >= opts.Limit {
			break
		}
	}
	return report, errors.Join(errs...)
}

// place is where objects of the rows are that a sweep may take: a backend's name and the identity of its store.
type place struct{ backend, store string }

// rounds groups the places of the registry by what one statement claims from: each store for itself, so that the index
// gives its rows in the order in which they are due, however many rows there are; all of them where the rows are named.
func (o SweepOptions) rounds() [][]place {
	places := registered(o.Registry)
	if o.IDs != nil && len(places) > 0 {
		return [][]place{places}
	}
	rounds := slices.Collect(slices.Chunk(places, 1))
	if o.Limit > 0 && len(rounds) > 0 { // the first store must not use up the limit of every sweep
		first := rand.N(len(rounds))
		rounds = slices.Concat(rounds[first:], rounds[:first])
	}
	return rounds
}

// registered lists what the registry has, in the order of names, and the guards of its stores.
func registered(r *dossier.Registry) []place {
	var places []place
	for _, name := range r.Names() {
		if b, err := r.Backend(name); err == nil {
			store := b.Describe().Store
			places = append(places, place{name, store}, place{name, guardPrefix + store})
		}
	}
	return places
}

// sweepStores executes what is due there, at most limit rows when the options have a limit. Claims go on where the last
// one ended: entries of claimed rows stay in the index of a server for a while, and each claim from the front would walk
// over all of them. What stands before that place by then, because it has become due or somebody had it locked, is found at
// the end, when a claim begins at the front once more.
func (j *Journal) sweepStores(ctx context.Context, opts SweepOptions, places []place, limit int) (SweepReport, error) {
	var report SweepReport
	last := front
	for full := 0; opts.Limit == 0 || report.Claimed < limit; full++ {
		if full == manyBatches {
			j.analyze(ctx)
		}
		size := opts.Batch
		if opts.Limit > 0 {
			size = min(size, limit-report.Claimed)
		}
		took, owner, err := j.claim(ctx, opts, j.due(opts, places, size, last))
		if err != nil {
			return report, err
		}
		done, err := j.execute(ctx, opts, owner, took.entries)
		report.Add(done)
		short := len(took.entries) < size
		if err != nil || short && last == front {
			return report, err
		}
		last = took.last
		if short {
			last = front
		}
	}
	return report, nil
}

// manyBatches is after how many batches in a row a sweep takes the journal for one that has grown suddenly.
const manyBatches = 3

// analyze lets PostgreSQL count again: after a bulk delete its statistics say that there is almost nothing, and each
// claim would sort all that is due. Only the speed depends on it, so a server that refuses is left alone.
func (j *Journal) analyze(ctx context.Context) {
	if j.language.analyze != "" {
		_, _ = j.own(ctx, j.language.analyze)
	}
}

// at limits a query to rows of the places.
func at(places []place) func(q *bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, place := range places {
			q = q.WhereOr("(store = ? AND backend = ?)", place.store, place.backend)
		}
		return q
	}
}

// due selects so many of the rows there that are due, in the order of the index, after a position in it.
func (j *Journal) due(opts SweepOptions, places []place, size int, after position) *bun.SelectQuery {
	due := j.db.NewSelect().Model((*Entry)(nil)).Column("id").Where("state <> ?", Marker).Where("due_at <= ?", j.language.now).
		Where("attempts < ?", opts.MaxAttempts).WhereGroup(" AND ", at(places))
	if opts.IDs != nil {
		due = due.Where("id IN (?)", bun.List(opts.IDs))
	}
	if after != front {
		due = due.Where(j.language.after, after.due, after.id)
	}
	return due.OrderExpr("due_at, id").Limit(int64(size))
}

// claim takes rows that are due. An expired intent becomes an order.
func (j *Journal) claim(ctx context.Context, opts SweepOptions, rows *bun.SelectQuery) (claimed, string, error) {
	owner := "sweep " + NewID()
	took, err := j.language.claim(ctx, j, claim{
		set:  "state = CASE state WHEN 'pending' THEN 'doomed' ELSE state END, owner = ?, attempts = attempts + 1, due_at = ? + ?",
		args: []any{owner, j.language.now, milliseconds(opts.Claim)}, rows: rows, owner: owner,
	})
	if err != nil {
		return claimed{}, "", fmt.Errorf("sweep: claim: %w", err)
	}
	return took, owner, nil
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
