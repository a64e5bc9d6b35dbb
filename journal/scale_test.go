package journal_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/journal"
)

// named is a store with an identity of the test's choice, whose deletes fail when it is broken.
type named struct {
	dossier.Forward
	store  string
	broken bool
}

func (n named) Describe() dossier.Description {
	d := n.Inner.Describe()
	d.Store = n.store
	return d
}

func (n named) DeleteBatch(_ context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	var err error
	if n.broken {
		err = dossier.ErrUnavailable
	}
	return func(yield func(string, error) bool) {
		for key := range keys {
			if !yield(key, err) {
				return
			}
		}
	}
}

// registryWith registers a store with an identity under each of the names.
func registryWith(t testing.TB, stores map[string]named) *dossier.Registry {
	t.Helper()
	registry := &dossier.Registry{}
	for name, store := range stores {
		store.Inner = memory.New(memory.Config{})
		must(t, registry.Register(name, store))
	}
	return registry
}

func (l *ledger) order(backend, store string, keys ...string) {
	l.t.Helper()
	for _, key := range keys {
		must(l.t, l.Order(l.t.Context(), l.db, 0, journal.Order{ID: key, Backend: backend, Store: store, Key: key}))
	}
}

// After an outage of a store a million rows may be parked. A sweep must not look at each of them again with every batch,
// so they are not due any more; Retry brings them back.
func TestParkedRowsAreNotDue(t *testing.T) { onEveryDatabase(t, testParkedRowsAreNotDue) }

func testParkedRowsAreNotDue(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	registry := registryWith(t, map[string]named{"uploads": {store: "store", broken: true}})
	l.order("uploads", "store", "a")
	report, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry, MaxAttempts: 1})
	must(t, err)
	want(t, "report", report, journal.SweepReport{Claimed: 1, Parked: 1})
	clock, err := l.Clock(t.Context())
	must(t, err)
	for entry, err := range l.List(t.Context(), journal.Filter{}) {
		must(t, err)
		if entry.DueAt < clock+100*365*24*time.Hour.Milliseconds() {
			t.Errorf("a parked row is due at %d, it is %d now", entry.DueAt, clock)
		}
	}
	n, err := l.Retry(t.Context(), 1, "a")
	must(t, err)
	want(t, "tried again", n, 1)
	due, err := l.Due(t.Context(), registry)
	must(t, err)
	want(t, "due", due, true)
}

// A poison order must not keep others from being executed, in its own store or in others.
func TestPoisonOrdersHoldNobodyUp(t *testing.T) { onEveryDatabase(t, testPoisonOrdersHoldNobodyUp) }

func testPoisonOrdersHoldNobodyUp(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	registry := registryWith(t, map[string]named{"good": {store: "good"}, "bad": {store: "bad", broken: true}})
	l.order("bad", "bad", "a", "b", "c")
	l.order("good", "good", "d", "e")
	report, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry, Batch: 1, MaxAttempts: 2, Backoff: time.Hour})
	must(t, err)
	want(t, "report", report, journal.SweepReport{Claimed: 5, Deleted: 2, Failed: 3})
	want(t, "left", l.ids(journal.Filter{}), []string{"a", "b", "c"})
}

// A limit is for all stores together, and what is over it stays due.
func TestLimitIsForAllStoresTogether(t *testing.T) {
	onEveryDatabase(t, testLimitIsForAllStoresTogether)
}

func testLimitIsForAllStoresTogether(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	registry := registryWith(t, map[string]named{"one": {store: "one"}, "two": {store: "two"}})
	l.order("one", "one", "a", "b", "c")
	l.order("two", "two", "d", "e")
	for _, claimed := range []int{4, 1, 0} {
		report, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry, Limit: 4, Batch: 2})
		must(t, err)
		want(t, "report", report, journal.SweepReport{Claimed: claimed, Deleted: claimed})
	}
}

// Commits execute a few due rows each. A store with more than that due at any time, as one that is down, must not keep the
// others from ever having their turn.
func TestLimitIsNotForTheFirstStoreAlone(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		registry := registryWith(t, map[string]named{"one": {store: "one"}, "two": {store: "two"}})
		l.order("two", "two", "last")
		for i := range 100 {
			l.order("one", "one", fmt.Sprint(i), fmt.Sprint("more ", i))
			_, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry, Limit: 1})
			must(t, err)
			if !slices.Contains(l.ids(journal.Filter{Backend: "two"}), "last") {
				return
			}
		}
		t.Error("a hundred sweeps of one row each had no turn for the second store")
	})
}

// What is not due must not be read to find what is: a claim that sorted all due rows would make a sweep of a million take
// hours. The plan shows it without a stop-watch.
func TestClaimsReadTheIndexInOrder(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		var claims selected
		l.db.AddQueryHook(&claims)
		l.order("one", "one", "a")
		registry := registryWith(t, map[string]named{"one": {store: "one"}, "two": {store: "two"}})
		_, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry})
		must(t, err)
		want(t, "claims of two stores and their guards", len(claims), 4)
		plan := l.explain(claims[0])
		if strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "dossier_journal_due") {
			t.Errorf("the plan of %s:\n%s", claims[0], plan)
		}
	})
}

// Statistics are what an alarm is made of: what is due, since when, and what was given up.
func TestStatisticsCountByBackendAndState(t *testing.T) {
	onEveryDatabase(t, testStatisticsCountByBackendAndState)
}

func testStatisticsCountByBackendAndState(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	empty, err := l.Statistics(t.Context())
	must(t, err)
	want(t, "of an empty journal", len(empty), 0)
	l.announce("alive", "marker")
	l.order("uploads", "store", "due", "late", "poison", "parked")
	l.order("other", "elsewhere", "x")
	l.exec("UPDATE dossier_journal SET state = 'marker' WHERE id = 'marker'")
	clock, err := l.Clock(t.Context())
	must(t, err)
	l.exec(fmt.Sprintf("UPDATE dossier_journal SET due_at = %d WHERE id = 'late'", clock-90_000))
	l.exec("UPDATE dossier_journal SET due_at = 1, attempts = 20 WHERE id = 'poison'")
	l.exec("UPDATE dossier_journal SET due_at = 253402300799999, attempts = 3 WHERE id = 'parked'")
	got, err := l.Statistics(t.Context())
	must(t, err)
	for i := range got {
		if oldest := got[i].Oldest; got[i].Backend == "uploads" && got[i].State == journal.Doomed {
			if oldest < 90*time.Second || oldest > 10*time.Minute {
				t.Errorf("the oldest has been due for %v", oldest)
			}
		}
		got[i].Oldest = 0
	}
	want(t, "statistics", got, []journal.Statistic{
		{Backend: "other", State: journal.Doomed, Rows: 1, Due: 1},
		{Backend: "uploads", State: journal.Doomed, Rows: 4, Due: 2, Parked: 2},
		{Backend: "uploads", State: journal.Pending, Rows: 1},
	})
}
