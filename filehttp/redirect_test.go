package filehttp_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// A redirect leads to the object, under the type and disposition that Proxy would send, for the method of the request
// and no other; and no cache keeps it longer than the URL lives.
func TestRedirectLeadsToTheObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t)
		file := s.row(t, dossier.Record{ContentType: "image/svg+xml", Filename: "ü.svg"}, "<svg/>")
		h := serveRow(file, filehttp.Config{Mode: filehttp.Redirect, TTL: time.Minute})
		for method, other := range map[string]string{"GET": "HEAD", "HEAD": "GET"} {
			w := send(h, method, "/")
			wantStatus(t, w, 302)
			wantHeader(t, w.Header(), "Cache-Control", "private, max-age=30")
			location := w.Header().Get("Location")
			answer := send(mounted(s, filehttp.SignedOptions{}), method, location)
			wantStatus(t, answer, 200)
			wantHeader(t, answer.Header(), "Content-Type", "application/octet-stream")
			wantHeader(t, answer.Header(), "Content-Disposition", `attachment; filename="_.svg"; filename*=UTF-8''%C3%BC.svg`)
			wantHeader(t, answer.Header(), "Cache-Control", "private, no-cache")
			wantStatus(t, send(mounted(s, filehttp.SignedOptions{}), other, location), 403)
		}
		if got := len(s.requests()); got != 1 { // that of the followed GET
			t.Errorf("%d requests", got)
		}
	})
}

// A store that cannot override how long its answers are cached can serve files all the same: type and disposition, which
// keep a browser from running what it gets, are in the URL.
func TestRedirectToAStoreThatDoesNotOverrideCaching(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.overridesNoCache = true
	file := s.row(t, dossier.Record{ContentType: "image/svg+xml", Filename: "a.svg"}, "<svg/>")
	w := send(serveRow(file, filehttp.Config{Mode: filehttp.Redirect}), "GET", "/")
	wantStatus(t, w, 302)
	answer := send(mounted(s, filehttp.SignedOptions{}), "GET", w.Header().Get("Location"))
	wantHeader(t, answer.Header(), "Content-Type", "application/octet-stream")
	wantHeader(t, answer.Header(), "Content-Disposition", `attachment; filename="a.svg"`)
}

// A redirect that was cached as long as it may be still leads somewhere.
func TestCachedRedirectStillWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t)
		h := serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{Mode: filehttp.Redirect, Window: 4 * time.Minute})
		first := send(h, "GET", "/")
		seconds, err := time.ParseDuration(strings.TrimPrefix(first.Header().Get("Cache-Control"), "private, max-age=") + "s")
		if err != nil || seconds <= 0 {
			t.Fatalf("%v", first.Header())
		}
		if again := send(h, "GET", "/"); again.Header().Get("Location") != first.Header().Get("Location") {
			t.Error("two URLs within one window differ")
		}
		time.Sleep(seconds) //nolint:forbidigo // in a bubble, where it takes no time
		wantStatus(t, send(mounted(s, filehttp.SignedOptions{}), "GET", first.Header().Get("Location")), 200)
	})
}

// What may not be stored is not stored as a redirect either.
func TestRedirectOfUncacheableFileIsNotCached(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	cfg := filehttp.Config{Mode: filehttp.Redirect, CacheControl: "private, No-Store"}
	w := send(serveRow(s.row(t, dossier.Record{}, alphabet), cfg), "GET", "/")
	wantHeader(t, w.Header(), "Cache-Control", "no-store")
}

// The longest name that a row can have still fits into a signed URL.
func TestRedirectOfLongNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("(", 255), strings.Repeat("é", 127), strings.Repeat("日", 85)} {
		s := newStore(t)
		h := serveRow(s.row(t, dossier.Record{Filename: name}, alphabet), filehttp.Config{Mode: filehttp.Redirect})
		wantStatus(t, send(h, "GET", "/"), 302)
	}
}

// ?download=1 makes the redirect one to a download.
func TestRedirectToDownload(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := serveRow(s.row(t, dossier.Record{ContentType: "image/png"}, alphabet), filehttp.Config{Mode: filehttp.Redirect})
	for query, want := range map[string]string{"": "inline", "?download=1": "attachment"} {
		location, err := url.Parse(send(h, "GET", "/"+query).Header().Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		if got := location.Query().Get("response-content-disposition"); got != want {
			t.Errorf("%q: %q", query, got)
		}
	}
}

// A backend that cannot sign is said to be one; it is not served some other way in silence.
func TestRedirectWithoutSignatures(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	file := s.row(t, dossier.Record{}, alphabet)
	registry := &dossier.Registry{}
	if err := registry.Register("files", struct{ dossier.Backend }{s}); err != nil {
		t.Fatal(err)
	}
	w := send(serveRow(file.Bind(registry), filehttp.Config{Mode: filehttp.Redirect}), "GET", "/")
	wantStatus(t, w, 501)
	wantHeader(t, w.Header(), "Location", "")
}

// A body of several megabytes arrives whole, from memory and from a file, whole and in part.
func TestLargeBodiesArriveWhole(t *testing.T) {
	t.Parallel()
	random := make([]byte, 3<<20+12345)
	_, _ = rand.Read(random)
	content := string(random)
	for _, folder := range []string{"", t.TempDir()} {
		for _, stall := range []time.Duration{0, -1} {
			s := newStore(t)
			s.folder = folder
			server := serveAt(t, serveRow(s.row(t, dossier.Record{}, content), filehttp.Config{Stall: stall}))
			if status, body := fetch(t, "GET", server, nil); status != 200 || body != content {
				t.Errorf("whole: %d, %d bytes", status, len(body))
			}
			if status, body := fetch(t, "GET", server, nil, "Range", "bytes=1000-2500000"); status != 206 || body != content[1000:2500001] {
				t.Errorf("part: %d, %d bytes", status, len(body))
			}
		}
	}
}

// A client that takes nothing does not hold one of the streams for ever.
func TestClientThatTakesNothingIsCutOff(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := serveRow(s.row(t, dossier.Record{}, strings.Repeat("x", 32<<20)), filehttp.Config{MaxStreams: 1, Stall: 50 * time.Millisecond})
	finished := make(chan struct{})
	server := serveAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(finished)
		h.ServeHTTP(w, r)
	}))
	openAndTakeNothing(t, server)
	<-finished
	wantStatus(t, send(h, "GET", "/", "Range", "bytes=0-1"), 206)
}
