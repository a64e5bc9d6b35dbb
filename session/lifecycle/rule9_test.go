package lifecycle_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// sweepWith is Manager.Sweep that must succeed.
func (w *world) sweepWith(t testing.TB, opts journal.SweepOptions) journal.SweepReport {
	t.Helper()
	report, err := w.m.Sweep(context.Background(), opts)
	must(t, err)
	return report
}

// all lists the journal.
func (w *world) all(t testing.TB) []journal.Entry {
	t.Helper()
	var all []journal.Entry
	for entry, err := range w.m.Journal().List(context.Background(), journal.Filter{}) {
		must(t, err)
		all = append(all, entry)
	}
	return all
}

// An upload whose owner died is deleted, and once more after the quarantine, because its last request may land late.
func TestRule9ExpiredIntentIsDeletedTwice(t *testing.T) {
	onEveryDatabase(t, testRule9ExpiredIntentIsDeletedTwice)
}

func testRule9ExpiredIntentIsDeletedTwice(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	store := w.store.Describe().Store
	w.announced(t, "uploads", store, "lost/a.txt")
	w.put(t, "lost/a.txt", "lost")
	if r := w.sweepWith(t, journal.SweepOptions{}); r.Claimed != 1 || r.Abandoned != 1 || r.Deleted != 0 || len(w.keys(t)) != 0 {
		t.Errorf("first sweep %+v, objects %q", r, w.keys(t))
	}
	w.put(t, "lost/a.txt", "late")
	if r := w.sweepWith(t, journal.SweepOptions{}); r.Claimed != 0 || len(w.all(t)) != 1 || w.all(t)[0].State != journal.Tombstone {
		t.Errorf("within the quarantine %+v, journal %+v", r, w.all(t))
	}
	w.fallDue(t)
	if r := w.sweepWith(t, journal.SweepOptions{}); r.Deleted != 1 || r.Abandoned != 0 {
		t.Errorf("second sweep %+v", r)
	}
	w.check(t)
}

// An intent under lease is not due: its upload is alive.
func TestRule9LiveIntentIsLeftAlone(t *testing.T) { onEveryDatabase(t, testRule9LiveIntentIsLeftAlone) }

func testRule9LiveIntentIsLeftAlone(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	d := &document{Title: "a", File: file("one")}
	w.run(t, func(ctx context.Context, s *session.Session) error {
		must(t, s.Stage(ctx, d))
		if r := w.sweepWith(t, journal.SweepOptions{}); r.Claimed != 0 {
			t.Errorf("%+v", r)
		}
		return s.Insert(ctx, d)
	})
	w.check(t, "one")
}

// A row that somebody works on is not taken by another sweep; when the claim ends because its owner died, it is.
func TestRule9ClaimedRowIsNotTakenAgain(t *testing.T) {
	onEveryDatabase(t, testRule9ClaimedRowIsNotTakenAgain)
}

func testRule9ClaimedRowIsNotTakenAgain(t *testing.T) {
	t.Helper()
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{})
	a := w.insert(t, "a", "one")
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
	w.fallDue(t)
	var inner journal.SweepReport
	during := func(ctx context.Context) error {
		entry := w.all(t)[0]
		if entry.Attempts != 1 || entry.Owner == "" {
			t.Errorf("the object is touched before its claim: %+v", entry)
		}
		var err error
		inner, err = w.m.Sweep(ctx, journal.SweepOptions{})
		return err
	}
	points.At("delete.before", 0, during)
	points.At("deletebatch.before", 0, during)
	r := w.sweepWith(t, journal.SweepOptions{})
	if inner.Claimed != 0 || r.Claimed != 1 || r.Deleted != 1 {
		t.Errorf("outer %+v, inner %+v", r, inner)
	}
	w.check(t)
}

// A sweep that lost its claim must not touch the row of the one that took it over.
func TestRule9LostClaimChangesNothing(t *testing.T) {
	onEveryDatabase(t, testRule9LostClaimChangesNothing)
}

func testRule9LostClaimChangesNothing(t *testing.T) {
	t.Helper()
	t.Parallel()
	for name, fails := range map[string]error{"deleted": nil, "failed": errNo} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			points := &faultkit.Points{}
			w, _ := faultyWorld(t, points, session.Options{})
			a := w.insert(t, "a", "one")
			w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
			w.fallDue(t)
			during := func(context.Context) error {
				w.exec(t, "UPDATE dossier_journal SET owner = 'another', attempts = 2, due_at = 7")
				return fails
			}
			points.Next("delete.before", during)
			points.Next("deletebatch.before", during)
			w.sweepWith(t, journal.SweepOptions{Limit: 1})
			if e := w.all(t)[0]; e.Owner != "another" || e.Attempts != 2 || e.DueAt != 7 || e.LastError != "" {
				t.Errorf("%+v", e)
			}
		})
	}
}

