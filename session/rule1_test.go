package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A crash between an upload and its row must leave an object that the journal knows: so when the first byte goes out,
// another connection must see the intents of all files of the call, pending and under lease.
func TestRule1IntentFirst(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		var puts atomic.Int32
		w.faults.set(func(_ int, step string) error {
			if key, ok := strings.CutPrefix(step, "put before "); ok {
				puts.Add(1)
				seen := w.texts("SELECT state FROM dossier_journal WHERE object_key = ? AND due_at > "+w.now(), key)
				if len(seen) != 1 || seen[0] != "pending" {
					t.Errorf("the journal has %q for %s", seen, key)
				}
				if all := len(w.journal()); all != 3 {
					t.Errorf("%d intents are committed, want those of all 3 files", all)
				}
			}
			return nil
		})
		w.insert(&paper{Title: "a", File: text("one"), Pages: fileobject.List{text("two"), text("three")}})
		if puts.Load() != 3 {
			t.Fatalf("%d uploads", puts.Load())
		}
		w.settle("one", "two", "three")
	})
}

// If the intent cannot be committed no byte may be sent.
func TestRule1NoIntentNoUpload(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.faults.fail("sql INSERT INTO dossier_journal")
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &paper{Title: "a", File: text("one")})
		})
		wantError(t, err, errInjected)
		if puts := w.faults.seen("put"); len(puts) > 0 {
			t.Errorf("sent without an intent: %q", puts)
		}
		w.settle()
	})
}

// The cost of a unit of work in statements does not depend on the number of files: one multi-row INSERT for the
// intents, one DELETE for the adoption, one INSERT for the rows.
func TestRule1StatementsDoNotGrowWithFiles(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{DueOrders: -1}, func(t *testing.T, w *world) {
		want := 0
		for _, n := range []int{1, 10, 100} {
			var papers []*paper
			for i := range n {
				papers = append(papers, &paper{Title: fmt.Sprint(i), File: text(fmt.Sprint("file ", i))})
			}
			w.faults.set(nil)
			w.insert(&papers)
			steps := w.faults.seen("sql")
			if want == 0 {
				want = len(steps)
			}
			if len(steps) != want || want == 0 {
				t.Errorf("%d files: %d steps, want %d: %q", n, len(steps), want, steps)
			}
		}
		w.check()
	})
}

// multipart makes Put hand out an upload id before it sends anything, as a store with multipart uploads does, and calls
// sent when the first part would go.
func multipart(id string, sent func(key string)) putFunc {
	return func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions, next dossier.Backend) (dossier.Info, error) {
		if opts.OnUploadID == nil {
			return dossier.Info{}, errors.New("no OnUploadID")
		}
		if err := opts.OnUploadID(id); err != nil {
			return dossier.Info{}, fmt.Errorf("upload id: %w", err)
		}
		sent(key)
		return next.Put(ctx, key, src, opts)
	}
}

// A crash after the first part leaves a multipart upload that costs money and that no listing of objects shows: its id
// must be committed before.
func TestRule1UploadIDIsRecordedBeforeAnyPart(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		sent := false
		w.faults.put = multipart("upload-7", func(key string) {
			sent = true
			if ids := w.texts("SELECT upload_id FROM dossier_journal WHERE object_key = ?", key); fmt.Sprint(ids) != "[upload-7]" {
				t.Errorf("the journal has the upload ids %q", ids)
			}
		})
		w.insert(&paper{Title: "a", File: text("one")})
		if !sent {
			t.Fatal("nothing was sent")
		}
		w.settle("one")
	})
}

// Where a transaction is open the side file takes the place of the journal: the id must be in it before any part.
func TestRule1UploadIDIsInTheSideFileBeforeAnyPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, session.Options{})
	sent := false
	w.run(func(ctx context.Context, s *session.Session) error {
		if err := s.Insert(ctx, &paper{Title: "a"}); err != nil {
			return err
		}
		w.faults.put = multipart("upload-8", func(key string) {
			sent = true
			if side := w.sideText(); !strings.Contains(side, "upload-8") {
				t.Errorf("the side file does not have the upload id of %s: %s", key, side)
			}
		})
		return s.Insert(ctx, &paper{Title: "b", File: text("two")})
	})
	if !sent {
		t.Fatal("nothing was sent")
	}
	w.settle("two")
}

// When the id cannot be recorded, because a sweep took the intent over, the upload ends and nothing is committed.
func TestRule1UploadEndsWhenItsIDCannotBeRecorded(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		w.faults.on("put before", func() error {
			w.exec("UPDATE dossier_journal SET state = 'doomed', attempts = 1")
			return nil
		})
		w.faults.put = multipart("upload-9", func(string) { t.Error("a part was sent") })
		err := w.try(func(ctx context.Context, s *session.Session) error {
			return s.Insert(ctx, &paper{Title: "a", File: text("one")})
		})
		wantError(t, err, dossier.ErrLeaseLost)
		w.settle()
	})
}
