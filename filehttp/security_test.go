package filehttp_test

import (
	"mime"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// What a browser could run is never sent under its own type, nor shown: not HTML, not SVG, not XML, not scripts that
// another page of this origin could include, whatever the name says.
func TestActiveContentIsADownloadOfBytes(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{
		"text/html", "text/html; charset=utf-8", "TEXT/HTML", " text/html", "image/svg+xml", "image/svg", "image/SVG+XML; x=y",
		"application/xhtml+xml", "application/xml", "text/xml", "application/rss+xml", "application/mathml+xml", "text/javascript",
		"application/javascript", "application/x-javascript", "application/ecmascript", "text/css", "application/wasm",
		"text/cache-manifest", "application/manifest+json", "application/x-shockwave-flash", "multipart/related; boundary=x",
		"multipart/x-mixed-replace; boundary=x", "message/rfc822", "text/vtt", "text/x-unknown", "application/x-sh",
		"application/vnd.mozilla.xul+xml", "application/hta", "video/x+xml", "audio/x+xml",
		"", "text", "text/", "/", "text/html/", "text/html image/png", "image/png, text/html", "image/png; x=\r\nX-Evil: 1", "*/*",
	} {
		s := newStore(t)
		file := s.row(t, dossier.Record{ContentType: contentType, Filename: "cat.png"}, "<script>alert(1)</script>")
		for _, target := range []string{"/cat.png", "/?download=0", "/cat.html?response-content-type=text/html"} {
			for _, inline := range [][]string{nil, {"image/*", "text/*", "application/*", "video/*", "audio/*"}} {
				w := send(serveRow(file, filehttp.Config{Inline: inline}), "GET", target)
				got := w.Header().Get("Content-Type")
				harmless := got == "application/octet-stream" || inline != nil && strings.HasPrefix(got, baseOf(contentType))
				if !harmless || strings.Contains(got, "html") || strings.Contains(got, "xml") || strings.Contains(got, "script") {
					t.Errorf("%q is sent as %q", contentType, got)
				}
				if inline == nil {
					wantHeader(t, w.Header(), "Content-Disposition", `attachment; filename="cat.png"`)
				}
				wantHeader(t, w.Header(), "X-Content-Type-Options", "nosniff")
				wantHeader(t, w.Header(), "X-Evil", "")
			}
		}
	}
}

func baseOf(contentType string) string {
	base, _, err := mime.ParseMediaType(contentType)
	if err != nil || base == "" {
		return "no type at all"
	}
	return base
}

// HTML that claims to be an image is sent as the image it claims to be and forbidden to be sniffed: the claim is the
// row's, made from the bytes when it was stored, but even a wrong one runs nothing.
func TestHTMLDisguisedAsImageIsNotSniffed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	file := s.row(t, dossier.Record{ContentType: "image/png", Filename: "cat.html"}, "<html><script>alert(1)</script>")
	w := send(serveRow(file, filehttp.Config{}), "GET", "/cat.html")
	wantHeader(t, w.Header(), "Content-Type", "image/png")
	wantHeader(t, w.Header(), "X-Content-Type-Options", "nosniff")
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") {
		t.Errorf("policy %q", policy)
	}
}

// The allow-list is shown, each under its own type; text is always UTF-8, so no other encoding can hide markup.
func TestAllowListIsShownInline(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]string{
		"image/png": "image/png", "image/jpeg": "image/jpeg", "image/gif": "image/gif", "image/webp": "image/webp",
		"image/avif": "image/avif", "audio/mpeg": "audio/mpeg", "video/mp4; codecs=avc1": "video/mp4",
		"application/pdf": "application/pdf", "text/plain": "text/plain; charset=utf-8",
		"text/plain; charset=utf-7": "text/plain; charset=utf-8",
	} {
		s := newStore(t)
		h := serveRow(s.row(t, dossier.Record{ContentType: contentType}, "content"), filehttp.Config{})
		w := send(h, "GET", "/")
		wantHeader(t, w.Header(), "Content-Type", want)
		wantHeader(t, w.Header(), "Content-Disposition", "inline")
		sandboxed := strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox")
		if sandboxed != (contentType != "application/pdf") { // browsers refuse to show a PDF in a sandbox
			t.Errorf("%s: policy %q", contentType, w.Header().Get("Content-Security-Policy"))
		}
		for _, query := range []string{"?download=1", "?download=true", "?download", "?download=yes"} {
			wantHeader(t, send(h, "GET", "/"+query).Header(), "Content-Disposition", "attachment")
		}
		wantHeader(t, send(h, "GET", "/?download=0").Header(), "Content-Disposition", "inline")
	}
}

// Passive types keep theirs in a download, so that the right program opens it.
func TestDownloadsKeepPassiveTypes(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]string{
		"application/zip": "application/zip", "text/csv": "text/csv; charset=utf-8", "font/woff2": "font/woff2",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	} {
		s := newStore(t)
		w := send(serveRow(s.row(t, dossier.Record{ContentType: contentType}, "content"), filehttp.Config{}), "GET", "/")
		wantHeader(t, w.Header(), "Content-Type", want)
		wantHeader(t, w.Header(), "Content-Disposition", "attachment")
	}
}

// An allow-list of one's own takes the place of the default, and a developer who writes text/html gets it, sandboxed.
func TestInlineListIsTheDevelopers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		inline            []string
		contentType, want string
	}{
		{[]string{}, "image/png", "attachment"},
		{[]string{"Image/*"}, "image/png", "inline"},
		{[]string{"image/*"}, "image/svg+xml", "attachment"},
		{[]string{"image/*"}, "imagex/png", "attachment"},
		{[]string{"text/html"}, "text/html", "inline"},
		{[]string{"*/*"}, "text/html", "attachment"},
	} {
		s := newStore(t)
		h := serveRow(s.row(t, dossier.Record{ContentType: test.contentType}, "content"), filehttp.Config{Inline: test.inline})
		w := send(h, "GET", "/")
		wantHeader(t, w.Header(), "Content-Disposition", test.want)
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%v: not sandboxed", test)
		}
	}
}

