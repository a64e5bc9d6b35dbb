package journal_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/journal"
)

// A process that dies between creating a multipart upload and recording its id leaves parts that cost money for ever,
// unless the sweep looks for them. Uploads of other keys are somebody else's.
func TestSweepFindsUploadsThatWereNotRecorded(t *testing.T) {
	onEveryDatabase(t, testSweepFindsUploadsThatWereNotRecorded)
}

func testSweepFindsUploadsThatWereNotRecorded(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	store := memory.New(memory.Config{})
	registry := &dossier.Registry{}
	must(t, registry.Register("uploads", store))
	must(t, l.Announce(t.Context(), "dead process", time.Millisecond,
		journal.Intent{ID: "1", Backend: "uploads", Store: store.Describe().Store, Key: "a/b"}))
	for _, key := range []string{"a/b", "a/b", "a/bc", "a"} {
		if _, err := store.CreateUpload(t.Context(), key, dossier.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := l.db.ExecContext(t.Context(), "UPDATE dossier_journal SET due_at = 0")
	must(t, err)
	report, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry})
	must(t, err)
	want(t, "abandoned", report.Abandoned, 1)
	var left []string
	for upload, err := range store.Uploads(t.Context(), "") {
		must(t, err)
		left = append(left, upload.Key)
	}
	if len(left) != 2 || left[0] != "a" || left[1] != "a/bc" {
		t.Errorf("left are the uploads of %q", left)
	}
}

// unlisting is a store that does not list its unfinished uploads, as some servers do not.
type unlisting struct{ dossier.Forward }

func (unlisting) Uploads(context.Context, string) iter.Seq2[dossier.Upload, error] {
	return func(yield func(dossier.Upload, error) bool) { yield(dossier.Upload{}, errors.ErrUnsupported) }
}

// Where uploads cannot be listed the recorded id is all there is to abort them by, and that they cannot be listed is no
// failure.
func TestSweepAbortsRecordedUploadsOfStoresThatListNone(t *testing.T) {
	onEveryDatabase(t, testSweepAbortsRecordedUploadsOfStoresThatListNone)
}

func testSweepAbortsRecordedUploadsOfStoresThatListNone(t *testing.T) {
	t.Helper()
	t.Parallel()
	l := newLedger(t)
	store := memory.New(memory.Config{})
	registry := &dossier.Registry{}
	must(t, registry.Register("uploads", unlisting{dossier.Forward{Inner: store}}))
	upload, err := store.CreateUpload(t.Context(), "a/b", dossier.PutOptions{})
	must(t, err)
	must(t, l.Announce(t.Context(), "dead process", time.Millisecond,
		journal.Intent{ID: "1", Backend: "uploads", Store: store.Describe().Store, Key: "a/b", UploadID: upload.ID}))
	_, err = l.db.ExecContext(t.Context(), "UPDATE dossier_journal SET due_at = 0")
	must(t, err)
	report, err := l.Sweep(t.Context(), journal.SweepOptions{Registry: registry})
	must(t, err)
	want(t, "abandoned", report.Abandoned, 1)
	for left, err := range store.Uploads(t.Context(), "") {
		t.Errorf("%v is left (%v)", left, err)
	}
}
