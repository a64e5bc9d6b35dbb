package gcs_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
	"github.com/dossier-go/dossier/internal/stall"
)

var createOnly = dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}

// large is more than one part.
var large = strings.Repeat("0123456789abcdef", 50_000)

// TestOwnWriteIsNeverSaidToExist: the answer to a create-only write is lost, or a proxy says 503 after the store was
// done. The repeated request then finds the object; to call that ErrExist makes the caller lose its own write.
func TestOwnWriteIsNeverSaidToExist(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w http.ResponseWriter) bool{
		"connection": func(http.ResponseWriter) bool { return cut() },
		"503":        func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusServiceUnavailable); return true },
		"500":        func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusInternalServerError); return true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, once := newFake(t), first(1)
			f.after = func(w http.ResponseWriter, r *http.Request) bool { return isUpload(r) && once() && lose(w) }
			info, err := put(t, f.backend(t, nil), "a", "content", createOnly)
			if err != nil || info.Version != "1001" || f.has("a") != "content" {
				t.Errorf("%+v, %v", info, err)
			}
			if uploads := f.count(isUpload); uploads != 2 {
				t.Errorf("%d uploads", uploads)
			}
		})
	}
}

// TestEveryAnswerLost: all answers are lost, but the store can be asked.
func TestEveryAnswerLost(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.after = func(_ http.ResponseWriter, r *http.Request) bool { return isUpload(r) && cut() }
	info, err := put(t, f.backend(t, nil), "a", "content", dossier.PutOptions{PutID: "mine"})
	if err != nil || info.PutID != "mine" || f.has("a") != "content" {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestOutcomeIsUnknownOnlyWhenNobodyKnows: a caller that is told "not applied" writes elsewhere.
func TestOutcomeIsUnknownOnlyWhenNobodyKnows(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.before = func(_ http.ResponseWriter, r *http.Request) bool { return !isUpload(r) && cut() }
	f.after = func(_ http.ResponseWriter, r *http.Request) bool { return isUpload(r) && cut() }
	_, err := put(t, f.backend(t, nil), "a", "content", createOnly)
	wantError(t, err, dossier.ErrUnavailable, dossier.ErrOutcomeUnknown)

	f = newFake(t)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if isUpload(r) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return isUpload(r)
	}
	_, err = put(t, f.backend(t, nil), "a", "content", createOnly)
	wantError(t, err, dossier.ErrUnavailable)
	if dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
		t.Errorf("%v: the store was asked, and has nothing", err)
	}
}

// TestAnotherWritersObjectAfterALostAnswer may stand on top of one's own: that is not "exists, nothing applied".
func TestAnotherWritersObjectAfterALostAnswer(t *testing.T) {
	t.Parallel()
	f, once := newFake(t), first(1)
	b := f.backend(t, nil)
	f.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if isUpload(r) && once() {
			f.replace("a", "theirs")
			return cut()
		}
		return false
	}
	_, err := put(t, b, "a", "content", createOnly)
	wantError(t, err, dossier.ErrExist, dossier.ErrOutcomeUnknown)
	_, err = put(t, b, "a", "content", createOnly)
	wantError(t, err, dossier.ErrExist)
	if dossier.OutcomeOf(err) != dossier.OutcomeNotApplied || f.has("a") != "theirs" {
		t.Errorf("%v: no answer was lost", err)
	}
	_, err = put(t, b, "a", "content", dossier.PutOptions{If: dossier.Condition{Match: "5"}})
	wantError(t, err, dossier.ErrPrecondition)
}

// TestChecksumComesBeforeTheCommit: the store must be able to refuse what arrived otherwise than it was sent.
func TestChecksumComesBeforeTheCommit(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "small", large[:256<<10], large} {
		f := newFake(t)
		info, err := put(t, f.backend(t, nil), "a", content, dossier.PutOptions{})
		if err != nil || f.has("a") != content || info.Size != int64(len(content)) {
			t.Errorf("%d bytes: %+v, %v", len(content), info, err)
		}
		final := f.count(func(r *http.Request) bool {
			return strings.HasPrefix(r.Header.Get("X-Goog-Hash"), "crc32c=") && !strings.HasSuffix(r.Header.Get("Content-Range"), "/*")
		})
		if whole := len(content) <= 256<<10; whole != (f.count(isUpload) == 1) || !whole && final != 1 {
			t.Errorf("%d bytes: %d uploads, %d of them with the checksum", len(content), f.count(isUpload), final)
		}
	}
}

