package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/migrations"
	"github.com/uptrace/bun"
)

// ledger is a journal with its database.
type ledger struct {
	*journal.Journal
	t  testing.TB
	db *bun.DB
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	l := &ledger{t: t, db: openDatabase(t)}
	var err error
	l.Journal, err = journal.New(l.db, journal.Config{})
	must(t, err)
	must(t, l.CreateSchema(t.Context()))
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exec runs plain SQL.
func (l *ledger) exec(query string, args ...any) {
	l.t.Helper()
	_, err := l.db.DB.Exec(query, args...)
	must(l.t, err)
}

// announce makes pending rows with these ids, whose keys are "key of " and the id.
func (l *ledger) announce(ids ...string) {
	l.t.Helper()
	must(l.t, l.Announce(l.t.Context(), "test", time.Minute, intents(ids...)...))
}

func intents(ids ...string) []journal.Intent {
	var all []journal.Intent
	for _, id := range ids {
		all = append(all, journal.Intent{ID: id, Backend: "uploads", Store: "store", Key: "key of " + id})
	}
	return all
}

// ids lists what a filter shows.
func (l *ledger) ids(filter journal.Filter) []string {
	l.t.Helper()
	var ids []string
	for entry, err := range l.List(l.t.Context(), filter) {
		must(l.t, err)
		ids = append(ids, entry.ID)
	}
	return ids
}

func want(t testing.TB, what string, have, want any) {
	t.Helper()
	if fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, have, want)
	}
}

// Every row is shown once and in order, however many pages there are: tools delete by what they were shown.
func TestListShowsEveryRowOnceInOrder(t *testing.T) {
	onEveryDatabase(t, testListShowsEveryRowOnceInOrder)
}

func testListShowsEveryRowOnceInOrder(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, n := range []int{0, 1, 499, 500, 501, 1203} {
		l := newLedger(t)
		var ids []string
		for i := range n {
			ids = append(ids, fmt.Sprintf("%05d", i))
		}
		l.announce(ids...)
		if have := l.ids(journal.Filter{}); !slices.Equal(have, ids) {
			t.Errorf("%d of %d rows", len(have), n)
		}
	}
}

// A listing that is left early stops asking, and one whose context ended says so.
func TestListCanBeLeftAndCancelled(t *testing.T) { onEveryDatabase(t, testListCanBeLeftAndCancelled) }

