package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

func isBatch(r *http.Request) bool { return r.URL.Query().Has("delete") }

// A batch is sent as the server takes it: what one server wants another refuses, and the first refusal is remembered.
func TestBatchFallbacks(t *testing.T) {
	const number = 25
	for name, row := range map[string]struct {
		refuses func(r *http.Request) bool
		mode    s3.BatchMode
		batches int // requests of the second batch, of 10 keys in each
		deletes int
	}{
		"all is well":     {func(*http.Request) bool { return false }, "", 3, 0},
		"wants an MD5":    {func(r *http.Request) bool { return r.Header.Get("Content-Md5") == "" }, "", 3, 0},
		"has no batches":  {func(*http.Request) bool { return true }, "", 0, number},
		"told: single":    {func(*http.Request) bool { return true }, s3.BatchSingle, 0, number},
		"told: MD5":       {func(r *http.Request) bool { return r.Header.Get("Content-Md5") == "" }, s3.BatchContentMD5, 3, 0},
		"hates checksums": {func(r *http.Request) bool { return r.Header.Get("X-Amz-Checksum-Crc32") != "" }, "", 3, 0},
	} {
		m := newModel(t)
		b := m.backend(t, s3.Config{DeleteBatch: row.mode})
		s3.SetLimits(b, 5<<20, 1<<30, 1<<30, 10)
		m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
			if isBatch(r) && row.refuses(r) {
				_, _ = io.Copy(io.Discard, r.Body)
				refuse(w, http.StatusBadRequest, "InvalidRequest")
				return true
			}
			return false
		})
		for round := range 2 {
			var keys []string
			for i := range number {
				keys = append(keys, fmt.Sprint("k", i))
				mustPut(t, b, keys[i], "content")
			}
			batches, deletes := m.count(isBatch), m.count(method(http.MethodDelete))
			results := 0
			for key, err := range b.DeleteBatch(t.Context(), slices.Values(keys)) {
				if results++; err != nil || m.content(key) != "(nothing)" {
					t.Errorf("%s: %s: %v", name, key, err)
				}
			}
			batches, deletes = m.count(isBatch)-batches, m.count(method(http.MethodDelete))-deletes
			if results != number || round == 1 && (batches != row.batches || deletes != row.deletes) {
				t.Errorf("%s: %d results by %d batches and %d deletes", name, results, batches, deletes)
			}
		}
	}
}

// A key that could not be deleted has its own error among the successes of a batch.
func TestBatchFailuresAreOfTheirKeys(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if isBatch(r) {
			fmt.Fprint(w, `<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code></Error>`+
				`<Error><Key>c</Key><Code>NoSuchKey</Code></Error><Error><Key>d</Key><Code>SlowDown</Code></Error></DeleteResult>`)
		}
		return isBatch(r)
	})
	want := map[string]error{"b": dossier.ErrPermission, "d": dossier.ErrThrottled}
	for key, err := range b.DeleteBatch(t.Context(), slices.Values([]string{"a", "b", "c", "d", "b"})) {
		if !errors.Is(err, want[key]) {
			t.Errorf("%s: %v, want %v", key, err, want[key])
		}
	}
}

// listingOf answers listings with pages, each a string of XML.
func listingOf(t *testing.T, pages ...string) *s3.Backend {
	t.Helper()
	m := newModel(t)
	n := 0
	m.breaks(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
		fmt.Fprintf(w, "<ListBucketResult>%s</ListBucketResult>", pages[min(n, len(pages)-1)])
		n++
		return true
	})
	return m.backend(t, s3.Config{})
}

func listed(t *testing.T, b *s3.Backend) (keys []string, err error) {
	t.Helper()
	for info, err := range b.List(t.Context(), dossier.ListOptions{}) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, info.Key)
	}
	return keys, nil
}

func entry(key string) string { return "<Contents><Key>" + key + "</Key><Size>1</Size></Contents>" }

func next(token string) string {
	return "<IsTruncated>true</IsTruncated><NextContinuationToken>" + token + "</NextContinuationToken>"
}

