package session_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A client uploads a scan straight to the store, and then sends the token with its form.
func ExampleManager_PrepareUpload() {
	ctx := context.Background()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "2026", Secret: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		log.Fatal(err)
	}
	m, _ := openExample(session.Options{Signer: signer})
	var files http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { files.ServeHTTP(w, r) }))
	defer server.Close()
	store := memory.New(memory.Config{Signer: signer, BaseURL: server.URL})
	files = filehttp.NewSignedHandler(store, signer, filehttp.SignedOptions{})
	m.Registry().Replace("scans", store)

	upload, err := m.PrepareUpload(ctx, fileobject.UploadRequest{
		Model: &Invoice{}, Field: "scan", Subject: "user 7", Filename: "scan.txt", Size: 5, ContentType: "text/plain",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(upload.Method, "create-only:", upload.Bound.CreateOnly)

	request, err := http.NewRequestWithContext(ctx, upload.Method, upload.URL, strings.NewReader("hello")) // the client's work
	if err != nil {
		log.Fatal(err)
	}
	request.Header = upload.Header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status, response.Body.Close())

	_, err = m.FromToken(ctx, upload.Token, "user 8", (*Invoice)(nil), "scan")
	fmt.Println(err)
	scan, err := m.FromToken(ctx, upload.Token, "user 7", (*Invoice)(nil), "scan")
	if err != nil {
		log.Fatal(err)
	}
	invoice := &Invoice{Number: "2026-1", Scan: scan}
	err = m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, invoice) })
	fmt.Println(invoice.Scan.Filename, invoice.Scan.Size, invoice.Scan.ContentType, err)
	// Output:
	// PUT create-only: true
	// 200 OK <nil>
	// file from token: bad signature: the token was made for another subject
	// scan.txt 5 text/plain; charset=utf-8 <nil>
}

// A scan that was cleared by mistake comes back, as long as its delete was not begun.
func ExampleManager_Undelete() {
	ctx := context.Background()
	m, _ := openExample(session.Options{})
	invoice := &Invoice{Number: "2026-1", Scan: fileobject.FromBytes("scan.txt", []byte("hello"), fileobject.Options{})}
	scan := invoice.Scan
	if err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, invoice) }); err != nil {
		log.Fatal(err)
	}
	invoice.Scan = nil
	if err := m.Run(ctx, func(ctx context.Context, s *session.Session) error { return s.Update(ctx, invoice, "scan") }); err != nil {
		log.Fatal(err)
	}
	err := m.Undelete(ctx, invoice, "scan", scan)
	fmt.Println(invoice.Scan.Filename, invoice.Scan.Size, err)
	// Output: scan.txt 5 <nil>
}