func testListCanBeLeftAndCancelled(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	l.announce("a", "b", "c")
	n := 0
	for range l.List(t.Context(), journal.Filter{}) {
		if n++; n == 2 {
			break
		}
	}
	want(t, "rows before break", n, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range l.List(ctx, journal.Filter{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

func TestListFilters(t *testing.T) { onEveryDatabase(t, testListFilters) }

func testListFilters(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	l.announce("a", "b", "c", "d")
	l.exec("UPDATE dossier_journal SET state = 'doomed', attempts = 20 WHERE id = 'b'")
	l.exec("UPDATE dossier_journal SET backend = 'other', attempts = 19 WHERE id = 'c'")
	l.exec("UPDATE dossier_journal SET state = 'marker' WHERE id = 'd'")
	for _, test := range []struct {
		filter journal.Filter
		want   []string
	}{
		{journal.Filter{}, []string{"a", "b", "c"}},
		{journal.Filter{States: []journal.State{journal.Doomed, journal.Marker}}, []string{"b", "d"}},
		{journal.Filter{States: []journal.State{}}, nil},
		{journal.Filter{Backend: "other"}, []string{"c"}},
		{journal.Filter{ParkedAfter: 20}, []string{"b"}},
		{journal.Filter{States: []journal.State{journal.Doomed}, Backend: "other"}, nil},
	} {
		want(t, fmt.Sprintf("%+v", test.filter), l.ids(test.filter), test.want)
	}
}

// Retry is for rows that were given up. Others are worked on, or their uploads are alive: to make those due would delete
// the files of people who are just uploading.
func TestRetryIsForParkedRowsAlone(t *testing.T) { onEveryDatabase(t, testRetryIsForParkedRowsAlone) }

func testRetryIsForParkedRowsAlone(t *testing.T) {
	t.Helper()
	t.Parallel()
	for _, limit := range []int{20, 0, -1} {
		l := newLedger(t)
		l.announce("alive", "parked", "parked too", "tried", "marker")
		l.exec("UPDATE dossier_journal SET state = 'doomed', attempts = 20, last_error = 'x' WHERE id IN ('parked', 'parked too')")
		l.exec("UPDATE dossier_journal SET state = 'doomed', attempts = 19 WHERE id = 'tried'")
		l.exec("UPDATE dossier_journal SET state = 'marker', attempts = 20 WHERE id = 'marker'")
		n, err := l.Retry(t.Context(), limit, "parked", "alive", "none")
		must(t, err)
		want(t, fmt.Sprintf("Retry(%d) of one", limit), n, 1)
		n, err = l.Retry(t.Context(), limit)
		must(t, err)
		want(t, fmt.Sprintf("Retry(%d) of the rest", limit), n, 1)
		for entry, err := range l.List(t.Context(), journal.Filter{}) {
			must(t, err)
			clock, err := l.Clock(t.Context())
			must(t, err)
			if due := entry.DueAt <= clock; due != (entry.ID == "parked" || entry.ID == "parked too") {
				t.Errorf("Retry(%d): %s is due: %v", limit, entry.ID, due)
			}
			if entry.ID == "parked" && entry.Attempts != 1 {
				t.Errorf("Retry(%d): %d attempts: the order could be taken back though its object may be gone", limit, entry.Attempts)
			}
		}
	}
}

// Due is what decides whether a commit goes on to take the write lock for a sweep.
func TestDue(t *testing.T) { onEveryDatabase(t, testDue) }

func testDue(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, test := range map[string]struct {
		change string
		want   bool
	}{
		"under lease": {"SELECT 1", false},
		"expired":     {"UPDATE dossier_journal SET due_at = 0", true},
		"a marker":    {"UPDATE dossier_journal SET due_at = 0, state = 'marker'", false},
		"a tombstone": {"UPDATE dossier_journal SET due_at = 0, state = 'tombstone'", true},
		"parked":      {"UPDATE dossier_journal SET due_at = 0, state = 'doomed', attempts = 20", false},
		"tried":       {"UPDATE dossier_journal SET due_at = 0, state = 'doomed', attempts = 19", true},
		"empty":       {"DELETE FROM dossier_journal", false},
	} {
		l := newLedger(t)
		l.announce("a")
		l.exec(test.change)
		due, err := l.Due(t.Context(), registryWith(t, map[string]named{"uploads": {store: "store"}}))
		must(t, err)
		want(t, name, due, test.want)
	}
}

// The clock is the database's, in milliseconds: what rows were written by.
func TestClockIsTheDatabases(t *testing.T) { onEveryDatabase(t, testClockIsTheDatabases) }

func testClockIsTheDatabases(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	before, err := l.Clock(t.Context())
	must(t, err)
	l.announce("a")
	after, err := l.Clock(t.Context())
	must(t, err)
	for entry, err := range l.List(t.Context(), journal.Filter{}) {
		must(t, err)
		if entry.CreatedAt < before || entry.CreatedAt > after || entry.DueAt < before+60_000 || entry.DueAt > after+60_000 {
			t.Errorf("created %d, due %d, clock %d to %d", entry.CreatedAt, entry.DueAt, before, after)
		}
	}
}

// An order can be taken back only while nobody ever worked on it: afterwards its object may be gone.
func TestCancelOfUnclaimedOrdersAlone(t *testing.T) {
	onEveryDatabase(t, testCancelOfUnclaimedOrdersAlone)
}

func testCancelOfUnclaimedOrdersAlone(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, test := range map[string]struct {
		change string
		want   bool
	}{
		"unclaimed":     {"UPDATE dossier_journal SET state = 'doomed'", true},
		"claimed":       {"UPDATE dossier_journal SET state = 'doomed', attempts = 1", false},
		"an upload":     {"SELECT 1", false},
		"a tombstone":   {"UPDATE dossier_journal SET state = 'tombstone'", false},
		"another store": {"UPDATE dossier_journal SET state = 'doomed', store = 'other'", false},
	} {
		l := newLedger(t)
		l.announce("a")
		l.exec(test.change)
		cancelled, err := l.Cancel(t.Context(), l.db, "store", "key of a")
		must(t, err)
		want(t, name, cancelled, test.want)
		_, there, err := l.Lookup(t.Context(), l.db, "store", "key of a")
		must(t, err)
		if name != "another store" {
			want(t, name+": the row is left", there, !test.want)
		}
	}
}

// A key that is in the journal already is somebody's: an intent for it is refused with all of its statement, an order
// leaves it as it is.
func TestTakenKeys(t *testing.T) { onEveryDatabase(t, testTakenKeys) }

func testTakenKeys(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	l.announce("a")
	taken := intents("b", "a2")
	taken[1].Key = "key of a"
	if err := l.Announce(t.Context(), "test", time.Minute, taken...); err == nil {
		t.Error("an intent for a taken key was accepted")
	}
	must(t, l.Order(t.Context(), l.db, 0, journal.Order{ID: "o", Backend: "uploads", Store: "store", Key: "key of a"}))
	want(t, "rows", l.ids(journal.Filter{States: []journal.State{journal.Pending}}), []string{"a"})
	want(t, "all rows", l.ids(journal.Filter{}), []string{"a"})
}

// Every counted statement must say when a single one of its rows was lost.
func TestLostLeases(t *testing.T) { onEveryDatabase(t, testLostLeases) }

func testLostLeases(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, do := range map[string]func(l *ledger) error{
		"adopt":  func(l *ledger) error { return l.Adopt(t.Context(), l.db, "a", "b") },
		"renew":  func(l *ledger) error { return l.Renew(t.Context(), time.Minute, "a", "b") },
		"record": func(l *ledger) error { return l.RecordUpload(t.Context(), "b", "upload") },
	} {
		l := newLedger(t)
		l.announce("a", "b")
		if err := do(l); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		l = newLedger(t)
		l.announce("a", "b")
		l.exec("UPDATE dossier_journal SET state = 'doomed' WHERE id = 'b'")
		if err := do(l); !errors.Is(err, dossier.ErrLeaseLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Applications create the schema at every start: what is there must stay. The down migration takes all of it away.
func TestSchemaUpAndDown(t *testing.T) { onEveryDatabase(t, testSchemaUpAndDown) }

func testSchemaUpAndDown(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	l.announce("a")
	must(t, l.CreateSchema(t.Context()))
	want(t, "rows", l.ids(journal.Filter{}), []string{"a"})
	down, err := fs.ReadFile(migrations.FS, "sql/"+databaseOf(t)+"/0001_journal.down.sql")
	must(t, err)
	l.exec(string(down))
	var left int
	must(t, l.db.DB.QueryRow(map[string]string{
		"sqlite":     "SELECT count(*) FROM sqlite_master WHERE name LIKE 'dossier%'",
		"postgresql": "SELECT count(*) FROM pg_class WHERE relname LIKE 'dossier%' AND relnamespace = CAST(current_schema() AS regnamespace)",
		"mysql":      "SELECT count(*) FROM information_schema.tables WHERE table_schema = database()",
	}[databaseOf(t)]).Scan(&left))
	want(t, "tables and indexes after the down migration", left, 0)
	must(t, l.CreateSchema(t.Context()))
	want(t, "rows", l.ids(journal.Filter{}), []string(nil))
}

// Bad input is an error before anything else.
func TestBadInput(t *testing.T) { onEveryDatabase(t, testBadInput) }

func testBadInput(t *testing.T) {
	t.Helper()
	t.Parallel()
	if _, err := journal.New(nil, journal.Config{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("no database: %v", err)
	}
	if _, err := newLedger(t).Sweep(t.Context(), journal.SweepOptions{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("no registry: %v", err)
	}
}