// TestCorruptionOnTheWayUp is refused by the store, or found afterwards in one that does not look at checksums.
func TestCorruptionOnTheWayUp(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if isUpload(r) && r.URL.Query().Get("uploadType") == "multipart" {
			corrupt(r)
		}
		return false
	}
	_, err := put(t, f.backend(t, nil), "a", "content", dossier.PutOptions{})
	wantError(t, err, dossier.ErrChecksum)
	f = newFake(t)
	f.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("upload_id") != "" {
			r.Header.Del("X-Goog-Hash")
			corrupt(r)
		}
		return false
	}
	_, err = put(t, f.backend(t, nil), "a", strings.ReplaceAll(large, "f", "content"), dossier.PutOptions{})
	wantError(t, err, dossier.ErrChecksum, dossier.ErrOutcomeUnknown)
	if f.has("a") != "(nothing)" {
		t.Error("the bad object is still there")
	}
}

// corrupt changes the text "content" in the body of a request.
func corrupt(r *http.Request) {
	text, _ := io.ReadAll(r.Body) // a body that breaks off fails the upload all the same
	r.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(text), "content", "CONTENT")))
}

// TestFailingSourceOfALargeObject never ends the upload: a writer of the client would commit what there is.
func TestFailingSourceOfALargeObject(t *testing.T) {
	t.Parallel()
	broke := errors.New("the disk broke")
	for _, n := range []int{1, 100_000, 256 << 10, 300_000, len(large)} {
		f := newFake(t)
		reader := io.MultiReader(strings.NewReader(large[:n]), iotest.ErrReader(broke))
		_, err := f.backend(t, nil).Put(t.Context(), "a", dossier.ReaderSource(reader, -1), dossier.PutOptions{})
		wantError(t, err, broke)
		ends := f.count(func(r *http.Request) bool {
			at := r.Header.Get("Content-Range")
			return at != "" && !strings.HasSuffix(at, "/*") || r.URL.Query().Get("uploadType") == "multipart"
		})
		if f.has("a") != "(nothing)" || ends != 0 {
			t.Errorf("after %d bytes: %d requests that commit", n, ends)
		}
	}
}

// TestManyLargeUploadsAtOnce wait for room, and never for each other.
func TestManyLargeUploadsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := f.backend(t, func(cfg *gcs.Config) { cfg.Memory = 512 << 10 })
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			size := int64(-1)
			if i%2 == 0 {
				size = int64(len(large))
			}
			_, err := b.Put(t.Context(), string(rune('a'+i)), dossier.ReaderSource(strings.NewReader(large), size), dossier.PutOptions{})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range 12 {
		if f.has(string(rune('a'+i))) != large {
			t.Errorf("object %d is not whole", i)
		}
	}
}

// TestSlowUploadDoesNotHoldUpOthers: as long as there is room, an upload waits for no other one's network.
func TestSlowUploadDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	f, begun, done := newFake(t), make(chan struct{}), make(chan struct{})
	once := first(1)
	f.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("upload_id") == "session0" && once() {
			close(begun)
			<-done
		}
		return false
	}
	b := f.backend(t, nil)
	var group sync.WaitGroup
	group.Go(func() {
		_, err := b.Put(t.Context(), "slow", dossier.ReaderSource(strings.NewReader(large), -1), dossier.PutOptions{})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := b.Put(ctx, "fast", dossier.ReaderSource(strings.NewReader(large), -1), dossier.PutOptions{}); err != nil {
		t.Errorf("the other upload: %v", err)
	}
	close(done)
	group.Wait()
}

// TestStalledUpload ends, and says why.
func TestStalledUpload(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"small", large} {
		f, release := newFake(t), make(chan struct{})
		f.before = func(_ http.ResponseWriter, r *http.Request) bool {
			if isUpload(r) {
				<-release
			}
			return false
		}
		b := f.backend(t, func(cfg *gcs.Config) { cfg.StallTimeout = 20 * time.Millisecond })
		_, err := put(t, b, "a", content, dossier.PutOptions{})
		wantError(t, err, dossier.ErrUnavailable, stall.ErrStalled)
		if errors.Is(err, context.Canceled) {
			t.Errorf("%v: nobody cancelled", err)
		}
		close(release)
	}
}

// TestDeleteWithALostAnswer: gone is what was wanted.
func TestDeleteWithALostAnswer(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := f.backend(t, nil)
	for _, match := range []bool{false, true} {
		info, err := put(t, b, "a", "content", dossier.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		once := first(1)
		f.after = func(_ http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodDelete && once() && cut()
		}
		var opts dossier.DeleteOptions
		if match {
			opts.If.Match = info.Version
		}
		if err := b.Delete(t.Context(), "a", opts); err != nil {
			t.Errorf("match %v: %v", match, err)
		}
		f.after = nil
	}
	wantError(t, b.Delete(t.Context(), "a", dossier.DeleteOptions{If: dossier.Condition{Match: "1001"}}), dossier.ErrPrecondition)
}
