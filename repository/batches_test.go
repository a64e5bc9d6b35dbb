package repository_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// A nightly job that looks at each row of a table in one transaction, and changes few, must not end as the table's copy in memory:
// neither in the session itself nor in a savepoint, where what was read can be undone.
func TestBatchesAreConstantInMemory(t *testing.T) { //nolint:paralleltest // it reads the memory of the whole process
	const rows, size = 40_000, 500
	m := openOn(t, "sqlite", session.Options{}, scopeModels()...)
	_, err := m.DB().ExecContext(t.Context(), fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO items (tenant, code, count) SELECT 1, '%s' || i, i FROM n`, rows, strings.Repeat("a long code to be kept ", 3)))
	check(t, err)
	loop := func(ctx context.Context, s *session.Session) error {
		n, most, base, items := 0, uint64(0), heap(), repository.New[item](s)
		for batch, err := range items.Batches(ctx, size) {
			check(t, err)
			if n += len(batch); n%(rows/8) != 0 {
				continue
			}
			batch[1].Count = -1
			check(t, items.Update(ctx, batch[1], "count")) // what is written may stay, and must not keep its neighbours
			most = max(most, heap())
		}
		if n != rows || most > base+2<<20 { // 40,000 rows that are remembered have 20 MB
			t.Errorf("%d rows; the heap grew from %d to %d bytes", n, base, most)
		}
		return nil
	}
	run(t, m, loop)
	run(t, m, func(ctx context.Context, s *session.Session) error {
		return s.Nested(ctx, func(ctx context.Context) error { return loop(ctx, s) })
	})
}

// What counts as loaded decides whether clearing a file is understood or stale, so it must be the same every time: the batch that the
// loop is at, and what it wrote.
func TestRowsOfABatchAreLoadedUntilTheNext(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		for i := range 6 {
			check(t, repository.For[avatar](m).Create(t.Context(), &avatar{Owner: name(i), File: text(name(i))}))
		}
		for mode, within := range map[string]func(context.Context, *session.Session, func(context.Context) error) error{
			"session": func(ctx context.Context, _ *session.Session, fn func(context.Context) error) error { return fn(ctx) },
			"savepoint": func(ctx context.Context, s *session.Session, fn func(context.Context) error) error {
				return s.Nested(ctx, fn)
			},
		} {
			err := m.Run(t.Context(), func(ctx context.Context, s *session.Session) error {
				first := &avatar{}
				check(t, within(ctx, s, func(ctx context.Context) error { return lookAtBatches(ctx, t, mode, s, first) }))
				return errNo // undone for the next
			})
			wantError(t, err, errNo)
		}
	}, upsertModels()...)
}

func lookAtBatches(ctx context.Context, t *testing.T, mode string, s *session.Session, first *avatar) error {
	t.Helper()
	avatars := repository.New[avatar](s)
	var all []*avatar
	for batch, err := range avatars.Batches(ctx, 2) {
		check(t, err)
		if len(all) == 0 { // loaded before the loop came to it, in another struct
			check(t, s.Get(ctx, first, batch[0].ID))
		}
		all = append(all, batch...)
		if len(all) == 2 {
			batch[1].File = nil
			check(t, s.Update(ctx, batch[1])) // cleared, which takes that it was loaded
		}
		for _, row := range batch {
			if s.IsModified(row) {
				t.Errorf("%s: row %s of the batch at hand does not count as loaded", mode, row.Owner)
			}
		}
	}
	for i, want := range []bool{false, false, true, true, true, true} { // loaded again, written, and forgotten
		if got := s.IsModified(all[i]); got != want {
			t.Errorf("%s: row %d is modified: %v, want %v", mode, i, got, want)
		}
	}
	all[3].File = nil
	wantError(t, s.Nested(ctx, func(ctx context.Context) error { return s.Update(ctx, all[3]) }), dossier.ErrStale)
	all[3].Title = "new"
	check(t, s.Update(ctx, all[3], "title"))
	all[4].File = fileobject.FromBytes("a.txt", []byte("new"), fileobject.Options{})
	return s.Update(ctx, all[4], "file")
}

// A savepoint that is undone takes back what was written in it, and with that what the session knows: also of rows that a batch
// read before the change and forgot after it.
func TestBatchesInAnUndoneSavepointLeaveWhatWasKnown(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		check(t, repository.For[item](m).CreateMany(t.Context(), []*item{{Code: "a"}, {Code: "b"}, {Code: "c"}}))
		run(t, m, func(ctx context.Context, s *session.Session) error {
			items, known := repository.New[item](s), &item{}
			check(t, s.Get(ctx, known, 1))
			err := s.Nested(ctx, func(ctx context.Context) error {
				for batch, err := range items.Batches(ctx, 1) {
					check(t, err)
					batch[0].Count = 7
					check(t, items.Update(ctx, batch[0]))
				}
				return errNo
			})
			wantError(t, err, errNo)
			if s.IsModified(known) || !s.IsModified(&item{Code: "b"}) {
				t.Error("the session does not know what it knew before the savepoint")
			}
			known.Count = 1
			return items.Update(ctx, known)
		})
	}, scopeModels()...)
}
