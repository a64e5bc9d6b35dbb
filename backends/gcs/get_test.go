package gcs_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
	"github.com/dossier-go/dossier/internal/stall"
)

// truncate sends an answer of the fake whose body ends early.
func (f *fake) truncate(w http.ResponseWriter, r *http.Request, after int) bool {
	status, body, header := f.answer(r)
	for name, value := range header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body[:min(after, len(body))])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func read(t *testing.T, b dossier.Backend, opts dossier.GetOptions) (string, error) {
	t.Helper()
	object, err := b.Get(t.Context(), "a", opts)
	if err != nil {
		return "", err
	}
	defer object.Close()
	content, err := io.ReadAll(object)
	return string(content), err
}

func stored(t *testing.T, content string) (*fake, *gcs.Backend) {
	t.Helper()
	f := newFake(t)
	b := f.backend(t, nil)
	if _, err := put(t, b, "a", content, dossier.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	return f, b
}

// TestBrokenReadGoesOn with the same generation and the next byte.
func TestBrokenReadGoesOn(t *testing.T) {
	t.Parallel()
	for _, opts := range []dossier.GetOptions{{}, {Range: dossier.Range{Offset: 1000, Length: 400_000}}, {Range: dossier.Range{Offset: -500_000}}} {
		f, b := stored(t, large)
		breaks := first(3)
		f.before = func(w http.ResponseWriter, r *http.Request) bool {
			return isMedia(r) && breaks() && f.truncate(w, r, 100_000)
		}
		content, err := read(t, b, opts)
		from, to, _ := opts.Range.Resolve(int64(len(large)))
		if err != nil || content != large[from:to] {
			t.Errorf("%+v: %d bytes, %v", opts, len(content), err)
		}
		if pinned := f.count(func(r *http.Request) bool { return isMedia(r) && r.URL.Query().Get("generation") == "1001" }); pinned != 4 {
			t.Errorf("%+v: %d requests for the generation", opts, pinned)
		}
	}
}

// TestReplacedWhileRead is an error: bytes of two versions are no object.
func TestReplacedWhileRead(t *testing.T) {
	t.Parallel()
	f, b := stored(t, large)
	once := first(1)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !isMedia(r) || !once() {
			return false
		}
		defer f.replace("a", strings.ToUpper(large))
		return f.truncate(w, r, 1000)
	}
	content, err := read(t, b, dossier.GetOptions{})
	wantError(t, err, dossier.ErrPrecondition)
	if !strings.HasPrefix(large, content) {
		t.Error("bytes of another version")
	}
}

// TestReplacedBetweenTheTwoRequests of a Get: it begins again, and both are of one version.
func TestReplacedBetweenTheTwoRequests(t *testing.T) {
	t.Parallel()
	f, b := stored(t, "old content")
	once := first(1)
	f.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if isMedia(r) && once() {
			f.replace("a", "new")
		}
		return false
	}
	object, err := b.Get(t.Context(), "a", dossier.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if content, err := io.ReadAll(object); err != nil || string(content) != "new" || object.Size != 3 || object.Version != "1002" {
		t.Errorf("%q of %+v, %v", content, object.Info, err)
	}
}

// TestBodyThatAlwaysBreaks ends: the client itself asks again forever.
func TestBodyThatAlwaysBreaks(t *testing.T) {
	t.Parallel()
	f, b := stored(t, large)
	f.before = func(w http.ResponseWriter, r *http.Request) bool { return isMedia(r) && f.truncate(w, r, 0) }
	_, err := read(t, b, dossier.GetOptions{})
	wantError(t, err, dossier.ErrUnavailable)
	if errors.Is(err, context.Canceled) || f.count(isMedia) > 20 {
		t.Errorf("%v after %d requests", err, f.count(isMedia))
	}
}

// TestCorruptedRead is found at the end of a full read, and only there.
func TestCorruptedRead(t *testing.T) {
	t.Parallel()
	f, b := stored(t, "content")
	f.objects["a"].content = []byte("CONTENT")
	if _, err := read(t, b, dossier.GetOptions{}); !errors.Is(err, dossier.ErrChecksum) {
		t.Errorf("a full read: %v", err)
	}
	for _, opts := range []dossier.GetOptions{{SkipVerify: true}, {Range: dossier.Range{Offset: 1, Length: 3}}} {
		if _, err := read(t, b, opts); err != nil {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// TestStalledRead ends although the connection stands; a reader who pauses is not stalled.
func TestStalledRead(t *testing.T) {
	t.Parallel()
	f, release := newFake(t), make(chan struct{})
	defer close(release)
	b := f.backend(t, func(cfg *gcs.Config) { cfg.StallTimeout = 100 * time.Millisecond })
	if _, err := put(t, b, "a", large, dossier.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !isMedia(r) {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(large)))
		_, _ = io.WriteString(w, large[:1000])
		w.(http.Flusher).Flush()
		<-release
		return true
	}
	_, err := read(t, b, dossier.GetOptions{})
	wantError(t, err, dossier.ErrUnavailable, stall.ErrStalled)
}

// TestStoredBytesAreDelivered, whatever the Content-Encoding says.
func TestStoredBytesAreDelivered(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(large))
	_ = w.Close()
	f := newFake(t)
	b := f.backend(t, nil)
	opts := dossier.PutOptions{Header: dossier.Header{ContentEncoding: "gzip"}}
	if _, err := put(t, b, "a", packed.String(), opts); err != nil {
		t.Fatal(err)
	}
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if isMedia(r) {
			w.Header().Set("Content-Encoding", "gzip")
		}
		return false
	}
	for _, opts := range []dossier.GetOptions{{}, {Range: dossier.Range{Offset: 5, Length: -1}}} {
		content, err := read(t, b, opts)
		if err != nil || content != packed.String()[opts.Range.Offset:] {
			t.Errorf("%+v: %d of %d bytes, %v", opts, len(content), packed.Len(), err)
		}
	}
	if f.count(func(r *http.Request) bool { return isMedia(r) && r.Header.Get("Accept-Encoding") != "gzip" }) != 0 {
		t.Error("the store was not told that gzip is accepted, so it unpacks")
	}
}