// Empty pages are not the end while there is a token; a listing that does not go on or has no order is an error, and not
// a short listing: whoever deletes what is not listed would delete too much.
func TestListingIsNeverShort(t *testing.T) {
	b := listingOf(t, next("1"), entry("a")+next("2"), next("3"), next("4"), entry("b"))
	if keys, err := listed(t, b); err != nil || !slices.Equal(keys, []string{"a", "b"}) {
		t.Errorf("empty pages: %q, %v", keys, err)
	}
	b = listingOf(t, entry("a")+next("1"), next("1"))
	if keys, err := listed(t, b); !errors.Is(err, dossier.ErrUnavailable) {
		t.Errorf("a listing that stands still: %q, %v", keys, err)
	}
	b = listingOf(t, entry("a")+"<IsTruncated>true</IsTruncated>")
	if keys, err := listed(t, b); !errors.Is(err, dossier.ErrUnavailable) {
		t.Errorf("a listing without a token: %q, %v", keys, err)
	}
	for _, page := range []string{entry("b") + entry("a"), entry("a") + entry("a")} {
		if keys, err := listed(t, listingOf(t, page)); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("without order: %q, %v", keys, err)
		}
	}
}

// Keys that other tools wrote and that break the rules are left out, and encoded ones are decoded.
func TestListingLeavesOutForeignKeys(t *testing.T) {
	page := "<EncodingType>url</EncodingType>"
	for _, key := range []string{"%0Aline", ".dossier/x", "a+b%2Bc", "folder/", "x%2F%2Fy", "z"} {
		page += entry(key)
	}
	b := listingOf(t, page)
	if keys, err := listed(t, b); err != nil || !slices.Equal(keys, []string{"a b+c", "z"}) {
		t.Errorf("%q, %v", keys, err)
	}
}

func isCopy(r *http.Request) bool { return r.Header.Get("X-Amz-Copy-Source") != "" }

// An object that is too large for one copy is copied in parts, with header, metadata and checksum; a failure leaves
// nothing behind.
func TestLargeCopyInParts(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{Class: "STANDARD_IA"})
	content := numbers(10_500)
	opts := dossier.PutOptions{Header: dossier.Header{ContentType: "text/plain"}, Metadata: map[string]string{"name": "Ü"}}
	source, err := put(t, b, "source", content, opts)
	if err != nil {
		t.Fatal(err)
	}
	s3.SetLimits(b, 5<<20, 10_000, 1000, 1000)
	before := m.count(isCopy)
	info, err := b.Copy(t.Context(), "copy", "source", dossier.CopyOptions{})
	same := info.Header == source.Header && info.Metadata["name"] == "Ü" && info.PutID != source.PutID
	if err != nil || m.content("copy") != content || !same {
		t.Errorf("%+v, %v", info, err)
	}
	if n := m.count(isCopy) - before; n != 11 {
		t.Errorf("%d copies of parts, want 11", n)
	}
	sum := m.last(t, func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") })
	if sum.Header.Get("X-Amz-Checksum-Crc64nvme") != crc64Of(content) || sum.Header.Get("X-Amz-Mp-Object-Size") != "10500" {
		t.Errorf("the completion is not verified: %v", sum.Header)
	}
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if isCopy(r) && r.URL.Query().Get("partNumber") == "7" {
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		}
		return false
	})
	if _, err := b.Copy(t.Context(), "failed", "source", dossier.CopyOptions{}); !errors.Is(err, dossier.ErrPermission) {
		t.Errorf("a part that fails: %v", err)
	}
	if m.pending() != 0 || m.content("failed") != "(nothing)" {
		t.Error("a failed copy left something")
	}
}

// A conditional copy is conditional also where the server ignores the conditions of a plain copy.
func TestConditionalCopyDoesNotTrustPlainCopies(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "source", "content")
	mustPut(t, b, "there", "there")
	m.breaks(func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if isCopy(r) && !r.URL.Query().Has("uploadId") {
			r.Header.Del("If-None-Match")
			r.Header.Del("If-Match")
		}
		return false
	})
	cond := dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}}
	if _, err := b.Copy(t.Context(), "there", "source", cond); !errors.Is(err, dossier.ErrExist) || m.content("there") != "there" {
		t.Errorf("%v, %q", err, m.content("there"))
	}
	if _, err := b.Copy(t.Context(), "fresh", "source", cond); err != nil || m.content("fresh") != "content" {
		t.Errorf("%v, %q", err, m.content("fresh"))
	}
	refuses := func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if isCopy(r) && r.URL.Query().Has("uploadId") {
			refuse(w, http.StatusNotImplemented, "NotImplemented")
		}
		return isCopy(r) && r.URL.Query().Has("uploadId")
	}
	m.breaks(refuses)
	for _, key := range []string{"through", "through/2"} {
		if _, err := b.Copy(t.Context(), key, "source", cond); err != nil || m.content(key) != "content" {
			t.Errorf("a server that copies no parts: %v, %q", err, m.content(key))
		}
	}
	if _, err := b.Copy(t.Context(), "there", "source", cond); !errors.Is(err, dossier.ErrExist) || m.pending() != 0 {
		t.Errorf("a server that copies no parts: %v, %d uploads", err, m.pending())
	}
}

