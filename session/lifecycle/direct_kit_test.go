package lifecycle_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// clearing is a store that cannot bind what its capabilities do not say any more.
type clearing struct {
	dossier.Forward
	without dossier.Capabilities
}

func (c clearing) Describe() dossier.Description {
	d := c.Inner.Describe()
	d.Capabilities &^= c.without
	return d
}

// newDirectWorld is a world whose store takes signed uploads. What it cannot bind is left to the session.
func newDirectWorld(t testing.TB, with setup, cannot dossier.Capabilities) *world {
	t.Helper()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "test", Secret: bytes.Repeat([]byte{1}, 32)})
	must(t, err)
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	if with.options.Signer == nil {
		with.options.Signer = signer
	}
	with.local.Signer, with.local.BaseURL = signer, server.URL
	inner := with.wrap
	with.wrap = func(b dossier.Backend) dossier.Backend {
		if inner != nil {
			b = inner(b)
		}
		return clearing{dossier.Forward{Inner: b}, cannot}
	}
	w := newWorld(t, with)
	handler = filehttp.NewSignedHandler(w.store, signer, filehttp.SignedOptions{})
	return w
}

// onBothWays runs a test on each database, with a store that can make an upload create-only and with one that cannot.
func onBothWays(t *testing.T, test func(t *testing.T, cannot dossier.Capabilities)) {
	t.Helper()
	onEveryDatabase(t, func(t *testing.T) {
		t.Parallel()
		t.Run("create-only", func(t *testing.T) { test(t, 0) })
		t.Run("copied", func(t *testing.T) { test(t, dossier.BindIfAbsent) })
	})
}

// prepare asks for an upload of this content to documents.file by ann.
func (w *world) prepare(t testing.TB, content string, change ...func(*fileobject.UploadRequest)) fileobject.PreparedUpload {
	t.Helper()
	req := fileobject.UploadRequest{
		Model: (*document)(&document{}), Field: "file", Subject: "ann", Filename: "a.txt", Size: int64(len(content)), ContentType: "text/plain",
	}
	for _, fn := range change {
		fn(&req)
	}
	prepared, err := w.m.PrepareUpload(context.Background(), req)
	must(t, err)
	return prepared
}

// upload does what a browser would do with a prepared upload, and returns the status.
func upload(t testing.TB, p fileobject.PreparedUpload, content string) int {
	t.Helper()
	var body io.Reader = strings.NewReader(content)
	header := p.Header.Clone()
	if p.Method == "POST" {
		var form bytes.Buffer
		writer := multipart.NewWriter(&form)
		for _, field := range p.Fields {
			must(t, writer.WriteField(field.Name, field.Value))
		}
		part, err := writer.CreateFormFile("file", "a.txt")
		must(t, err)
		_, err = io.WriteString(part, content)
		must(t, err)
		must(t, writer.Close())
		body, header = &form, http.Header{"Content-Type": {writer.FormDataContentType()}}
	}
	r, err := http.NewRequestWithContext(context.Background(), p.Method, p.URL, body)
	must(t, err)
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, response.Body.Close())
	return response.StatusCode
}

// redeem makes a pending file of a token, for documents.file by ann.
func (w *world) redeem(t testing.TB, p fileobject.PreparedUpload) *fileobject.FileObject {
	t.Helper()
	f, err := w.m.FromToken(context.Background(), p.Token, "ann", (*document)(nil), "file")
	must(t, err)
	return f
}

// uploaded prepares and uploads this content, and returns the prepared upload.
func (w *world) uploaded(t testing.TB, content string) fileobject.PreparedUpload {
	t.Helper()
	p := w.prepare(t, content)
	if status := upload(t, p, content); status != http.StatusOK && status != http.StatusNoContent {
		t.Fatalf("upload: status %d", status)
	}
	return p
}

// save inserts a document with this file.
func (w *world) save(title string, f *fileobject.FileObject) (*document, error) {
	d := &document{Title: title, File: f}
	return d, w.m.Run(context.Background(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, d) })
}

// openKeys counts the keys that a signed request may still write.
func (w *world) openKeys(t testing.TB) int { return w.journal(t)["open"] }
