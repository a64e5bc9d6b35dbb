package filehttp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// mounted is the signed handler of a store as a program mounts it.
func mounted(s *fakeStore, opts filehttp.SignedOptions) http.Handler {
	return http.StripPrefix("/files", filehttp.NewSignedHandler(s, s.signer, opts))
}

// sign returns the URL of a request, valid for an hour unless it says otherwise.
func sign(tb testing.TB, s *fakeStore, req dossier.SignRequest) string {
	tb.Helper()
	if req.TTL == 0 {
		req.TTL = time.Hour
	}
	signed, err := s.signer.SignURL("/files", s.name, req)
	if err != nil {
		tb.Fatal(err)
	}
	return signed.URL
}

// A signed GET delivers the bytes with validators, and nothing that a browser would run.
func TestSignedGetServesTheObject(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a/photo.png", "pixels", dossier.PutOptions{Header: dossier.Header{ContentType: "image/png"}})
	w := send(mounted(s, filehttp.SignedOptions{}), "GET", sign(t, s, dossier.SignRequest{Key: "a/photo.png"}))
	wantStatus(t, w, 200)
	if got := w.Body.String(); got != "pixels" {
		t.Errorf("body %q", got)
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "Content-Disposition": `inline; filename="photo.png"`, "Content-Length": "6",
		"ETag": `"1"`, "Last-Modified": "Mon, 06 May 2024 07:08:09 GMT", "Accept-Ranges": "bytes", "Cache-Control": "private",
		"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer",
	} {
		wantHeader(t, w.Header(), name, want)
	}
}

// Keys with characters that mean something in URLs arrive as they are: an object must not be reachable by a name that
// some step of decoding made.
func TestSignedURLsOfHostileKeysWork(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"a b", "a+b", "a%2Fb", "a%b", "a?b", "a#b", "a&b=c;d", `a'b"c`, "a:b", "@", "~", "日本/語", "😀", "a=b", "[x]", "a,b", "*",
	} {
		s := newStore(t)
		s.set(key, key, dossier.PutOptions{})
		server := serveAt(t, mounted(s, filehttp.SignedOptions{}))
		if status, body := fetch(t, "GET", server+sign(t, s, dossier.SignRequest{Key: key}), nil); status != 200 || body != key {
			t.Errorf("key %q: %d %q", key, status, body)
		}
	}
}

// A signature is for one method, key and store. Reused anywhere else it opens nothing, and does not even tell whether
// there is something to open.
func TestSignatureReuseIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a", "a", dossier.PutOptions{})
	s.set("b", "b", dossier.PutOptions{})
	other := newStore(t)
	other.name, other.objects = "mem:other", s.objects
	get := sign(t, s, dossier.SignRequest{Key: "a"})
	_, query, _ := strings.Cut(get, "?")
	for _, test := range []struct{ threat, method, target string }{
		{"another key", "GET", "/files/b?" + query},
		{"a key that is not there", "GET", "/files/missing?" + query},
		{"HEAD with a GET URL", "HEAD", get},
		{"GET with a HEAD URL", "GET", sign(t, s, dossier.SignRequest{Key: "a", Method: "HEAD"})},
		{"PUT with a GET URL", "PUT", get},
		{"DELETE with a GET URL", "DELETE", get},
		{"GET with a PUT URL", "GET", sign(t, s, dossier.SignRequest{Key: "a", Method: "PUT"})},
		{"another store", "GET", sign(t, other, dossier.SignRequest{Key: "a"})},
		{"no signature", "GET", "/files/a"},
		{"no signature, nothing there", "GET", "/files/missing"},
		{"the folder", "GET", "/files/?" + query},
		{"an empty query", "DELETE", "/files/a?"},
		{"POST with a GET URL", "POST", "/files/?" + query},
	} {
		w := send(mounted(s, filehttp.SignedOptions{}), test.method, test.target)
		if w.Code != 403 {
			t.Errorf("%s: %d", test.threat, w.Code)
		}
	}
	if len(s.requests()) > 0 || s.stats > 0 || len(s.objects) != 2 {
		t.Error("a refused request reached the store")
	}
}

// Whichever byte of a URL is changed, it is refused: no parameter is left out of the signature.
func TestURLTamperedByteByByteIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a/b", "content", dossier.PutOptions{})
	h := mounted(s, filehttp.SignedOptions{})
	good := sign(t, s, dossier.SignRequest{Key: "a/b", Respond: dossier.Header{
		ContentType: "text/plain", ContentDisposition: "attachment", CacheControl: "no-store",
	}})
	wantStatus(t, send(h, "GET", good), 200)
	meaning := func(target string) string {
		u, err := url.Parse(target)
		if err != nil {
			return ""
		}
		return u.Path + "?" + u.Query().Encode()
	}
	for i := len("/files/"); i < len(good); i++ {
		for _, c := range []byte("Aa0&=/?.;%") {
			bad := good[:i] + string(c) + good[i+1:]
			if _, err := url.ParseRequestURI(bad); err != nil || meaning(bad) == meaning(good) {
				continue
			}
			if w := send(h, "GET", bad); w.Code != 403 {
				t.Fatalf("byte %d as %q: %d\n%s", i, c, w.Code, bad)
			}
		}
	}
}

