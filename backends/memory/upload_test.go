package memory_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
)

// TestReclaimDropsWhatNobodyTouched, and spares an upload whose part is on its way, however slow.
func TestReclaimDropsWhatNobodyTouched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{})
		idle := begin(t, b, "idle")
		busy := begin(t, b, "busy")
		if _, err := b.PutPart(t.Context(), idle, 1, source("12345")); err != nil {
			t.Fatal(err)
		}
		slow, feed := io.Pipe()
		done := make(chan error)
		go func() {
			_, err := b.PutPart(t.Context(), busy, 1, dossier.ReaderSource(slow, -1))
			done <- err
		}()
		synctest.Wait()
		<-time.After(2 * time.Hour) // of the test's own clock
		want := dossier.ReclaimReport{Files: 1, Uploads: 1, Bytes: 5}
		if report, err := b.Reclaim(t.Context(), time.Hour); err != nil || report != want {
			t.Errorf("%+v, %v; want %+v", report, err, want)
		}
		if err := errors.Join(feed.Close(), <-done); err != nil {
			t.Error(err)
		}
		want = dossier.ReclaimReport{}
		if report, err := b.Reclaim(t.Context(), time.Hour); err != nil || report != want {
			t.Errorf("touched just now, but %+v, %v", report, err)
		}
	})
}

func begin(t *testing.T, b *memory.Backend, key string) dossier.Upload {
	t.Helper()
	up, err := b.CreateUpload(t.Context(), key, dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return up
}

// TestAPartChangedMeanwhileEndsTheCompletion: the object would not be what its checksum was taken of.
func TestAPartChangedMeanwhileEndsTheCompletion(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{})
	up := begin(t, b, "key")
	old, err := b.PutPart(t.Context(), up, 1, source("old"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutPart(t.Context(), up, 1, source("new")); err != nil {
		t.Fatal(err)
	}
	_, err = b.CompleteUpload(t.Context(), up, []dossier.Part{old})
	wantError(t, err, dossier.ErrInvalid)
	_, err = b.CompleteUpload(t.Context(), up, []dossier.Part{{Number: 2, ETag: old.ETag}})
	wantError(t, err, dossier.ErrInvalid)
	_, err = b.Stat(t.Context(), "key")
	wantError(t, err, dossier.ErrNotExist)
}

// TestStoresAreApart unless they are given one name.
func TestStoresAreApart(t *testing.T) {
	t.Parallel()
	first, second := memory.New(memory.Config{}), memory.New(memory.Config{})
	if first.Describe().Store == second.Describe().Store {
		t.Errorf("two stores are %q", first.Describe().Store)
	}
	if got := memory.New(memory.Config{Name: "known"}).Describe().Store; got != "mem:known" {
		t.Errorf("store %q", got)
	}
}

// TestWithoutASignerNothingIsSigned, and Describe says so.
func TestWithoutASignerNothingIsSigned(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{BaseURL: "/files"})
	_, err := b.SignURLs(t.Context(), []dossier.SignRequest{{Key: "a", TTL: time.Minute}})
	wantError(t, err, errors.ErrUnsupported)
	_, err = b.SignForm(t.Context(), dossier.FormRequest{Key: "a", TTL: time.Minute})
	wantError(t, err, errors.ErrUnsupported)
	if set := b.Describe().Capabilities; set&(dossier.SignGet|dossier.SignPost|dossier.BindType) != 0 {
		t.Errorf("capabilities %v", set)
	}
}
