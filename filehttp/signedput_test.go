package filehttp_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// unsized hides the length of a body, so that it is sent in chunks.
type unsized struct{ io.Reader }

// Every binding of a signed PUT is enforced, with a status that says which; what is refused stores nothing.
func TestSignedPutEnforcesEveryBinding(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("content"))
	wrong := sha256.Sum256([]byte("other"))
	text := dossier.SignRequest{ContentType: "text/plain"}
	for _, test := range []struct {
		name   string
		req    dossier.SignRequest
		body   io.Reader
		header []string
		want   int
	}{
		{"unbound", dossier.SignRequest{}, strings.NewReader("content"), nil, 200},
		{"unbound, in chunks", dossier.SignRequest{}, unsized{strings.NewReader("content")}, nil, 200},
		{"unbound, no body", dossier.SignRequest{}, nil, nil, 200},
		{"over the limit of the server", dossier.SignRequest{}, strings.NewReader(strings.Repeat("x", 101)), nil, 413},
		{"in chunks over the limit of the server", dossier.SignRequest{}, unsized{strings.NewReader(strings.Repeat("x", 101))}, nil, 413},
		{"the type", text, strings.NewReader("content"), []string{"Content-Type", "text/plain"}, 200},
		{"another type", text, strings.NewReader("content"), []string{"Content-Type", "text/html"}, 403},
		{"a type with more", text, strings.NewReader("content"), []string{"Content-Type", "text/plain; charset=utf-8"}, 403},
		{"no type", text, strings.NewReader("content"), nil, 403},
		{"two types", text, strings.NewReader("content"), []string{"Content-Type", "text/plain", "Content-Type", "text/html"}, 400},
		{"a malformed type", dossier.SignRequest{}, strings.NewReader("content"), []string{"Content-Type", "<script>"}, 400},
		{"the length", dossier.SignRequest{Length: 7}, strings.NewReader("content"), nil, 200},
		{"longer", dossier.SignRequest{Length: 6}, strings.NewReader("content"), nil, 413},
		{"shorter", dossier.SignRequest{Length: 8}, strings.NewReader("content"), nil, 400},
		{"length not told", dossier.SignRequest{Length: 7}, unsized{strings.NewReader("content")}, nil, 411},
		{"empty", dossier.SignRequest{Length: -1}, nil, nil, 200},
		{"not empty", dossier.SignRequest{Length: -1}, strings.NewReader("content"), nil, 413},
		{"largest length", dossier.SignRequest{MaxLength: 7}, strings.NewReader("content"), nil, 200},
		{"over largest length", dossier.SignRequest{MaxLength: 6}, strings.NewReader("content"), nil, 413},
		{"in chunks of largest length", dossier.SignRequest{MaxLength: 7}, unsized{strings.NewReader("content")}, nil, 200},
		{"in chunks over largest length", dossier.SignRequest{MaxLength: 6}, unsized{strings.NewReader("content")}, nil, 413},
		{"larger than the server would allow", dossier.SignRequest{MaxLength: 200}, strings.NewReader(strings.Repeat("x", 150)), nil, 200},
		{"checksum", dossier.SignRequest{Expect: dossier.Checksums{SHA256: sum[:]}}, strings.NewReader("content"), nil, 200},
		{"wrong checksum", dossier.SignRequest{Expect: dossier.Checksums{SHA256: wrong[:]}}, strings.NewReader("content"), nil, 400},
		{"part of an object", dossier.SignRequest{}, strings.NewReader("content"), []string{"Content-Range", "bytes 0-6/10"}, 400},
		{"encoded", dossier.SignRequest{}, strings.NewReader("content"), []string{"Content-Encoding", "gzip"}, 415},
		{"create-only asked for", dossier.SignRequest{}, strings.NewReader("content"), []string{"If-None-Match", "*"}, 200},
		{"a condition that was not signed", dossier.SignRequest{}, strings.NewReader("content"), []string{"If-Match", `"1"`}, 400},
		{"a tag that was not signed", dossier.SignRequest{}, strings.NewReader("content"), []string{"If-None-Match", `"1"`}, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			server := serveAt(t, mounted(s, filehttp.SignedOptions{MaxPut: 100}))
			test.req.Method, test.req.Key = "PUT", "a"
			status, body := fetch(t, "PUT", server+sign(t, s, test.req), test.body, test.header...)
			if status != test.want {
				t.Errorf("status %d, want %d: %s", status, test.want, body)
			}
			if s.has("a") != (test.want == 200) {
				t.Errorf("stored: %v", s.has("a"))
			}
		})
	}
}

