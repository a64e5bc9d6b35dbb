package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"testing"
)

// field is one part of a form: a file when it has a name.
type field struct{ name, filename, content string }

// upload sends a form.
func (s *service) upload(method, path string, fields ...field) reply {
	s.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for _, f := range fields {
		check(s.t, writeField(form, f))
	}
	check(s.t, form.Close())
	return s.do(method, path, &b, "Content-Type", form.FormDataContentType())
}

// writeField writes a part with exactly this file name, however hostile.
func writeField(form *multipart.Writer, f field) error {
	header := textproto.MIMEHeader{}
	disposition := fmt.Sprintf(`form-data; name=%q`, f.name)
	if f.filename != "" {
		disposition += `; filename="` + f.filename + `"`
		header.Set("Content-Type", "image/png") // a claim, which must not be believed
	}
	header.Set("Content-Disposition", disposition)
	w, err := form.CreatePart(header)
	if err != nil {
		return err
	}
	_, err = w.Write([]byte(f.content))
	return err
}

// create makes a document that must succeed.
func (s *service) create(fields ...field) documentView {
	s.t.Helper()
	return s.upload("POST", "/api/documents", fields...).document(http.StatusCreated)
}

// reply is a complete answer.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// document reads the answer as a document.
func (r reply) document(status int) documentView {
	r.t.Helper()
	var doc documentView
	r.into(status, &doc)
	return doc
}

func (r reply) into(status int, value any) {
	r.t.Helper()
	r.want(status)
	check(r.t, json.Unmarshal(r.body, value))
}

func (r reply) want(status int) {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
}

// wantProblem fails unless the answer is an error of this status as RFC 9457 has it, with words for people.
func (r reply) wantProblem(status int) {
	r.t.Helper()
	var p problem
	r.into(status, &p)
	if kind := r.header.Get("Content-Type"); kind != "application/problem+json" {
		r.t.Errorf("Content-Type %q", kind)
	}
	if p.Status != status || p.Title != http.StatusText(status) || p.Type != "about:blank" || p.Detail == "" {
		r.t.Errorf("problem %+v", p)
	}
}

// Contents that detectors know.
const (
	pngBytes  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	pdfBytes  = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
	htmlBytes = "<!doctype html><script>alert(document.domain)</script>"
)
