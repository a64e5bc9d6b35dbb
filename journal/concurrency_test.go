package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/journal"
	"github.com/uptrace/bun"
)

func registryOf(t testing.TB, store dossier.Backend) *dossier.Registry {
	t.Helper()
	registry := &dossier.Registry{}
	must(t, registry.Register("uploads", store))
	return registry
}

// Keys are bytes: a database that takes two of them for one would give the object of one row to another.
func TestKeysThatDifferAreDifferent(t *testing.T) { onEveryDatabase(t, testKeysThatDifferAreDifferent) }

func testKeysThatDifferAreDifferent(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	keys := []string{"a", "A", "a ", "á", "a\u0301", "ä", "ss", "ß", "a\u200b", "a?0", `a\`, "a'", "\U0001F600", "\U0001F601"}
	var all []journal.Intent
	for i, key := range keys {
		all = append(all, journal.Intent{ID: fmt.Sprint(i), Backend: "uploads", Store: "store", Key: key})
	}
	must(t, l.Announce(t.Context(), "test", time.Minute, all...))
	for i, key := range keys {
		entry, ok, err := l.Lookup(t.Context(), l.db, "store", key)
		must(t, err)
		want(t, fmt.Sprintf("%q", key), []any{ok, entry.ID, entry.Key}, []any{true, i, key})
	}
}

// Any number of sweeps share the work: each row is claimed once.
func TestSweepsShareTheRows(t *testing.T) { onEveryDatabase(t, testSweepsShareTheRows) }

func testSweepsShareTheRows(t *testing.T) {
	t.Helper()
	t.Parallel()
	const rows = 300
	l := newLedger(t)
	store := memory.New(memory.Config{})
	var orders []journal.Order
	for i := range rows {
		orders = append(orders, journal.Order{ID: journal.NewID(), Backend: "uploads", Store: store.Describe().Store, Key: fmt.Sprint("k", i)})
	}
	must(t, l.Order(t.Context(), l.db, 0, orders...))
	registry := registryOf(t, store)
	var mu sync.Mutex
	var total journal.SweepReport
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 8 {
				report, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry, Batch: 20})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				total.Add(report)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	want(t, "claimed and deleted", []int{total.Claimed, total.Deleted}, []int{rows, rows})
	want(t, "left", l.ids(journal.Filter{}), []string(nil))
}

// errUndo ends a transaction.
var errUndo = errors.New("undo")

// A sweep passes over rows that a transaction is about to adopt, and goes on with the others: it would wait for somebody
// else's transaction otherwise.
func TestSweepPassesOverLockedRows(t *testing.T) { onEveryDatabase(t, testSweepPassesOverLockedRows) }

func testSweepPassesOverLockedRows(t *testing.T) {
	t.Helper()
	t.Parallel()
	if databaseOf(t) == "sqlite" {
		return // it has one writer
	}
	l := newLedger(t)
	store := memory.New(memory.Config{})
	must(t, l.Announce(t.Context(), "test", time.Millisecond,
		journal.Intent{ID: "adopted", Backend: "uploads", Store: store.Describe().Store, Key: "1"},
		journal.Intent{ID: "expired", Backend: "uploads", Store: store.Describe().Store, Key: "2"}))
	l.exec("UPDATE dossier_journal SET due_at = 0")
	err := l.db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		must(t, l.Adopt(ctx, tx, "adopted"))
		report, err := l.Sweep(ctx, journal.SweepOptions{Registry: registryOf(t, store)})
		must(t, err)
		want(t, "claimed", report.Claimed, 1)
		return errUndo
	})
	want(t, "transaction", err, errUndo)
	entry, ok, err := l.Lookup(t.Context(), l.db, store.Describe().Store, "1")
	must(t, err)
	want(t, "the adopted row after the rollback", []any{ok, entry.State}, []any{true, journal.Pending})
}

// Adoption and sweep change the same row: whoever comes second learns it, and exactly one has it.
func TestAdoptionAfterTheClaimIsRefused(t *testing.T) {
	onEveryDatabase(t, testAdoptionAfterTheClaimIsRefused)
}

func testAdoptionAfterTheClaimIsRefused(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	store := memory.New(memory.Config{})
	must(t, l.Announce(t.Context(), "test", time.Millisecond,
		journal.Intent{ID: "a", Backend: "uploads", Store: store.Describe().Store, Key: "1"}))
	l.exec("UPDATE dossier_journal SET due_at = 0")
	_, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registryOf(t, store)})
	must(t, err)
	err = l.db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error { return l.Adopt(ctx, tx, "a") })
	if !errors.Is(err, dossier.ErrLeaseLost) {
		t.Errorf("adoption: %v", err)
	}
}

// The look at an intent waits for a transaction that is about to adopt it, such as one whose COMMIT was sent and not
// answered: rule 8 would take its rows for rolled back otherwise.
func TestPendingWaitsForTheTransaction(t *testing.T) {
	onEveryDatabase(t, testPendingWaitsForTheTransaction)
}

func testPendingWaitsForTheTransaction(t *testing.T) {
	t.Helper()
	t.Parallel()
	if databaseOf(t) == "sqlite" {
		return // evidence is read under its one write lock
	}
	for _, commit := range []bool{true, false} {
		l := newLedger(t)
		l.announce("a")
		tx, err := l.db.BeginTx(t.Context(), nil)
		must(t, err)
		must(t, l.Adopt(t.Context(), tx, "a"))
		answer := make(chan bool, 1)
		go func() {
			pending, err := l.Pending(t.Context(), l.db, "a")
			if err != nil {
				t.Error(err)
			}
			answer <- pending
		}()
		l.waitForLock(answer)
		select {
		case pending := <-answer:
			t.Errorf("it did not wait, and said %v", pending)
			return
		default:
		}
		if commit {
			must(t, tx.Commit())
		} else {
			must(t, tx.Rollback())
		}
		want(t, fmt.Sprintf("pending after commit %v", commit), <-answer, !commit)
	}
}

// waitForLock waits until a statement in this database waits for a lock, or has its answer already.
func (l *ledger) waitForLock(answer chan bool) {
	l.t.Helper()
	query := map[string]string{
		"postgresql": "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_schema() AND wait_event_type = 'Lock'",
		// The table of lock waits is not refreshed while somebody reads it again and again; what runs for so long must wait.
		"mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND command = 'Query' AND " +
			"id <> connection_id() AND time_ms > 200",
	}[databaseOf(l.t)]
	for n := 0; n == 0 && len(answer) == 0; {
		must(l.t, l.db.DB.QueryRowContext(l.t.Context(), query).Scan(&n))
	}
}

// Applications create the schema at every start, and several start at once.
func TestCreateSchemaAtTheSameTime(t *testing.T) { onEveryDatabase(t, testCreateSchemaAtTheSameTime) }

func testCreateSchemaAtTheSameTime(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := &ledger{t: t, db: openDatabase(t)}
	var err error
	l.Journal, err = journal.New(l.db, journal.Config{})
	must(t, err)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := l.CreateSchema(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	l.announce("a")
}

type stateError string

func (e stateError) Error() string    { return "error " + string(e) }
func (e stateError) SQLState() string { return string(e) }

// MySQLError has the form of the driver's.
type MySQLError struct{ Number uint16 }

func (e *MySQLError) Error() string { return fmt.Sprint("error ", e.Number) }

// Only what another attempt can mend is tried again, however deep the database's error is wrapped.
func TestRetryableIsDecidedByCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want bool
	}{
		{stateError("40001"), true},
		{stateError("40P01"), true},
		{stateError("55P03"), true},
		{stateError("23505"), false},
		{&MySQLError{1213}, true},
		{&MySQLError{1205}, true},
		{&MySQLError{3572}, true}, // of NOWAIT: it says what PostgreSQL's 55P03 does
		{&MySQLError{1062}, false},
		{io.EOF, false},
		{nil, false},
	} {
		for _, err := range []error{test.err, fmt.Errorf("x: %w", test.err), errors.Join(io.EOF, test.err)} {
			want(t, fmt.Sprint(err), journal.Retryable(err), test.want)
		}
	}
}

// Rows are settled several at a time while transactions hold others. Who waits for those could wait for a transaction that
// waits for the very connection it is settled on, until a time-out.
func TestSettlingPassesByRowsOfOpenTransactions(t *testing.T) {
	onEveryDatabase(t, testSettlingPassesByRowsOfOpenTransactions)
}

func testSettlingPassesByRowsOfOpenTransactions(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	if databaseOf(t) == "sqlite" {
		t.Skip("capability: SQLite has one writer, who has all rows")
	}
	l.announce("a", "b", "c", "d", "e", "f", "g", "h", "i")
	tx, err := l.db.BeginTx(t.Context(), nil)
	must(t, err)
	defer tx.Rollback()
	must(t, l.Order(t.Context(), tx, 0, journal.Order{ID: "z", Backend: "uploads", Store: "store", Key: "held"}))
	must(t, l.Adopt(t.Context(), tx, "h", "i"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	must(t, l.Renew(ctx, time.Minute, "a", "b", "c"))
	must(t, l.Forget(ctx, "a", "b", "c"))
	must(t, l.Release(ctx, registryOf(t, memory.New(memory.Config{})), "d", "e", "f"))
	other, err := l.db.BeginTx(ctx, nil)
	must(t, err)
	defer other.Rollback()
	must(t, l.Adopt(ctx, other, "g"))
}