// A header update does not undo a write that comes in between: it applies to the newer content.
func TestUpdateHeaderKeepsConcurrentWrites(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "a", "old")
	m.breaks(once(isCopy, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(w, r)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.store("a", "new", http.Header{})
	}))
	to := dossier.Replacement{Header: dossier.Header{CacheControl: "no-store"}}
	info, err := b.UpdateHeader(t.Context(), "a", to, dossier.Condition{})
	if err != nil || m.content("a") != "new" || info.Header.CacheControl != "no-store" {
		t.Errorf("%q, %+v, %v", m.content("a"), info, err)
	}
}

// All parts of an upload but the last have one size where the server wants that, also when the size is not known.
func TestEqualParts(t *testing.T) {
	for _, size := range []int64{-1, 100_000} {
		m := newModel(t)
		b := m.backend(t, s3.Config{EqualParts: true})
		s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
		content := numbers(100_000)
		src := dossier.ReaderSource(struct{ io.Reader }{strings.NewReader(content)}, size)
		if _, err := b.Put(t.Context(), "a", src, dossier.PutOptions{}); err != nil || m.content("a") != content {
			t.Fatal(err)
		}
		sizes := map[int64]int{}
		for _, r := range m.requests {
			if r.URL.Query().Has("partNumber") {
				sizes[r.ContentLength]++
			}
		}
		if len(sizes) > 2 || sizes[100_000%(8<<10)] != 1 {
			t.Errorf("size %d: parts of %v bytes", size, sizes)
		}
	}
}

// An upload's id is announced before its first part, so that whoever keeps a journal can clean up after a crash; when
// that fails there is no upload.
func TestUploadIsAnnouncedBeforeItsParts(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	isPart := func(r *http.Request) bool { return r.URL.Query().Has("partNumber") }
	announced := ""
	opts := dossier.PutOptions{OnUploadID: func(id string) error {
		announced = id
		if m.count(isPart) > 0 {
			t.Error("a part was sent before")
		}
		return nil
	}}
	if _, err := put(t, b, "a", numbers(50_000), opts); err != nil || announced == "" {
		t.Errorf("announced %q, %v", announced, err)
	}
	parts := m.count(isPart)
	failure := errors.New("the journal is full")
	opts.OnUploadID = func(string) error { return failure }
	if _, err := put(t, b, "b", numbers(50_000), opts); !errors.Is(err, failure) || m.count(isPart) != parts || m.pending() != 0 {
		t.Errorf("%v, %d uploads left", err, m.pending())
	}
}

// A cancelled upload aborts its multipart upload, although the context is over; what cannot be aborted is named.
func TestCancelledUploadLeavesNothing(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	var sent atomic.Int32
	refusing := false
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if r.URL.Query().Has("partNumber") && sent.Add(1) == 3 {
			cancel()
		}
		if refusing && r.Method == http.MethodDelete {
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		}
		return false
	})
	_, err := b.Put(ctx, "a", dossier.BytesSource([]byte(numbers(200_000))), dossier.PutOptions{})
	if !errors.Is(err, context.Canceled) || m.pending() != 0 || m.content("a") != "(nothing)" {
		t.Errorf("%v, %d uploads left", err, m.pending())
	}
	refusing = true
	sent.Store(0)
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	_, err = b.Put(ctx, "a", dossier.BytesSource([]byte(numbers(200_000))), dossier.PutOptions{})
	var e *dossier.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Leaked == nil || e.Leaked.Key != "a" || e.Leaked.ID == "" {
		t.Errorf("%+v; want the upload that is left", err)
	}
}
