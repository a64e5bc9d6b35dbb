package all_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/all"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/filehttp"
)

// signing is a store whose signed URLs are served.
type signing struct {
	*testing.T
	store dossier.Backend
	// getServesHead says that the store's signatures cannot tell the two methods apart.
	getServesHead bool
}

// signingStores are the five kinds of store; S3 by two servers.
var signingStores = []struct {
	name, variable string
	getServesHead  bool
}{
	{name: "local"},
	{name: "memory"},
	{name: "s3", variable: "DOSSIER_TEST_S3"},
	{name: "s3 other", variable: "DOSSIER_TEST_S3_OTHER"},
	{name: "gcs", variable: "DOSSIER_TEST_GCS"},
	{name: "azure", variable: "DOSSIER_TEST_AZURE", getServesHead: true}, // a SAS names permissions, not methods
}

// A signed URL or form is a key that is given away: it must open one door, in one way, for some time. What a store
// cannot bind is refused before it is signed; what was signed is enforced by the server, on every store alike.
func TestSignedRequestsOpenOneDoor(t *testing.T) {
	t.Parallel()
	for _, one := range signingStores {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			s := &signing{T: t, getServesHead: one.getServesHead}
			s.store = s.openStore(one.name, one.variable)
			t.Run("bindings", func(t *testing.T) { s.in(t).checkBindings() })
			t.Run("reuse", func(t *testing.T) { s.in(t).checkReuse() })
			t.Run("tampering", func(t *testing.T) { s.in(t).checkTampering() })
			t.Run("forms", func(t *testing.T) { s.in(t).checkForms() })
			t.Run("expiry", func(t *testing.T) { s.in(t).checkExpiry() })
		})
	}
}

// in is the same store in a subtest.
func (s *signing) in(t *testing.T) *signing { return &signing{t, s.store, s.getServesHead} }

func (s *signing) openStore(name, variable string) dossier.Backend {
	s.Helper()
	if variable == "" {
		return s.openServed(name)
	}
	storeURL := os.Getenv(variable)
	if storeURL == "" {
		s.Skipf("server: %s is not set; scripts/servers starts one", variable)
	}
	mark := "?"
	if strings.Contains(storeURL, "?") {
		mark = "&"
	}
	return s.must(all.Open(s.Context(), storeURL+mark+"prefix=signed-"+rand.Text()))
}

// openServed opens a store whose URLs are served by package filehttp.
func (s *signing) openServed(name string) dossier.Backend {
	s.Helper()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "test", Secret: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		s.Fatal(err)
	}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	s.Cleanup(server.Close)
	var store dossier.Backend = memory.New(memory.Config{Signer: signer, BaseURL: server.URL})
	if name == "local" {
		b, err := local.New(s.TempDir(), local.Config{Signer: signer, BaseURL: server.URL})
		store = s.must(b, err)
	}
	handler = filehttp.NewSignedHandler(store, signer, filehttp.SignedOptions{})
	return store
}

func (s *signing) must(b dossier.Backend, err error) dossier.Backend {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	return b
}

func (s *signing) put(key, content string) {
	s.Helper()
	if _, err := s.store.Put(s.Context(), key, dossier.BytesSource([]byte(content)), dossier.PutOptions{}); err != nil {
		s.Fatal(err)
	}
}

// content of an object; "" if there is none.
func (s *signing) content(key string) string {
	s.Helper()
	b, err := dossier.ReadAll(s.Context(), s.store, key, 0)
	if err != nil && !errors.Is(err, dossier.ErrNotExist) {
		s.Fatal(err)
	}
	return string(b)
}

func (s *signing) sign(req dossier.SignRequest) dossier.SignedRequest {
	s.Helper()
	if req.TTL == 0 {
		req.TTL = time.Hour
	}
	signed, err := dossier.SignURLs(s.Context(), s.store, req)
	if err != nil {
		s.Fatalf("sign %+v: %v", req, err)
	}
	return signed[0]
}

