package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Names that would lead out of the folder, break a header or fool a reader become harmless names; nothing is written
// outside of the store, and no answer has a header field that the name brought in.
func TestHostileNamesAreHarmless(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	for sent, shown := range map[string]string{
		`../../../../etc/passwd`:       "passwd",
		`..\\..\\windows\\system.ini`:  "system.ini",
		`/absolute.txt`:                "absolute.txt",
		`a%0d%0aSet-Cookie: x=1.txt`:   "a%0d%0aSet-Cookie: x=1.txt",
		"tab\tand\u0085next line.txt":  "tabandnext line.txt",
		"gnp.\u202etxt.exe":            "gnp.txt.exe",
		strings.Repeat("ü", 300):       strings.Repeat("ü", 127),
		`\"><script>alert(1)</script>`: "script>",
		"quote\\\"and;semicolon=x.txt": `quote"and;semicolon=x.txt`,
	} {
		doc := s.create(field{"file", sent, "x"})
		if doc.File.Name != shown {
			t.Errorf("%q is shown as %q, want %q", sent, doc.File.Name, shown)
		}
		for _, path := range []string{doc.File.URL, "/api/documents/" + doc.ID.String() + "/file"} {
			got := s.do("GET", path, nil)
			got.want(http.StatusOK)
			if got.header.Get("Set-Cookie") != "" || strings.ContainsAny(got.header.Get("Content-Disposition"), "\r\n\x00") {
				t.Errorf("%q: header %v", sent, got.header)
			}
		}
	}
	entries, err := os.ReadDir(filepath.Dir(s.app.cfg.data))
	check(t, err)
	if len(entries) != 1 {
		t.Errorf("beside the data folder there is %v", entries)
	}
}

// HTML that claims to be an image is told by its bytes: both ways to it make the browser save it rather than run it.
func TestDisguisedHTMLIsNeverShown(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	for _, content := range []string{htmlBytes, `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`} {
		doc := s.create(field{"file", "cat.png", content})
		if doc.File.Inline {
			t.Errorf("%q may be shown, says the view", content)
		}
		for _, path := range []string{doc.File.URL, "/api/documents/" + doc.ID.String() + "/file"} {
			got := s.do("GET", path, nil)
			got.want(http.StatusOK)
			if d := got.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") {
				t.Errorf("%s: Content-Disposition %q", path, d)
			}
			if got.header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%s: header %v", path, got.header)
			}
			if kind := got.header.Get("Content-Type"); kind != "application/octet-stream" {
				t.Errorf("%s: Content-Type %q", path, kind)
			}
		}
	}
}

// A page of another site, open in the browser of somebody who can reach this server, changes nothing here: not by a form
// or script of its own origin, and not under a name that it made point to this address.
func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	doc := s.create(field{"file", "f", "x"})
	path := "/api/documents/" + doc.ID.String()
	for _, fields := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		s.do("DELETE", path, nil, fields...).wantProblem(http.StatusForbidden)
		s.do("POST", "/api/documents", nil, fields...).wantProblem(http.StatusForbidden)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
	check(t, err)
	r.Host = "evil.example:8080"
	response, err := http.DefaultTransport.RoundTrip(r)
	check(t, err)
	check(t, response.Body.Close())
	if response.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("under a foreign name: status %d", response.StatusCode)
	}
	s.do("DELETE", path, nil, "Sec-Fetch-Site", "same-origin").want(http.StatusNoContent)
}

// A signed link works for its file alone, and not for writing.
func TestSignedLinkGrantsOneFile(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	one, two := s.create(field{"file", "1", "one"}), s.create(field{"file", "2", "two"})
	path, _, _ := strings.Cut(two.File.URL, "?")
	_, query, _ := strings.Cut(one.File.URL, "?")
	s.do("GET", path+"?"+query, nil).want(http.StatusForbidden)
	s.do("GET", path, nil).want(http.StatusForbidden)
	s.do("GET", strings.Replace(one.File.URL, "inline", "attachment", 1), nil).want(http.StatusForbidden)
	for _, method := range []string{"PUT", "DELETE", "POST"} {
		s.do(method, one.File.URL, strings.NewReader("other")).want(http.StatusMethodNotAllowed)
	}
	if got := s.do("GET", one.File.URL, nil); string(got.body) != "one" {
		t.Errorf("%d %q", got.status, got.body)
	}
}

// Every answer forbids what the page does not need; a script that got in somehow could load and send nothing.
func TestEveryAnswerIsProtected(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	for _, path := range []string{"/", "/main.js", "/base.css", "/icon.svg", "/api/documents", "/api/nothing", "/nothing", "/files/x"} {
		got := s.do("GET", path, nil)
		policy := got.header.Get("Content-Security-Policy")
		if got.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(policy, "default-src 'none'") ||
			strings.Contains(policy, "script-src 'unsafe") || got.header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: header %v", path, got.header)
		}
	}
	page := s.do("GET", "/", nil)
	if etag := page.header.Get("ETag"); s.do("GET", "/", nil, "If-None-Match", etag).status != http.StatusNotModified {
		t.Errorf("the page with ETag %q is sent again to who has it", etag)
	}
	if strings.Contains(string(page.body), "{{") || !strings.Contains(string(page.body), `data-max-file="5368709120"`) {
		t.Error("the page does not have its limits filled in")
	}
}
