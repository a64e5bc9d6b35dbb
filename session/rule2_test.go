package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// An upload may take longer than its lease: the lease is renewed while it lasts, so no sweep can take the object.
func TestRule2LeaseIsRenewedDuringASlowUpload(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{Lease: 4 * time.Second}, func(t *testing.T, w *world) {
		w.faults.on("put before", func() error {
			if err := w.awaitRenewals(3); err != nil {
				return err
			}
			_, err := w.Sweep(w.ctx, journal.SweepOptions{})
			return err
		})
		w.insert(&paper{Title: "a", File: text("one")})
		w.settle("one")
	})
}

// awaitRenewals waits until the lease of the one intent was renewed so often.
func (w *world) awaitRenewals(n int) error {
	ctx, cancel := context.WithTimeout(w.ctx, 30*time.Second)
	defer cancel()
	due := func() string { return w.texts("SELECT due_at FROM dossier_journal")[0] }
	for range n {
		for first := due(); due() == first; {
			if ctx.Err() != nil {
				return errors.New("the lease is not renewed")
			}
		}
	}
	return nil
}

// A lease that is gone ends the upload at once, with ErrLeaseLost, and nothing is committed: the sweep that has the
// intent may be deleting the object already.
func TestRule2LostLeaseCancelsTheUpload(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{Lease: 200 * time.Millisecond}, func(t *testing.T, w *world) {
		w.faults.put = func(ctx context.Context, _ string, _ dossier.Source, _ dossier.PutOptions, _ dossier.Backend) (dossier.Info, error) {
			for abandoned := 0; abandoned == 0 && ctx.Err() == nil; { // a renewal may come between the two
				w.fallDue()
				report, err := w.Sweep(w.ctx, journal.SweepOptions{})
				if err != nil {
					t.Errorf("sweep: %+v, %v", report, err)
					break
				}
				abandoned = report.Abandoned
			}
			<-ctx.Done()
			return dossier.Info{}, context.Cause(ctx)
		}
		p := &paper{Title: "a", File: text("one")}
		err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, p) })
		wantError(t, err, dossier.ErrLeaseLost)
		if !p.File.Pending() {
			t.Error("the file cannot be saved again")
		}
		w.faults.put = nil
		w.settle()
		w.insert(p)
		w.settle("one")
	})
}

// When the database cannot be reached the lease cannot be renewed: the upload ends before the lease does.
func TestRule2UploadEndsBeforeALeaseThatCannotBeRenewed(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{Lease: 400 * time.Millisecond}, func(t *testing.T, w *world) {
		w.faults.put = func(ctx context.Context, _ string, _ dossier.Source, _ dossier.PutOptions, _ dossier.Backend) (dossier.Info, error) {
			w.faults.fail("sql UPDATE dossier_journal SET before")
			<-ctx.Done()
			if late := w.texts("SELECT id FROM dossier_journal WHERE due_at < " + w.now()); len(late) > 0 {
				t.Error("the lease had ended before the upload was cancelled")
			}
			return dossier.Info{}, context.Cause(ctx)
		}
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &paper{Title: "a", File: text("one")})
		})
		wantError(t, err, dossier.ErrLeaseLost)
		w.settle()
	})
}

// Staged files wait for their row under a lease that is kept up, however long the caller thinks.
func TestRule2LeaseIsRenewedWhileStaged(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{Lease: 4 * time.Second}, func(t *testing.T, w *world) {
		w.run(func(ctx context.Context, s *session.Session) error {
			p := &paper{Title: "a", File: text("one")}
			if err := s.Stage(ctx, p); err != nil {
				return err
			}
			return errors.Join(w.awaitRenewals(1), s.Insert(ctx, p))
		})
		w.settle("one")
	})
}

// Uploads of one call run at the same time, and never more than the options say: neither latency nor memory grows with
// the number of files.
func TestRule2UploadsRunInParallelAndBounded(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{ParallelUploads: 3}, func(t *testing.T, w *world) {
		var mu sync.Mutex
		running, most, all := 0, 0, make(chan struct{})
		w.faults.put = func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions,
			next dossier.Backend) (dossier.Info, error) {
			mu.Lock()
			running++
			if most = max(most, running); running == 3 && most == 3 {
				select {
				case <-all:
				default:
					close(all)
				}
			}
			mu.Unlock()
			defer func() { mu.Lock(); running--; mu.Unlock() }()
			<-all // three must be under way at once, or the test hangs
			return next.Put(ctx, key, src, opts)
		}
		var pages fileobject.List
		for i := range 12 {
			pages = append(pages, text(fmt.Sprint(i)))
		}
		w.insert(&paper{Title: "a", Pages: pages})
		if most != 3 {
			t.Errorf("%d uploads at once, want 3", most)
		}
		w.check()
	})
}

// New content never overwrites: each upload has a key of its own and is create-only.
func TestRule2EveryUploadIsCreatedUnderAFreshKey(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		var keys []string
		w.faults.put = func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions,
			next dossier.Backend) (dossier.Info, error) {
			if slices.Contains(keys, key) || !opts.If.IfAbsent {
				t.Errorf("%s: used before, or not create-only: %+v", key, opts.If)
			}
			keys = append(keys, key)
			return next.Put(ctx, key, src, opts)
		}
		p := &paper{Title: "a", File: text("one")}
		w.insert(p)
		for range 3 {
			p.File = text("one")
			w.run(func(ctx context.Context, s *session.Session) error { return s.Update(ctx, p, "file") })
		}
		w.settle("one")
	})
}

// One failing upload of a call ends the others and nothing of the call stays.
func TestRule2OneFailureEndsTheCall(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{ParallelUploads: 1}, func(t *testing.T, w *world) {
		w.faults.on("put before papers/pages", func() error { return errInjected })
		p := &paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two"), text("three")}}
		err := w.try(func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, p) })
		wantError(t, err, errInjected)
		if puts := w.faults.seen("put before"); len(puts) != 2 {
			t.Errorf("%d uploads were begun, want 2", len(puts))
		}
		if !p.File.Pending() || !p.Pages[0].Pending() || !p.Pages[1].Pending() {
			t.Error("a file cannot be saved again")
		}
		w.settle()
	})
}
