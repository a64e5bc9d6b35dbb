package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

func readAll(t testing.TB, b dossier.Backend, key string, opts dossier.GetOptions) (string, error) {
	t.Helper()
	object, err := b.Get(t.Context(), key, opts)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(object)
	return string(content), errors.Join(err, object.Close())
}

// gets are requests for bytes.
func gets(r *http.Request) bool { return r.Method == http.MethodGet }

// truncate answers with the first n bytes of the body, and then breaks the connection.
func truncate(n int64) func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&truncating{ResponseWriter: w, left: n}, r)
		panic(http.ErrAbortHandler)
	}
}

type truncating struct {
	http.ResponseWriter
	left int64
}

func (w *truncating) Write(p []byte) (int, error) {
	n := min(int64(len(p)), w.left)
	w.left -= n
	_, err := w.ResponseWriter.Write(p[:n])
	w.ResponseWriter.(http.Flusher).Flush()
	return len(p), err
}

// numbers is a content in which no two places are alike.
func numbers(size int) string {
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, "%d,", b.Len())
	}
	return b.String()[:size]
}

// A body that breaks off goes on where it broke, and asks for nothing but the rest of the same version.
func TestBrokenBodyIsResumed(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	content := numbers(200_000)
	info := mustPut(t, b, "a", content)
	for _, row := range []struct {
		of   dossier.Range
		want string
		rest string
	}{
		{dossier.Range{}, content, "bytes=100000-199999"},
		{dossier.Range{Offset: 1000, Length: 150_000}, content[1000:151_000], "bytes=101000-150999"},
		{dossier.Range{Offset: -150_000}, content[50_000:], "bytes=150000-199999"},
	} {
		m.breaks(once(gets, truncate(100_000)))
		if got, err := readAll(t, b, "a", dossier.GetOptions{Range: row.of}); err != nil || got != row.want {
			t.Errorf("%+v: %d bytes, %v", row.of, len(got), err)
		}
		last := m.last(t, gets)
		if last.Header.Get("Range") != row.rest || last.Header.Get("If-Match") != info.ETag {
			t.Errorf("%+v: the rest was asked for as %q, If-Match %q; want %q", row.of, last.Header.Get("Range"),
				last.Header.Get("If-Match"), row.rest)
		}
	}
}

// A body whose object was replaced or deleted meanwhile ends in an error: bytes of two versions are never mixed.
func TestReplacedObjectIsNotMixed(t *testing.T) {
	for what, change := range map[string]func(m *model){
		"replaced": func(m *model) { m.objects["a"] = &modelObject{numbers(150_000), http.Header{}, `"another"`} },
		"deleted":  func(m *model) { delete(m.objects, "a") },
	} {
		m := newModel(t)
		b := m.backend(t, s3.Config{})
		mustPut(t, b, "a", strings.Repeat("x", 200_000))
		m.breaks(once(gets, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
			serve(&truncating{ResponseWriter: w, left: 1000}, r)
			m.mu.Lock()
			change(m)
			m.mu.Unlock()
			panic(http.ErrAbortHandler)
		}))
		got, err := readAll(t, b, "a", dossier.GetOptions{})
		if !errors.Is(err, dossier.ErrPrecondition) || strings.Trim(got, "x") != "" {
			t.Errorf("%s: %d bytes, %v; want ErrPrecondition after bytes of one version", what, len(got), err)
		}
	}
}

// A server that ignores If-Match, and so would mix versions, is found out by the ETag of its answer.
func TestServerThatIgnoresThePinIsFoundOut(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "a", strings.Repeat("x", 200_000))
	first := true
	m.breaks(func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool {
		if !gets(r) {
			return false
		}
		if first {
			first = false
			truncate(1000)(w, r, serve)
		}
		w.Header().Set("ETag", `"another"`)
		w.Header().Set("Content-Range", "bytes 1000-199999/200000")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, strings.Repeat("y", 199_000))
		return true
	})
	if got, err := readAll(t, b, "a", dossier.GetOptions{}); !errors.Is(err, dossier.ErrPrecondition) || strings.Contains(got, "y") {
		t.Errorf("%d bytes, %v; want ErrPrecondition", len(got), err)
	}
}

// A connection that breaks again and again without progress ends the read, with what is wrong.
func TestBrokenForEver(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "a", numbers(200_000))
	m.breaks(times(1000, gets, truncate(0)))
	if _, err := readAll(t, b, "a", dossier.GetOptions{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v; want io.ErrUnexpectedEOF", err)
	}
}