// What a signed PUT stores is what was sent and signed: type and metadata included. The answer has its ETag.
func TestSignedPutStoresTypeAndMetadata(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	target := sign(t, s, dossier.SignRequest{Method: "PUT", Key: "a", ContentType: "image/png", Metadata: map[string]string{"owner": "ü 7"}})
	r := httptest.NewRequest("PUT", target, strings.NewReader("pixels"))
	r.Header.Set("Content-Type", "image/png")
	w := record(mounted(s, filehttp.SignedOptions{}), r)
	wantStatus(t, w, 200)
	wantHeader(t, w.Header(), "ETag", `"1"`)
	object, _ := s.object("a")
	if object.content != "pixels" || object.info.Header.ContentType != "image/png" || object.info.Metadata["owner"] != "ü 7" {
		t.Errorf("stored %+v", object)
	}
}

// A create-only PUT can be replayed as often as one likes: the object stays the first.
func TestReplayedCreateOnlyPutChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	target := sign(t, s, dossier.SignRequest{Method: "PUT", Key: "a", If: dossier.Condition{IfAbsent: true}})
	for i, want := range []int{200, 412, 412} {
		r := httptest.NewRequest("PUT", target, strings.NewReader(fmt.Sprint("content", i)))
		wantStatus(t, record(mounted(s, filehttp.SignedOptions{}), r), want)
	}
	if object, _ := s.object("a"); object.content != "content0" {
		t.Errorf("stored %q", object.content)
	}
}

// A body that breaks off, in whatever way, stores nothing, and the object before it stays.
func TestShortBodyStoresNothing(t *testing.T) {
	t.Parallel()
	for name, framing := range map[string]string{
		"fewer bytes than declared": "Content-Length: 100\r\n\r\nshort",
		"no bytes at all":           "Content-Length: 100\r\n\r\n",
		"chunks without an end":     "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
		"half a chunk":              "Transfer-Encoding: chunked\r\n\r\nff\r\nshort",
		"a malformed chunk":         "Transfer-Encoding: chunked\r\n\r\nxyz\r\nshort\r\n0\r\n\r\n",
		"two lengths":               "Content-Length: 5\r\nContent-Length: 3\r\n\r\nshort",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			s.set("a", "before", dossier.PutOptions{})
			target := sign(t, s, dossier.SignRequest{Method: "PUT", Key: "a"})
			server := serveAt(t, mounted(s, filehttp.SignedOptions{}))
			status, _ := raw(t, server, "PUT "+target+" HTTP/1.1\r\nHost: test\r\n"+framing, closes)
			if status != 0 && status < 400 {
				t.Errorf("status %d", status)
			}
			if object, _ := s.object("a"); object.content != "before" {
				t.Errorf("stored %q", object.content)
			}
		})
	}
}

// Both a length and chunks in one request is how requests are smuggled past a proxy; whichever the server takes, it must
// not be the length.
func TestLengthBesideChunksIsNotTrusted(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	target := sign(t, s, dossier.SignRequest{Method: "PUT", Key: "a"})
	server := serveAt(t, mounted(s, filehttp.SignedOptions{}))
	raw(t, server, "PUT "+target+" HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"5\r\nwhole\r\n0\r\n\r\n", closes)
	if object, ok := s.object("a"); ok && object.content != "whole" {
		t.Errorf("stored %q", object.content)
	}
}

// A body longer than its Content-Length is another request: the rest is never stored.
func TestLongBodyIsCutAtItsLength(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	target := sign(t, s, dossier.SignRequest{Method: "PUT", Key: "a", Length: 5})
	server := serveAt(t, mounted(s, filehttp.SignedOptions{}))
	status, _ := raw(t, server, "PUT "+target+" HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nwhole and more", waits)
	if status != 200 {
		t.Fatalf("status %d", status)
	}
	if object, _ := s.object("a"); object.content != "whole" {
		t.Errorf("stored %q", object.content)
	}
}

// A client that stops sending does not hold a connection and a half-written object for ever.
func TestSlowBodyIsCutOff(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	target := sign(t, s, dossier.SignRequest{Method: "PUT", Key: "a"})
	server := serveAt(t, mounted(s, filehttp.SignedOptions{Stall: 20 * time.Millisecond}))
	status, _ := raw(t, server, "PUT "+target+" HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nslow", waits)
	if status != 408 {
		t.Errorf("status %d, want 408", status)
	}
	if s.has("a") {
		t.Error("half a body was stored")
	}
}
