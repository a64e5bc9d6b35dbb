package journal_test

import (
	"context"
	"database/sql"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/journal"
	"github.com/uptrace/bun"
)

// watched is a store that calls somebody before each delete.
type watched struct {
	named
	before func(key string)
}

func (w watched) DeleteBatch(_ context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key := range keys {
			w.before(key)
			if !yield(key, nil) {
				return
			}
		}
	}
}

// sweepOneByOne sweeps the rows a, b and c of "store" with a batch of one, and calls somebody before the first delete.
func (l *ledger) sweepOneByOne(first string, change func()) {
	l.t.Helper()
	var deleted []string
	store := named{Forward: dossier.Forward{Inner: memory.New(memory.Config{})}, store: "store"}
	registry := registryOf(l.t, watched{store, func(key string) {
		if deleted = append(deleted, key); len(deleted) == 1 {
			want(l.t, "the first", key, first)
			change()
		}
	}})
	report, err := l.Sweep(l.t.Context(), journal.SweepOptions{Registry: registry, Batch: 1})
	must(l.t, err)
	slices.Sort(deleted)
	want(l.t, "deleted", deleted, []string{"a", "b", "c"})
	want(l.t, "report", report, journal.SweepReport{Claimed: 3, Deleted: 3})
}

// Claims go on where the last one ended. What becomes due before that place while the sweep runs must not wait for the next
// one, which may be an hour away.
func TestSweepTakesWhatBecomesDueBehindIt(t *testing.T) {
	onEveryDatabase(t, testSweepTakesWhatBecomesDueBehindIt)
}

func testSweepTakesWhatBecomesDueBehindIt(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	must(t, l.Order(t.Context(), l.db, time.Hour, journal.Order{ID: "a", Backend: "uploads", Store: "store", Key: "a"}))
	l.order("uploads", "store", "b", "c")
	l.sweepOneByOne("b", func() { l.exec("UPDATE dossier_journal SET due_at = 1 WHERE id = 'a'") })
}

// The same holds for a row that a claim passed over, because a transaction had it locked that has ended since.
func TestSweepTakesWhatWasLockedBehindIt(t *testing.T) {
	onEveryDatabase(t, testSweepTakesWhatWasLockedBehindIt)
}

func testSweepTakesWhatWasLockedBehindIt(t *testing.T) {
	t.Helper()
	t.Parallel()
	if databaseOf(t) == "sqlite" {
		return // it has one writer
	}
	l := newLedger(t)
	l.order("uploads", "store", "a", "b", "c")
	l.exec("UPDATE dossier_journal SET due_at = 1")
	err := l.db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := l.Cancel(ctx, tx, "store", "a")
		must(t, err)
		l.sweepOneByOne("b", func() { must(t, tx.Rollback()) })
		return errUndo
	})
	want(t, "transaction", err, errUndo)
}

// Entries of claimed rows stay in a server's index for a while. Claims that walked over them, from the front or from the
// first row that is due at the same time, would make a sweep of a million rows take the square of the time.
func TestClaimsGoOnWhereTheLastOneEnded(t *testing.T) {
	onEveryDatabase(t, testClaimsGoOnWhereTheLastOneEnded)
}

func testClaimsGoOnWhereTheLastOneEnded(t *testing.T) {
	t.Helper()
	t.Parallel()
	begins := map[string]string{
		"postgresql": "ROW(due_at, id) > ROW(1, 'a'", // in the condition of the index
		"mysql":      "dossier_journal_due 2267",     // as long as all three columns
	}[databaseOf(t)]
	if begins == "" {
		return // SQLite removes entries at once
	}
	l := newLedger(t)
	l.order("uploads", "store", "a", "b", "c")
	l.exec("UPDATE dossier_journal SET due_at = 1")
	var claims selected
	l.db.AddQueryHook(&claims)
	l.sweepOneByOne("a", func() {})
	if plan := l.explain(claims[1]); !strings.Contains(plan, begins) {
		t.Errorf("the plan of %s:\n%s", claims[1], plan)
	}
}

// explain returns the plan of a statement, preferring indexes as in a large table.
func (l *ledger) explain(query string) string {
	l.t.Helper()
	conn, err := l.db.DB.Conn(l.t.Context())
	must(l.t, err)
	defer func() { must(l.t, conn.Close()) }()
	explain := "EXPLAIN "
	switch databaseOf(l.t) {
	case "sqlite":
		explain = "EXPLAIN QUERY PLAN "
	case "postgresql":
		_, err := conn.ExecContext(l.t.Context(), "SET enable_seqscan = off")
		must(l.t, err)
	}
	rows, err := conn.QueryContext(l.t.Context(), explain+query)
	must(l.t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(l.t, err)
	var plan strings.Builder
	for rows.Next() {
		values, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		must(l.t, rows.Scan(dest...))
		for _, value := range values {
			plan.WriteString(value.String + " ")
		}
		plan.WriteString("\n")
	}
	must(l.t, rows.Err())
	return plan.String()
}

// selected collects the statements that select what is due.
type selected []string

func (s *selected) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *selected) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if strings.Contains(event.Query, "ORDER BY due_at, id") {
		*s = append(*s, event.Query)
	}
}
