package gcs_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
)

// hooked calls before for each request.
type hooked struct{ before func(*http.Request) error }

func (h hooked) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := h.before(r); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(r)
}

// one creates an upload with one part.
func one(t *testing.T, b *gcs.Backend, opts dossier.PutOptions) (dossier.Upload, []dossier.Part) {
	t.Helper()
	upload, err := b.CreateUpload(t.Context(), "a", opts)
	if err != nil {
		t.Fatal(err)
	}
	part, err := b.PutPart(t.Context(), upload, 1, dossier.BytesSource([]byte("content")))
	if err != nil {
		t.Fatal(err)
	}
	return upload, []dossier.Part{part}
}

// TestCompletedByAnotherMeanwhile: the parts that are gone then were not wrong, the upload has ended. The other one may come
// before the parts are listed, and before they are read.
func TestCompletedByAnotherMeanwhile(t *testing.T) {
	s := testServer(t)
	for what, is := range map[string]func(*http.Request) bool{
		"listing": func(r *http.Request) bool { return strings.HasPrefix(r.URL.Query().Get("prefix"), ".dossier/parts/") },
		"reading": func(r *http.Request) bool {
			return strings.Contains(r.URL.Path, "/.dossier/parts/") && r.Method == http.MethodGet
		},
	} {
		winner := s.fresh(t).(*gcs.Backend)
		upload, parts := one(t, winner, dossier.PutOptions{Expect: dossier.Checksums{CRC32C: []byte{0x61, 0xaf, 0x75, 0x33}}})
		now := first(1)
		loser := s.backend(t, s.clientOver(t, hooked{func(r *http.Request) error {
			if is(r) && now() {
				_, err := winner.CompleteUpload(t.Context(), upload, parts)
				return err
			}
			return nil
		}}), bucketOf(winner))
		_, err := loser.CompleteUpload(t.Context(), upload, parts)
		wantError(t, err, dossier.ErrNotExist)
		if content, err := dossier.ReadAll(t.Context(), winner, "a", 0); err != nil || string(content) != "content" {
			t.Errorf("%s: %q, %v", what, content, err)
		}
	}
}

// TestUploadThatCouldNotBeRemoved: the object is there, so nobody is told of an unfinished upload, and Reclaim finds it.
func TestUploadThatCouldNotBeRemoved(t *testing.T) {
	s := testServer(t)
	b := s.fresh(t).(*gcs.Backend)
	upload, parts := one(t, b, dossier.PutOptions{})
	cfg := s.config(t).WithPause(time.Millisecond)
	frail, err := gcs.New(s.clientOver(t, hooked{func(r *http.Request) error {
		if r.Method == http.MethodDelete {
			return http.ErrServerClosed
		}
		return nil
	}}), bucketOf(b), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := frail.CompleteUpload(t.Context(), upload, parts); err != nil || info.Size != 7 {
		t.Fatalf("%+v, %v", info, err)
	}
	for upload, err := range b.Uploads(t.Context(), "") {
		t.Errorf("there is %v, %v", upload, err)
	}
	_, err = b.CompleteUpload(t.Context(), upload, parts)
	wantError(t, err, dossier.ErrConflict)
	if report, err := b.Reclaim(t.Context(), 0); err != nil || report.Uploads != 1 || report.Files != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestAbortWithoutMultipart: what was begun can be dropped, although nothing more can be begun.
func TestAbortWithoutMultipart(t *testing.T) {
	s := testServer(t)
	b := s.fresh(t).(*gcs.Backend)
	upload, _ := one(t, b, dossier.PutOptions{})
	cfg := s.config(t)
	cfg.Without = dossier.Multipart
	without, err := gcs.New(s.client(t), bucketOf(b), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := without.AbortUpload(t.Context(), upload); err != nil {
		t.Error(err)
	}
	if left := names(t, t.Context(), s.client(t).Bucket(bucketOf(b)), ""); !slices.Equal(left, nil) {
		t.Errorf("left behind: %q", left)
	}
}
