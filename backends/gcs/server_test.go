package gcs_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
)

// TestUploadOfManyParts is joined in several steps, of which nothing is left.
func TestUploadOfManyParts(t *testing.T) {
	s := testServer(t)
	client := s.client(t)
	b := s.fresh(t).(*gcs.Backend)
	upload, err := b.CreateUpload(t.Context(), "a", dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	var parts []dossier.Part
	for i := range 70 {
		content := fmt.Sprintf("part %d,", i)
		want += content
		part, err := b.PutPart(t.Context(), upload, i+1, dossier.BytesSource([]byte(content)))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	info, err := b.CompleteUpload(t.Context(), upload, parts)
	if err != nil || info.Size != int64(len(want)) {
		t.Fatalf("%+v, %v", info, err)
	}
	if content, err := dossier.ReadAll(t.Context(), b, "a", 0); err != nil || string(content) != want {
		t.Errorf("%q, %v", content, err)
	}
	if left := names(t, t.Context(), client.Bucket(bucketOf(b)), ".dossier/"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestReclaimDropsWhatNobodyTouched: uploads that their process left, and parts without an upload.
func TestReclaimDropsWhatNobodyTouched(t *testing.T) {
	s := testServer(t)
	client := s.client(t)
	b := s.fresh(t).(*gcs.Backend)
	upload, err := b.CreateUpload(t.Context(), "a", dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutPart(t.Context(), upload, 1, dossier.BytesSource([]byte("12345"))); err != nil {
		t.Fatal(err)
	}
	probe := client.Bucket(bucketOf(b)).Object(".dossier/probe/X").NewWriter(t.Context())
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	orphan := client.Bucket(bucketOf(b)).Object(".dossier/parts/" + strings.Repeat("A", 26) + "/00001").NewWriter(t.Context())
	if _, err := io.WriteString(orphan, "123"); err != nil {
		t.Fatal(err)
	}
	if err := orphan.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t, b, "kept", "content", dossier.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if report, err := b.Reclaim(t.Context(), time.Hour); err != nil || report != (dossier.ReclaimReport{}) {
		t.Errorf("of what is fresh: %+v, %v", report, err)
	}
	if report, err := b.Reclaim(t.Context(), 0); err != nil || report != (dossier.ReclaimReport{Files: 3, Uploads: 1, Bytes: 8}) {
		t.Errorf("%+v, %v", report, err)
	}
	if left := names(t, t.Context(), client.Bucket(bucketOf(b)), ""); len(left) != 1 || left[0] != "kept" {
		t.Errorf("there are %q", left)
	}
}

// TestHMACKeyOnTheServer: URLs and forms that the server, which has the key too, accepts.
func TestHMACKeyOnTheServer(t *testing.T) {
	s := testServer(t)
	key := gcs.HMACKey{AccessID: os.Getenv("DOSSIER_TEST_GCS_HMAC_ID"), Secret: os.Getenv("DOSSIER_TEST_GCS_HMAC_SECRET")}
	if key.AccessID == "" {
		t.Skip("server: set DOSSIER_TEST_GCS_HMAC_ID and DOSSIER_TEST_GCS_HMAC_SECRET to its HMAC key")
	}
	fresh := s.fresh(t)
	cfg := s.config(t)
	cfg.HMAC = key
	b, err := gcs.New(s.client(t), bucketOf(fresh), cfg)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := b.SignURLs(t.Context(), []dossier.SignRequest{
		{Method: "PUT", Key: "ä b", TTL: time.Hour, MaxLength: 7, If: dossier.Condition{IfAbsent: true}}, {Key: "ä b", TTL: time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{http.StatusOK, http.StatusOK, http.StatusPreconditionFailed} {
		one := signed[i%2]
		request, err := http.NewRequestWithContext(t.Context(), one.Method, one.URL, strings.NewReader("content"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = one.Header
		answer, err := serve(t, b).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if answer.Body.Close(); err != nil || answer.StatusCode != want {
			t.Errorf("%s: %d %s, %v", one.Method, answer.StatusCode, text, err)
		}
	}
}

// TestOpenOnTheServer finds everything that it promises.
func TestOpenOnTheServer(t *testing.T) {
	testServer(t)
	b, err := gcs.Open(t.Context(), os.Getenv("DOSSIER_TEST_GCS"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if missing := promised &^ b.Describe().Capabilities; missing != 0 {
		t.Errorf("missing: %v", missing)
	}
}