// Added, repeated and removed parameters are refused: a proxy and this server must never read two different requests.
func TestDuplicateAndExtraParametersAreRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a", "content", dossier.PutOptions{})
	good := sign(t, s, dossier.SignRequest{Key: "a", Respond: dossier.Header{ContentDisposition: "attachment"}})
	path, query, _ := strings.Cut(good, "?")
	targets := []string{good + "&x=1", good + "&response-content-type=text/html", good + "&", good + ";a=b"}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		targets = append(targets, good+"&"+part, path+"?"+part+"&"+query,
			path+"?"+strings.Join(append(append([]string{}, parts[:i]...), parts[i+1:]...), "&"))
	}
	for _, target := range targets {
		w := send(mounted(s, filehttp.SignedOptions{}), "GET", target)
		if target == good+"&" { // an empty parameter is none
			wantStatus(t, w, 200)
		} else if w.Code != 403 {
			t.Errorf("%d: %s", w.Code, target)
		}
	}
}

// Paths that only a normalising client or proxy would take for the key are other paths.
func TestPathNormalisationOpensNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a/b", "content", dossier.PutOptions{})
	_, query, _ := strings.Cut(sign(t, s, dossier.SignRequest{Key: "a/b"}), "?")
	for _, path := range []string{
		"//a/b", "/a//b", "/a/./b", "/./a/b", "/x/../a/b", "/a/b/", "/a/../a/b", "/a/b/.", "/a%2Fb/", "/A/B", "/a/b%00", "/..%2Ffiles/a/b",
		"/../a/b", `/a\b`, "/a%5Cb",
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://test/files"+path+"?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := record(mounted(s, filehttp.SignedOptions{}), r)
		if w.Code != 403 && w.Code != 404 || w.Body.String() == "content" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if s.stats > 0 {
		t.Error("a refused path reached the store")
	}
}

// An expired URL is refused from its last second on, with an answer that says so.
func TestExpiredSignatureIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t)
		s.set("a", "content", dossier.PutOptions{})
		target := sign(t, s, dossier.SignRequest{Key: "a", TTL: time.Minute})
		time.Sleep(59 * time.Second) //nolint:forbidigo // in a bubble, where it takes no time
		wantStatus(t, send(mounted(s, filehttp.SignedOptions{}), "GET", target), 200)
		time.Sleep(time.Second) //nolint:forbidigo // see above
		w := send(mounted(s, filehttp.SignedOptions{}), "GET", target)
		wantStatus(t, w, 403)
		if got := w.Body.String(); got != "the signature has expired\n" {
			t.Errorf("body %q", got)
		}
	})
}

// What is not there is 404 only to who has a signature for it, and the answer names nothing.
func TestMissingObjectIsNotFound(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	w := send(mounted(s, filehttp.SignedOptions{}), "GET", sign(t, s, dossier.SignRequest{Key: "private/name"}))
	wantStatus(t, w, 404)
	wantHeader(t, w.Header(), "Cache-Control", "no-store")
	wantHeader(t, w.Header(), "Content-Type", "text/plain; charset=utf-8")
	wantHeader(t, w.Header(), "X-Content-Type-Options", "nosniff")
	if body := w.Body.String(); strings.Contains(body, "private") || strings.Contains(body, "secret") {
		t.Errorf("the answer tells internals: %q", body)
	}
}

// A method that cannot be signed is 405, with those that can.
func TestOtherMethodsAreNotAllowed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, method := range []string{"PATCH", "OPTIONS", "TRACE", "PROPFIND", "POST", "get"} {
		w := send(mounted(s, filehttp.SignedOptions{}), method, "/files/a")
		wantStatus(t, w, 405)
		wantHeader(t, w.Header(), "Allow", "GET, HEAD, PUT, DELETE")
	}
}

// A signed DELETE removes its object, and is done also when there is none.
func TestSignedDelete(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a", "content", dossier.PutOptions{})
	target := sign(t, s, dossier.SignRequest{Key: "a", Method: "DELETE"})
	wantStatus(t, send(mounted(s, filehttp.SignedOptions{}), "DELETE", target, "If-Match", `"1"`), 400)
	if !s.has("a") {
		t.Fatal("a condition that was not signed was ignored")
	}
	for range 2 {
		wantStatus(t, send(mounted(s, filehttp.SignedOptions{}), "DELETE", target), 204)
	}
	if s.has("a") {
		t.Error("the object is still there")
	}
}