// While the store is down an order waits longer each time, is given up after MaxAttempts and stays visible with its
// error; Retry makes it due again.
func TestRule9FailuresBackOffThenPark(t *testing.T) {
	onEveryDatabase(t, testRule9FailuresBackOffThenPark)
}

func testRule9FailuresBackOffThenPark(t *testing.T) {
	t.Helper()
	t.Parallel()
	points := &faultkit.Points{}
	w, _ := faultyWorld(t, points, session.Options{})
	a := w.insert(t, "a", "one")
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, a) })
	points.At("delete.before", 0, faultkit.Fail(errNo))
	points.At("deletebatch.before", 0, faultkit.Fail(errNo))
	opts := journal.SweepOptions{MaxAttempts: 4, Backoff: time.Minute}
	const never = 253402300799999 // the end of the year 9999
	for attempt, pause := range []int{60_000, 120_000, 240_000, 0} {
		before, err := w.m.Journal().Clock(t.Context())
		must(t, err)
		w.fallDue(t)
		r := w.sweepWith(t, opts)
		if want := (journal.SweepReport{Claimed: 1, Failed: 1}); attempt < 3 && r != want || attempt == 3 && r != (journal.SweepReport{Claimed: 1, Parked: 1}) {
			t.Errorf("attempt %d: %+v", attempt+1, r)
		}
		after, err := w.m.Journal().Clock(t.Context())
		must(t, err)
		e := w.all(t)[0]
		if attempt == 3 {
			before, after = never, never
		}
		if e.DueAt < before+int64(pause) || e.DueAt > after+int64(pause) || e.Attempts != attempt+1 || e.LastError == "" {
			t.Errorf("attempt %d: due between %d and %d plus %d: %+v", attempt+1, before, after, pause, e)
		}
	}
	w.fallDue(t)
	if r := w.sweepWith(t, opts); r != (journal.SweepReport{}) || len(w.all(t)) != 1 {
		t.Errorf("a parked row: %+v, journal %+v", r, w.all(t))
	}
	points.At("delete.before", 0, nil)
	points.At("deletebatch.before", 0, nil)
	if n, err := w.m.Journal().Retry(t.Context(), 4); n != 1 || err != nil {
		t.Errorf("Retry: %d, %v", n, err)
	}
	w.sweepWith(t, opts)
	w.check(t)
}

// A journal row of a backend that this process does not know, or of another store under a known name (a restored or
// cloned database), must never be executed here.
func TestRule9ForeignStoresAreLeftAlone(t *testing.T) {
	onEveryDatabase(t, testRule9ForeignStoresAreLeftAlone)
}

func testRule9ForeignStoresAreLeftAlone(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	store := w.store.Describe().Store
	w.put(t, "other/a.txt", "other")
	w.announced(t, "elsewhere", store, "other/a.txt")
	w.announced(t, "uploads", "another store", "other/a.txt2")
	w.put(t, "other/a.txt2", "other2")
	for range 2 {
		w.fallDue(t)
		if r := w.sweepWith(t, journal.SweepOptions{}); r.Claimed != 0 {
			t.Errorf("%+v", r)
		}
	}
	if len(w.objects(t)) != 2 {
		t.Errorf("objects %q", w.objects(t))
	}
	for _, e := range w.all(t) {
		if e.State != journal.Pending || e.Attempts != 0 {
			t.Errorf("%+v", e)
		}
	}
	must(t, w.m.Registry().Register("elsewhere", w.store))
	w.sweepWith(t, journal.SweepOptions{})
	if have := w.objects(t); len(have) != 1 || have[0] != "other2" {
		t.Errorf("after registering the backend: %q", have)
	}
}

// Many processes sweep: each object is deleted by one of them, once.
func TestRule9FourSweepersDeleteEachObjectOnce(t *testing.T) {
	onEveryDatabase(t, testRule9FourSweepersDeleteEachObjectOnce)
}