// Whatever a file is called, its name stays inside the quotes of one header field and shows what it is.
func TestHostileFileNamesAreNeutralised(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10<<10) + ".pdf"
	for _, name := range []string{
		"a\r\nX-Evil: 1\r\n\r\n<script>", "a\nb", "a\x00b", `a"; filename="evil.exe`, `a\"b`, `\`, `"`, "../../etc/passwd", `..\..\x`, "/", "..", ".",
		"invoice\u202Efdp.exe", "a\u2066b\u2069", "a\u200Bb", "\ufeffa", "a\u2028b", "\xff\xfe", "a\xffb", long, strings.Repeat("日", 4000) + ".png",
		"%22%0d%0a", "a%2Fb", "a;b=c", "'", "``", "日本語.txt", "e\u0301", "   ", "\t", "CON", "*", strings.Repeat("(", 255), strings.Repeat("é", 500),
	} {
		s := newStore(t)
		server := serveAt(t, serveRow(s.row(t, dossier.Record{Filename: name}, "content"), filehttp.Config{}))
		status, header := raw(t, server, "GET / HTTP/1.1\r\nHost: test\r\n\r\n", waits)
		if status != 200 || header.Get("X-Evil") != "" || len(header["Content-Disposition"]) != 1 {
			t.Fatalf("%.40q: %d %v", name, status, header)
		}
		checkDisposition(t, name, header.Get("Content-Disposition"))
	}
}

// checkDisposition holds for the field of every name.
func checkDisposition(t *testing.T, name, value string) {
	t.Helper()
	disposition, params, err := mime.ParseMediaType(value)
	if err != nil || disposition != "attachment" || len(params) > 1 {
		t.Fatalf("%.40q: %q: %v", name, value, err)
	}
	sent := params["filename"]
	if !utf8.ValidString(sent) || strings.ContainsAny(sent, "/\\\r\n\x00") || sent == "." || sent == ".." ||
		strings.ContainsFunc(sent, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }) {
		t.Errorf("%.40q: the browser would see %q", name, sent)
	}
	if len(value) > 1024 || len(sent) > 200 || strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r > 0x7E }) {
		t.Errorf("%.40q: %d bytes, %q", name, len(value), value)
	}
	if strings.HasSuffix(name, ".pdf") && !strings.HasSuffix(sent, ".pdf") {
		t.Errorf("%.40q: the extension is gone: %q", name, sent)
	}
}

// FuzzContentDisposition proves the same for every name.
func FuzzContentDisposition(f *testing.F) {
	for _, name := range []string{"a.txt", "ü.pdf", "a\r\nb", `"`, "\xff", "../x"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		value := filehttp.ContentDisposition("attachment", name)
		if name == "" {
			return
		}
		name, _ = strings.CutSuffix(name, ".pdf") // of " .pdf" the extension is not one
		checkDisposition(t, name, value)
	})
}

// A file that shrinks while the kernel sends it breaks the connection: the client sees half a file as half a file.
func TestTruncatedFileBreaksTheConnection(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.folder = t.TempDir()
	h := serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{})
	truncating := &truncatingStore{s}
	registry := &dossier.Registry{}
	if err := registry.Register("files", truncating); err != nil {
		t.Fatal(err)
	}
	if status, body := fetch(t, "GET", serveAt(t, h), nil); status != 200 || body != alphabet {
		t.Fatalf("whole file: %d %q", status, body)
	}
	file := s.row(t, dossier.Record{}, alphabet).Bind(registry)
	if _, body := fetch(t, "GET", serveAt(t, serveRow(file, filehttp.Config{})), nil); !strings.Contains(body, "EOF") {
		t.Errorf("body %q", body)
	}
}

// truncatingStore cuts its file after it was opened.
type truncatingStore struct{ *fakeStore }

func (s *truncatingStore) Get(c ctx, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	object, err := s.fakeStore.Get(c, key, opts)
	if err != nil {
		return nil, err
	}
	file, _ := object.File()
	return object, os.Truncate(file.Name(), 10)
}

// No answer, of any status, goes out without the protecting fields.
func TestEveryAnswerIsProtected(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := serveRow(s.row(t, dossier.Record{ContentType: "image/png"}, alphabet), filehttp.Config{ResourcePolicy: "cross-origin"})
	etag := send(h, "HEAD", "/").Header().Get("ETag")
	for status, w := range map[int]*httptest.ResponseRecorder{
		200: send(h, "GET", "/"), 206: send(h, "GET", "/", "Range", "bytes=0-1"), 304: send(h, "GET", "/", "If-None-Match", etag),
		405: send(h, "PUT", "/"), 412: send(h, "GET", "/", "If-Match", `"x"`), 416: send(h, "GET", "/", "Range", "bytes=99-"),
		403: send(mounted(s, filehttp.SignedOptions{ResourcePolicy: "cross-origin"}), "GET", "/files/a"),
	} {
		wantStatus(t, w, status)
		wantHeader(t, w.Header(), "X-Content-Type-Options", "nosniff")
		wantHeader(t, w.Header(), "Referrer-Policy", "no-referrer")
		wantHeader(t, w.Header(), "Cross-Origin-Resource-Policy", "cross-origin")
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%d: no policy", status)
		}
	}
}