// send sends exactly what was signed, after change, and returns status and body; -1 when the server broke off.
func (s *signing) send(signed dossier.SignedRequest, body string, change func(*http.Request)) (int, string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, signed.Method, signed.URL, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for name, values := range signed.Header {
		r.Header[name] = values
	}
	if change != nil {
		change(r)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return -1, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return -1, err.Error()
	}
	return response.StatusCode, string(text)
}

// refused fails unless the status is a refusal: 403, or 400 where a parameter is not even well-formed any more. versitygw
// calls an access key that it does not know "not found".
func (s *signing) refused(what string, status int, body string) {
	s.Helper()
	if status == http.StatusNotFound && strings.Contains(body, "<Code>XAdminUserNotFound</Code>") {
		return
	}
	if status != http.StatusForbidden && status != http.StatusBadRequest {
		s.Errorf("%s: %d %.200s", what, status, body)
	}
}

func (s *signing) can(c dossier.Capabilities) bool { return s.store.Describe().Capabilities.Has(c) }

func crc32c(content string) []byte {
	sum := crc32.Checksum([]byte(content), crc32.MakeTable(crc32.Castagnoli))
	return []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
}

// binding is a row of the table: a PUT that is bound, and what breaks the binding.
type binding struct {
	name       string
	capability dossier.Capabilities
	req        dossier.SignRequest
	body       string // that the binding allows
	wrong      string // that it does not; "" if the header is what breaks it
	change     func(*http.Request)
}

func bindings() []binding {
	sum := sha256.Sum256([]byte("right"))
	return []binding{
		{name: "type", capability: dossier.BindType, req: dossier.SignRequest{ContentType: "text/plain"}, body: "right",
			change: func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }},
		{name: "no type", capability: dossier.BindType, req: dossier.SignRequest{ContentType: "text/plain"}, body: "right",
			change: func(r *http.Request) { r.Header.Del("Content-Type") }},
		{name: "shorter", capability: dossier.BindLength, req: dossier.SignRequest{Length: 5}, body: "right", wrong: "shor"},
		{name: "longer", capability: dossier.BindLength, req: dossier.SignRequest{Length: 5}, body: "right", wrong: "longer"},
		{name: "over the largest", capability: dossier.BindMaxLength, req: dossier.SignRequest{MaxLength: 5}, body: "right", wrong: "longer"},
		{name: "CRC32C", capability: dossier.BindChecksum, req: dossier.SignRequest{Expect: dossier.Checksums{CRC32C: crc32c("right")}},
			body: "right", wrong: "wrong"},
		{name: "SHA-256", capability: dossier.BindChecksum, req: dossier.SignRequest{Expect: dossier.Checksums{SHA256: sum[:]}},
			body: "right", wrong: "wrong"},
	}
}

func (s *signing) checkBindings() {
	for _, row := range bindings() {
		row.req.Method, row.req.Key, row.req.TTL = "PUT", "bound/"+strings.ReplaceAll(row.name, " ", "-"), time.Hour
		signed, err := dossier.SignURLs(s.Context(), s.store, row.req)
		if errors.Is(err, errors.ErrUnsupported) && (!s.can(row.capability) || row.capability == dossier.BindChecksum) {
			continue // refused by us; which checksums a store can bind is its own matter
		}
		if err != nil {
			s.Errorf("%s: %v", row.name, err)
			continue
		}
		if status, body := s.send(signed[0], cmpOr(row.wrong, row.body), row.change); status >= 200 && status < 300 || s.content(row.req.Key) != "" {
			s.Errorf("%s: the wrong request: %d %.200s", row.name, status, body)
		}
		if status, body := s.send(signed[0], row.body, nil); status < 200 || status >= 300 || s.content(row.req.Key) != row.body {
			s.Errorf("%s: the right request: %d %.200s", row.name, status, body)
		}
	}
	s.checkCreateOnly()
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (s *signing) checkCreateOnly() {
	s.Helper()
	if !s.can(dossier.BindIfAbsent) {
		return
	}
	signed := s.sign(dossier.SignRequest{Method: "PUT", Key: "bound/new", If: dossier.Condition{IfAbsent: true}})
	if status, body := s.send(signed, "first", nil); status < 200 || status >= 300 {
		s.Errorf("create-only: %d %.200s", status, body)
	}
	if status, _ := s.send(signed, "second", nil); status >= 200 && status < 300 || s.content("bound/new") != "first" {
		s.Errorf("the second use of a create-only URL: %d", status)
	}
}

func (s *signing) checkReuse() {
	s.put("reuse/mine", "mine")
	s.put("reuse/other", "other")
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		signed := s.sign(dossier.SignRequest{Method: method, Key: "reuse/mine"})
		status, body := s.send(signed, "", func(r *http.Request) {
			r.URL.Path = strings.Replace(r.URL.Path, "reuse/mine", "reuse/other", 1)
			r.URL.RawPath = ""
		})
		s.refused(method+" of another key", status, body)
		for _, other := range []string{"GET", "HEAD", "PUT", "DELETE", "POST"} {
			if other == method || s.getServesHead && reads(method) && reads(other) {
				continue
			}
			status, body := s.send(signed, "", func(r *http.Request) { r.Method = other })
			if status >= 200 && status < 300 {
				s.Errorf("a URL for %s serves %s: %d %.100s", method, other, status, body)
			}
		}
	}
	if s.content("reuse/mine") != "mine" || s.content("reuse/other") != "other" {
		s.Error("an object was changed")
	}
}

