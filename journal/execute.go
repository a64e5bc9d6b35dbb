package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun"
)

// deleteObjects aborts the uploads of one backend, deletes its objects and returns the failures by key.
func deleteObjects(ctx context.Context, registry *dossier.Registry, backend string, entries []Entry, abort aborter) map[string]error {
	failures := map[string]error{}
	b, err := registry.Backend(backend)
	keys := func(yield func(string) bool) {
		for _, entry := range entries {
			if failures[entry.Key] == nil && !yield(entry.Key) {
				return
			}
		}
	}
	for _, entry := range entries {
		failures[entry.Key] = err
		if err == nil {
			failures[entry.Key] = abort(ctx, b, entry)
		}
	}
	if err != nil {
		return failures
	}
	answered := map[string]bool{}
	for key, problem := range dossier.DeleteBatch(ctx, b, keys) {
		answered[key] = true
		if problem != nil && !errors.Is(problem, dossier.ErrNotExist) {
			failures[key] = problem
		}
	}
	for _, entry := range entries {
		if !answered[entry.Key] && failures[entry.Key] == nil {
			failures[entry.Key] = fmt.Errorf("%s: no answer for the key", backend)
		}
	}
	return failures
}

// finish removes rows of our claim whose objects are gone.
func (j *Journal) finish(ctx context.Context, owner string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := j.own(ctx, j.language.remove+" WHERE id IN (?) AND owner = ?", bun.List(ids), owner)
	if err != nil {
		return fmt.Errorf("sweep: finish: %w", err)
	}
	return nil
}

// bury turns rows of our claim into tombstones.
func (j *Journal) bury(ctx context.Context, quarantine time.Duration, owner string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := j.own(ctx, j.language.change+" SET state = ?, attempts = 0, due_at = ? + ? WHERE id IN (?) AND owner = ?",
		Tombstone, j.language.now, milliseconds(quarantine), bun.List(ids), owner)
	if err != nil {
		return fmt.Errorf("sweep: bury: %w", err)
	}
	return nil
}

// postpone records a failure; the row is due again after a pause that doubles with each attempt.
func (j *Journal) postpone(ctx context.Context, opts SweepOptions, owner string, entry Entry, problem error, report *SweepReport) error {
	due := bun.SafeQuery("? + ?", j.language.now, milliseconds(pause(opts.Backoff, entry.Attempts)))
	if entry.Attempts >= opts.MaxAttempts {
		report.Parked++
		due = bun.SafeQuery("?", int64(never))
	} else {
		report.Failed++
	}
	_, err := j.own(ctx, "UPDATE dossier_journal SET last_error = ?, due_at = ? WHERE id = ? AND owner = ?",
		storable(problem.Error()), due, entry.ID, owner)
	if err != nil {
		return fmt.Errorf("sweep: postpone: %w", err)
	}
	return nil
}

// never is when a parked row is due: the last millisecond of the year 9999. Sweeps then do not meet it again and again.
const never = 253402300799999

// pause is how long a row waits after so many attempts.
func pause(backoff time.Duration, attempts int) time.Duration {
	pause := backoff << min(attempts-1, 20)
	if pause <= 0 {
		return time.Hour
	}
	return min(pause, time.Hour)
}

// storable cuts a text of anybody's making to what every database takes: 500 bytes of UTF-8 without NUL.
func storable(text string) string {
	text = strings.ReplaceAll(text, "\x00", "")
	return strings.ToValidUTF8(text[:min(len(text), 500)], "")
}

// Release gives up objects whose uploads ended with a known outcome and that no row took: rule 7. It claims each
// intent by id (rows that are no longer pending are left alone), deletes the object, then the row. What cannot be
// removed stays in the journal for a sweep.
func (j *Journal) Release(ctx context.Context, registry *dossier.Registry, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	owner := "release " + NewID()
	entries, err := j.claimPending(ctx, owner, ids)
	if err != nil {
		return fmt.Errorf("journal: release: %w", err)
	}
	opts := SweepOptions{Registry: registry}.withDefaults()
	var gone []string
	var errs []error
	for backend, group := range byBackend(entries) {
		failures := deleteObjects(ctx, registry, backend, group, abortRecorded)
		for _, entry := range group {
			if failures[entry.Key] == nil {
				gone = append(gone, entry.ID)
				continue
			}
			errs = append(errs, failures[entry.Key], j.postpone(ctx, opts, owner, entry, failures[entry.Key], &SweepReport{}))
		}
	}
	return errors.Join(append(errs, j.finish(ctx, owner, gone))...)
}

// claimPending takes those of the intents that are still pending. It waits for whoever is changing one, such as a
// transaction that is about to end.
func (j *Journal) claimPending(ctx context.Context, owner string, ids []string) ([]Entry, error) {
	query := j.language.change + " SET state = ?, owner = ?, attempts = attempts + 1, due_at = ? + ? WHERE id IN (?) AND state = ?"
	args := []any{Doomed, owner, j.language.now, milliseconds(time.Minute), bun.List(ids), Pending}
	if j.language.returning {
		return returning[Entry](ctx, j, query+" RETURNING *", args...)
	}
	if n, err := j.own(ctx, query, args...); err != nil || n == 0 {
		return nil, err
	}
	var entries []Entry
	return entries, j.db.NewSelect().Model(&entries).Where("owner = ?", owner).Where("id IN (?)", bun.List(ids)).Scan(ctx)
}

// Forget removes the intents of uploads of which positively nothing was stored.
func (j *Journal) Forget(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := j.own(ctx, j.language.remove+" WHERE id IN (?) AND state = ?", bun.List(ids), Pending)
	if err != nil {
		return fmt.Errorf("journal: forget: %w", err)
	}
	return nil
}