// A full read is checked against the stored CRC64NVME, also over several requests; SkipVerify and ranges leave it out.
func TestCorruptedBytesAreFoundOut(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	content := numbers(200_000)
	mustPut(t, b, "a", content)
	corrupt := func(n int64) func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool {
		broken := once(gets, truncate(n))
		return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) bool {
			if n > 0 && broken(w, r, serve) {
				return true
			}
			if gets(r) {
				serve(flipping{w}, r)
			}
			return gets(r)
		}
	}
	for _, n := range []int64{0, 1000} {
		m.breaks(corrupt(n))
		if _, err := readAll(t, b, "a", dossier.GetOptions{}); !errors.Is(err, dossier.ErrChecksum) {
			t.Errorf("broken after %d: %v; want ErrChecksum", n, err)
		}
	}
	m.breaks(corrupt(0))
	if got, err := readAll(t, b, "a", dossier.GetOptions{SkipVerify: true}); err != nil || got == content {
		t.Errorf("SkipVerify: %v", err)
	}
	if _, err := readAll(t, b, "a", dossier.GetOptions{Range: dossier.Range{Offset: 1, Length: -1}}); err != nil {
		t.Errorf("a range: %v", err)
	}
}

// flipping changes the first byte of each write.
type flipping struct{ http.ResponseWriter }

func (w flipping) Write(p []byte) (int, error) {
	changed := append([]byte(nil), p...)
	changed[0] ^= 1
	return w.ResponseWriter.Write(changed)
}

// A server that answers a range with the whole object is understood; one that answers with another range is refused.
func TestOddAnswersToRanges(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "a", "0123456789")
	m.breaks(func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		r.Header.Del("Range")
		return false
	})
	for _, r := range []dossier.Range{{Offset: 3, Length: 4}, {Offset: -4}, {Offset: 9, Length: -1}, {Offset: 0, Length: 3}} {
		from, to, _ := r.Resolve(10)
		if got, err := readAll(t, b, "a", dossier.GetOptions{Range: r}); err != nil || got != "0123456789"[from:to] {
			t.Errorf("ignored %+v: %q, %v", r, got, err)
		}
	}
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Content-Range", "bytes 5-6/10")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, "56")
		return true
	})
	got, err := readAll(t, b, "a", dossier.GetOptions{Range: dossier.Range{Offset: 3, Length: 4}})
	if !errors.Is(err, dossier.ErrUnavailable) {
		t.Errorf("another range: %q, %v; want ErrUnavailable", got, err)
	}
}

// The bytes are those that are stored: nothing asks for another encoding, and nothing undoes the stored one.
func TestStoredEncodingIsLeftAlone(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	const content = "\x1f\x8b\x08 no gzip at all"
	if _, err := put(t, b, "a", content, dossier.PutOptions{Header: dossier.Header{ContentEncoding: "gzip"}}); err != nil {
		t.Fatal(err)
	}
	if got, err := readAll(t, b, "a", dossier.GetOptions{}); err != nil || got != content {
		t.Errorf("%q, %v", got, err)
	}
	if accept := m.last(t, gets).Header.Get("Accept-Encoding"); accept != "identity" {
		t.Errorf("Accept-Encoding %q", accept)
	}
}

// A proxying server pays one GET for an object, and one for a range of it.
func TestGetIsOneRequest(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "a", "0123456789")
	before := len(m.requests)
	for _, r := range []dossier.Range{{}, {Offset: 2, Length: 3}, {Offset: -2}} {
		if _, err := readAll(t, b, "a", dossier.GetOptions{Range: r}); err != nil {
			t.Error(err)
		}
	}
	if n := len(m.requests) - before; n != 3 {
		t.Errorf("%d requests for 3 reads", n)
	}
}

// A transfer that stands still is given up after StallTimeout, and a read goes on with another connection.
func TestStalledTransfers(t *testing.T) {
	m := newModel(t)
	over := make(chan struct{}) // a server does not notice that its client went while it does not read the body
	t.Cleanup(func() { close(over) })
	b := m.backend(t, s3.Config{StallTimeout: 200 * time.Millisecond})
	content := numbers(200_000)
	mustPut(t, b, "a", content)
	m.breaks(once(gets, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&truncating{ResponseWriter: w, left: 1000}, r)
		<-over
	}))
	if got, err := readAll(t, b, "a", dossier.GetOptions{}); err != nil || got != content {
		t.Errorf("a read that stalled once: %d bytes, %v", len(got), err)
	}
	m.breaks(once(method(http.MethodPut), func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
		<-over
	}))
	if _, err := put(t, b, "b", strings.Repeat("x", 6<<20), dossier.PutOptions{}); err != nil {
		t.Errorf("a write that stalled once: %v", err)
	}
	m.breaks(func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		<-over
		return true
	})
	if _, err := b.Stat(t.Context(), "a"); !errors.Is(err, dossier.ErrUnavailable) || errors.Is(err, context.Canceled) {
		t.Errorf("a server that never answers: %v; want ErrUnavailable", err)
	}
}