func reads(method string) bool { return method == "GET" || method == "HEAD" }

// checkTampering changes every byte of path and query, one at a time.
func (s *signing) checkTampering() {
	s.put("tamper/a", "secret content")
	signed := s.sign(dossier.SignRequest{Key: "tamper/a", Respond: dossier.Header{ContentType: "text/plain"}})
	u, err := url.Parse(signed.URL)
	if err != nil {
		s.Fatal(err)
	}
	if status, body := s.send(signed, "", nil); status != http.StatusOK || body != "secret content" {
		s.Fatalf("the untouched URL: %d %s", status, body)
	}
	for i := range len(u.RawQuery) {
		tampered := []byte(u.RawQuery)
		tampered[i] = another(tampered[i])
		if tampered[i] == u.RawQuery[i] || !changed(string(tampered), u.RawQuery) {
			continue
		}
		status, body := s.send(signed, "", func(r *http.Request) { r.URL.RawQuery = string(tampered) })
		s.refused(fmt.Sprintf("byte %d of the query, …%s", i, tampered[max(0, i-20):min(len(tampered), i+5)]), status, body)
	}
	for i := range len(u.Path) {
		tampered := []byte(u.Path)
		tampered[i] = another(tampered[i])
		if tampered[i] == u.Path[i] {
			continue
		}
		status, body := s.send(signed, "", func(r *http.Request) { r.URL.Path, r.URL.RawPath = string(tampered), "" })
		if status >= 200 && status < 300 {
			s.Errorf("the path %s: %d %.100s", tampered, status, body)
		}
	}
}

// another is a byte of the same kind that is far enough away in the alphabet of base64 to change what it says.
func another(c byte) byte {
	switch {
	case c >= 'a' && c <= 'z':
		return 'a' + (c-'a'+13)%26
	case c >= 'A' && c <= 'Z':
		return 'A' + (c-'A'+13)%26
	case c >= '0' && c <= '9':
		return '0' + (c-'0'+5)%10
	}
	return c
}

// changed reports whether two queries say different things, the first in UTF-8: Azurite breaks on anything else.
func changed(a, b string) bool {
	one, err := url.ParseQuery(a)
	other, _ := url.ParseQuery(b)
	text, _ := url.QueryUnescape(a)
	return err == nil && utf8.ValidString(text) && one.Encode() != other.Encode()
}

func (s *signing) checkExpiry() {
	s.put("expiry/a", "content")
	signed := s.sign(dossier.SignRequest{Key: "expiry/a", TTL: time.Second})
	timer := time.NewTimer(time.Until(signed.NotAfter) + 1500*time.Millisecond) // servers count in whole seconds
	defer timer.Stop()
	<-timer.C
	status, body := s.send(signed, "", nil)
	s.refused("an expired URL", status, body)
}