func testRule9FourSweepersDeleteEachObjectOnce(t *testing.T) {
	t.Helper()
	t.Parallel()
	w, backend := faultyWorld(t, &faultkit.Points{}, session.Options{DueOrders: -1})
	const files = 50
	var all []any
	for i := range files {
		all = append(all, &document{Title: fmt.Sprintf("%03d", i), File: file(fmt.Sprint(i))})
	}
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, all...) })
	w.run(t, func(ctx context.Context, s *session.Session) error { return s.Delete(ctx, all...) })
	w.fallDue(t)
	backend.ResetUsage()
	var total journal.SweepReport
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			r, err := w.m.Sweep(context.Background(), journal.SweepOptions{Batch: 3})
			mu.Lock()
			defer mu.Unlock()
			total.Add(r)
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if total != (journal.SweepReport{Claimed: files, Deleted: files}) {
		t.Errorf("%+v", total)
	}
	if n := backend.Usage("delete").Calls + backend.Usage("deletebatch").Calls; n > files {
		t.Errorf("%d deletes for %d objects", n, files)
	}
	w.check(t)
}

// Limit and IDs bound a sweep; what is left is done by the next one.
func TestRule9LimitAndIDs(t *testing.T) { onEveryDatabase(t, testRule9LimitAndIDs) }

func testRule9LimitAndIDs(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	store := w.store.Describe().Store
	for i := range 10 {
		w.announced(t, "uploads", store, fmt.Sprint("lost/", i))
	}
	if r := w.sweepWith(t, journal.SweepOptions{IDs: []string{"id of lost/7", "id of none"}}); r.Claimed != 1 {
		t.Errorf("IDs: %+v", r)
	}
	if r := w.sweepWith(t, journal.SweepOptions{IDs: []string{}}); r.Claimed != 0 {
		t.Errorf("no IDs: %+v", r)
	}
	if r := w.sweepWith(t, journal.SweepOptions{Batch: 2, Limit: 5}); r.Claimed != 5 {
		t.Errorf("Limit: %+v", r)
	}
	if r := w.sweepWith(t, journal.SweepOptions{Batch: 2}); r.Claimed != 4 {
		t.Errorf("the rest: %+v", r)
	}
	w.check(t)
}

// The parts of a multipart upload whose owner died cost money and are in no listing of objects: they are dropped by the id
// that the journal has.
func TestRule9AbandonedMultipartUploadIsAborted(t *testing.T) {
	onEveryDatabase(t, testRule9AbandonedMultipartUploadIsAborted)
}

func testRule9AbandonedMultipartUploadIsAborted(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	store := memory.New(memory.Config{})
	must(t, w.m.Registry().Register("parts", store))
	ctx := t.Context()
	var kept, lost dossier.Upload
	for key, upload := range map[string]*dossier.Upload{"big": &lost, "bigger": &kept} {
		var err error
		*upload, err = store.CreateUpload(ctx, key, dossier.PutOptions{})
		must(t, err)
		_, err = store.PutPart(ctx, *upload, 1, dossier.BytesSource([]byte("part")))
		must(t, err)
	}
	w.announced(t, "parts", store.Describe().Store, "big")
	w.exec(t, "UPDATE dossier_journal SET upload_id = ?", lost.ID)
	if r := w.sweepWith(t, journal.SweepOptions{}); r.Abandoned != 1 {
		t.Errorf("%+v", r)
	}
	var left []string
	for upload, err := range store.Uploads(ctx, "") {
		must(t, err)
		left = append(left, upload.ID)
	}
	if len(left) != 1 || left[0] != kept.ID {
		t.Errorf("uploads %q are left, want %q", left, kept.ID)
	}
}

// failedAborts is a store that cannot abort uploads at the moment.
type failedAborts struct{ dossier.Forward }

func (f *failedAborts) AbortUpload(context.Context, dossier.Upload) error { return errNo }

// While an upload cannot be aborted its journal row, which alone knows its id, must stay.
func TestRule9FailedAbortKeepsTheRow(t *testing.T) {
	onEveryDatabase(t, testRule9FailedAbortKeepsTheRow)
}

func testRule9FailedAbortKeepsTheRow(t *testing.T) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, setup{})
	store := memory.New(memory.Config{})
	must(t, w.m.Registry().Register("parts", &failedAborts{dossier.Forward{Inner: store}}))
	w.announced(t, "parts", store.Describe().Store, "big")
	w.exec(t, "UPDATE dossier_journal SET upload_id = 'u'")
	if r := w.sweepWith(t, journal.SweepOptions{}); r.Failed != 1 {
		t.Errorf("%+v", r)
	}
	if all := w.all(t); len(all) != 1 || all[0].UploadID != "u" || all[0].State != journal.Doomed {
		t.Errorf("%+v", all)
	}
}
