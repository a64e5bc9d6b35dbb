package filehttp_test

import (
	"io"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// HEAD tells what GET would, and reads nothing.
func TestSignedHeadReadsNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a", "content", dossier.PutOptions{Header: dossier.Header{ContentType: "image/png"}})
	w := send(mounted(s, filehttp.SignedOptions{}), "HEAD", sign(t, s, dossier.SignRequest{Key: "a", Method: "HEAD"}))
	wantStatus(t, w, 200)
	wantHeader(t, w.Header(), "Content-Length", "7")
	wantHeader(t, w.Header(), "ETag", `"1"`)
	if len(s.requests()) > 0 {
		t.Error("HEAD opened the object")
	}
}

// What a client uploaded as HTML, or as anything else that runs, comes back as a download of bytes, whatever it was
// declared to be; only a signed type is sent as it was signed, and then in a sandbox.
func TestStoredTypeCannotMakeAPage(t *testing.T) {
	t.Parallel()
	for _, stored := range []string{
		"text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "text/javascript", "application/javascript",
		"text/css", "application/x-shockwave-flash", "TEXT/HTML; charset=utf-8", "multipart/x-mixed-replace; boundary=a", "a/b/c",
	} {
		s := newStore(t)
		s.set("a", "<script>", dossier.PutOptions{Header: dossier.Header{ContentType: stored, ContentDisposition: `inline; filename="x.html"`}})
		for _, respond := range []dossier.Header{{}, {ContentDisposition: "inline"}} {
			w := send(mounted(s, filehttp.SignedOptions{}), "GET", sign(t, s, dossier.SignRequest{Key: "a", Respond: respond}))
			wantHeader(t, w.Header(), "Content-Type", "application/octet-stream")
			if respond.ContentDisposition == "" {
				wantHeader(t, w.Header(), "Content-Disposition", `attachment; filename="x.html"`)
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "sandbox") {
				t.Errorf("%s: policy %q", stored, policy)
			}
		}
	}
}

// Overrides of the answer are sent as they were signed.
func TestSignedOverridesAreHonoured(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a", "<p>", dossier.PutOptions{Header: dossier.Header{ContentType: "text/html", CacheControl: "public"}})
	w := send(mounted(s, filehttp.SignedOptions{}), "GET", sign(t, s, dossier.SignRequest{Key: "a", Respond: dossier.Header{
		ContentType: "text/plain; charset=utf-8", ContentDisposition: "inline",
		ContentLanguage: "de", ContentEncoding: "identity", CacheControl: "no-store",
	}}))
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Content-Disposition": "inline", "Content-Language": "de",
		"Content-Encoding": "identity", "Cache-Control": "no-store",
	} {
		wantHeader(t, w.Header(), name, want)
	}
}

// An object that is exchanged between being asked for and being opened is asked for again: header and bytes are always
// of one version.
func TestExchangedObjectIsServedWhole(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.set("a", "old", dossier.PutOptions{})
	h := filehttp.NewSignedHandler(&exchanging{fakeStore: s, times: 1}, s.signer, filehttp.SignedOptions{})
	target := strings.TrimPrefix(sign(t, s, dossier.SignRequest{Key: "a"}), "/files")
	w := send(h, "GET", target)
	wantStatus(t, w, 200)
	wantHeader(t, w.Header(), "Content-Length", "5")
	if got := w.Body.String(); got != "newer" {
		t.Errorf("body %q", got)
	}
	h = filehttp.NewSignedHandler(&exchanging{fakeStore: s, times: 9}, s.signer, filehttp.SignedOptions{})
	w = send(h, "GET", target)
	wantStatus(t, w, 503)
	wantHeader(t, w.Header(), "Retry-After", "1")
}

// exchanging is a store whose object is exchanged behind each of the first Stats.
type exchanging struct {
	*fakeStore
	times int
}

func (e *exchanging) Stat(ctx ctx, key string) (dossier.Info, error) {
	info, err := e.fakeStore.Stat(ctx, key)
	if e.times--; e.times >= 0 {
		e.set(key, "newer", dossier.PutOptions{})
	}
	return info, err
}

// Pages of other origins may read answers only if their origin is listed; nobody may by default.
func TestCrossOriginAccessIsOffByDefault(t *testing.T) {
	t.Parallel()
	const origin = "https://app.example"
	for _, test := range []struct {
		allowed []string
		origin  string
		status  int // of a preflight
		want    string
	}{
		{nil, origin, 405, ""},
		{[]string{origin}, origin, 204, origin},
		{[]string{"*"}, origin, 204, origin},
		{[]string{origin}, "https://app.example.evil", 405, ""},
		{[]string{origin}, "null", 405, ""},
		{[]string{origin}, "", 405, ""},
	} {
		s := newStore(t)
		s.set("a", "content", dossier.PutOptions{})
		h := mounted(s, filehttp.SignedOptions{CORS: filehttp.CORS{Origins: test.allowed}})
		w := send(h, "OPTIONS", "/files/a", "Origin", test.origin, "Access-Control-Request-Method", "PUT")
		wantStatus(t, w, test.status)
		wantHeader(t, w.Header(), "Access-Control-Allow-Origin", test.want)
		w = send(h, "GET", sign(t, s, dossier.SignRequest{Key: "a"}), "Origin", test.origin)
		wantStatus(t, w, 200)
		wantHeader(t, w.Header(), "Access-Control-Allow-Origin", test.want)
		wantHeader(t, w.Header(), "Access-Control-Allow-Credentials", "")
		if test.allowed != nil {
			wantHeader(t, w.Header(), "Vary", "Origin")
		}
	}
}

// A preflight says nothing about objects and does not need a signature.
func TestPreflight(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := mounted(s, filehttp.SignedOptions{CORS: filehttp.CORS{Origins: []string{"https://a"}}})
	w := send(h, "OPTIONS", "/files/any", "Origin", "https://a", "Access-Control-Request-Method", "PUT")
	wantHeader(t, w.Header(), "Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, DELETE")
	wantHeader(t, w.Header(), "Access-Control-Max-Age", "600")
	if body, _ := io.ReadAll(w.Body); len(body) > 0 || s.stats > 0 {
		t.Error("the preflight looked at an object")
	}
}
