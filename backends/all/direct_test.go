package all_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"
)

// letter is the row that takes direct uploads.
type letter struct {
	ID    int64                  `bun:"id,pk,autoincrement"`
	File  *fileobject.FileObject `bun:"file" file:"uploads,max:1KiB,accept:text/plain"`
	Extra *fileobject.FileObject `bun:"extra" file:"uploads,max:1KiB,accept:text/plain"`
}

// letterbox is an application with direct uploads, and a browser in front of it.
type letterbox struct {
	*testing.T
	m      *session.Manager
	store  dossier.Backend
	server *httptest.Server
	ttl    time.Duration
}

func newLetterbox(t *testing.T, store dossier.Backend) *letterbox {
	t.Helper()
	b := &letterbox{T: t, store: store}
	registry := &dossier.Registry{}
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "tokens", Secret: bytes.Repeat([]byte{3}, 32)})
	b.check(err, registry.Register("uploads", store))
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	b.check(err)
	t.Cleanup(func() { b.check(pool.Close()) })
	b.m, err = session.New(bun.NewDB(pool, sqlitedialect.New()), session.Options{Registry: registry, Signer: signer})
	b.check(err, b.m.Register((*letter)(nil)), b.m.CreateSchema(t.Context()))
	mux := http.NewServeMux()
	mux.Handle("POST /uploads", filehttp.NewDirectHandler(filehttp.DirectConfig{
		Preparer: b.m,
		Policy: func(r *http.Request, req *fileobject.UploadRequest) error {
			req.Model, req.Field, req.Subject, req.TTL = &letter{}, "file", r.Header.Get("User"), b.ttl
			req.Form = r.Header.Get("Form") != ""
			return nil
		},
	}))
	mux.HandleFunc("POST /letters/{field}", b.receive)
	b.server = httptest.NewServer(mux)
	t.Cleanup(b.server.Close)
	return b
}

// receive is the application's own form: a token becomes a file, and a row takes it.
func (b *letterbox) receive(w http.ResponseWriter, r *http.Request) {
	f, err := b.m.FromToken(r.Context(), r.FormValue("token"), r.Header.Get("User"), (*letter)(nil), r.PathValue("field"))
	if err == nil {
		row := &letter{File: f}
		err = b.m.Run(r.Context(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, row) })
	}
	if err != nil {
		http.Error(w, err.Error(), filehttp.StatusOf(err))
	}
}

func (b *letterbox) check(errs ...error) {
	b.Helper()
	for _, err := range errs {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// send makes a request as user and returns status and body.
func (b *letterbox) send(method, rawURL, body string, header map[string]string) (int, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, rawURL, strings.NewReader(body))
	b.check(err)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return -1, err.Error() // the server broke off
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// ask is the browser's question for a text of five bytes.
func (b *letterbox) ask(form string) filehttp.DirectAnswer {
	b.Helper()
	return b.askWith(form, "")
}

// askWith also declares a checksum.
func (b *letterbox) askWith(form, checksum string) filehttp.DirectAnswer {
	b.Helper()
	status, text := b.send("POST", b.server.URL+"/uploads", `{"name":"a.txt","size":5,"type":"text/plain","checksum":"`+checksum+`"}`,
		map[string]string{"Content-Type": "application/json", "User": "ann", "Form": form})
	var answer filehttp.DirectAnswer
	if status != http.StatusOK {
		b.Fatalf("ask: %d %s", status, text)
	}
	b.check(json.Unmarshal([]byte(text), &answer))
	return answer
}

// upload sends the file as the answer says.
func (b *letterbox) upload(a filehttp.DirectAnswer, content string) int {
	b.Helper()
	if a.Method == "PUT" {
		status, _ := b.send("PUT", a.URL, content, a.Header)
		return status
	}
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	for _, field := range a.Fields {
		b.check(writer.WriteField(field.Name, field.Value))
	}
	part, err := writer.CreateFormFile("file", "a.txt")
	b.check(err)
	_, err = io.WriteString(part, content)
	b.check(err, writer.Close())
	status, _ := b.send("POST", a.URL, form.String(), map[string]string{"Content-Type": writer.FormDataContentType()})
	return status
}

// submit sends the application's form.
func (b *letterbox) submit(a filehttp.DirectAnswer, user, field string) int {
	b.Helper()
	status, text := b.send("POST", b.server.URL+"/letters/"+field, "token="+a.Token,
		map[string]string{"Content-Type": "application/x-www-form-urlencoded", "User": user})
	if status >= 500 {
		b.Errorf("submit: %d %s", status, text)
	}
	return status
}

// letters reads all rows.
func (b *letterbox) letters() []letter {
	b.Helper()
	var rows []letter
	b.check(b.m.DB().NewSelect().Model(&rows).Order("id").Scan(b.Context()))
	return rows
}

// wantOnlyHello fails unless every row holds exactly what was declared, whatever the client did.
func (b *letterbox) wantOnlyHello(what string) {
	b.Helper()
	for _, row := range b.letters() {
		content, err := row.File.Content(b.Context())
		b.check(err, row.File.Verify(b.Context()))
		if string(content) != "hello" || row.File.Size != 5 || !strings.HasPrefix(row.File.ContentType, "text/plain") {
			b.Errorf("%s: the row holds %q, %+v", what, content, row.File.Record)
		}
		info, err := b.store.Stat(b.Context(), row.File.Key)
		b.check(err)
		if strings.Contains(info.Header.ContentType, "html") {
			b.Errorf("%s: the store serves it as %s", what, info.Header.ContentType)
		}
	}
}

// A browser uploads straight to each store, by PUT and by form, and a row takes it; and whatever it does beside what it was
// given is refused, by the store or before the row.
func TestDirectUploadsFromABrowser(t *testing.T) {
	t.Parallel()
	for _, one := range signingStores {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			s := &signing{T: t}
			b := newLetterbox(t, s.openStore(one.name, one.variable))
			b.checkWays()
			b.checkBroken()
			b.checkChecksums()
			b.checkTokens()
			b.checkRepeated()
			b.checkLate()
		})
	}
}

func (b *letterbox) checkWays() {
	b.Helper()
	forms := []string{""}
	if b.store.Describe().Capabilities.Has(dossier.SignPost) {
		forms = append(forms, "yes")
	}
	for i, form := range forms {
		a := b.ask(form)
		if status := b.upload(a, "hello"); status < 200 || status >= 300 {
			b.Errorf("%s: %d", a.Method, status)
		}
		if status := b.submit(a, "ann", "file"); status != http.StatusOK || len(b.letters()) != i+1 {
			b.Errorf("%s: submit %d, %d rows", a.Method, status, len(b.letters()))
		}
		if status := b.submit(a, "ann", "file"); status != http.StatusConflict {
			b.Errorf("%s: the same token again: %d", a.Method, status)
		}
		b.wantOnlyHello(a.Method)
	}
}

// checkBroken breaks what was given, one thing at a time.
func (b *letterbox) checkBroken() {
	b.Helper()
	for name, do := range map[string]func(a *filehttp.DirectAnswer){
		"nothing":      func(*filehttp.DirectAnswer) {},
		"larger":       func(a *filehttp.DirectAnswer) { b.upload(*a, "hello!") },
		"smaller":      func(a *filehttp.DirectAnswer) { b.upload(*a, "hell") },
		"huge":         func(a *filehttp.DirectAnswer) { b.upload(*a, strings.Repeat("x", 4096)) },
		"another type": func(a *filehttp.DirectAnswer) { a.Header["Content-Type"] = "text/html"; b.upload(*a, "hello") },
		"other bytes":  func(a *filehttp.DirectAnswer) { b.upload(*a, "<?xml") },
		"another key": func(a *filehttp.DirectAnswer) {
			a.URL = strings.Replace(a.URL, "letters/file/", "letters/file/0", 1)
			b.upload(*a, "hello")
		},
		"another method": func(a *filehttp.DirectAnswer) { b.send("POST", a.URL, "hello", a.Header) },
		"reading":        func(a *filehttp.DirectAnswer) { b.send("GET", a.URL, "", nil) },
	} {
		before := len(b.letters())
		a := b.ask("")
		do(&a)
		status := b.submit(a, "ann", "file")
		if took := len(b.letters()) > before; took != (status == http.StatusOK) || took && name != "another type" {
			b.Errorf("%s: submit %d, %d rows", name, status, len(b.letters())-before)
		}
		b.wantOnlyHello(name)
	}
}

// checkChecksums declares a checksum: the store refuses other bytes, or the row does.
func (b *letterbox) checkChecksums() {
	b.Helper()
	for _, sum := range []string{"crc32c:9a71bb4c", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("hello")))} {
		for content, want := range map[string]bool{"hello": true, "HELLO": false} {
			before := len(b.letters())
			a := b.askWith("", sum)
			b.upload(a, content)
			if status := b.submit(a, "ann", "file"); (status == http.StatusOK) != want || len(b.letters()) > before != want {
				b.Errorf("%s with %s: %d", content, sum, status)
			}
		}
	}
	b.wantOnlyHello("with a checksum")
}

// checkTokens redeems what is not one's own.
func (b *letterbox) checkTokens() {
	b.Helper()
	a := b.ask("")
	b.upload(a, "hello")
	before := len(b.letters())
	broken := a
	broken.Token = strings.Replace(a.Token, ".", ".1", 1)
	for name, status := range map[string]int{
		"another subject": b.submit(a, "bob", "file"), "no subject": b.submit(a, "", "file"), "another field": b.submit(a, "ann", "extra"),
		"broken": b.submit(broken, "ann", "file"),
	} {
		if status != http.StatusForbidden || len(b.letters()) != before {
			b.Errorf("%s: %d", name, status)
		}
	}
	if status := b.submit(a, "ann", "file"); status != http.StatusOK {
		b.Errorf("the owner afterwards: %d", status)
	}
}

// checkRepeated uploads again after a row took the file: other bytes of the same size.
func (b *letterbox) checkRepeated() {
	b.Helper()
	a := b.ask("")
	b.upload(a, "hello")
	b.submit(a, "ann", "file")
	b.upload(a, "HELLO")
	b.wantOnlyHello("uploaded again")
	_, err := b.m.Sweep(b.Context(), journal.SweepOptions{})
	b.check(err)
	b.wantOnlyHello("after a sweep")
}

// checkLate uploads after the end.
func (b *letterbox) checkLate() {
	b.Helper()
	b.ttl = time.Second
	a := b.ask("")
	timer := time.NewTimer(time.Until(a.Expires) + 1500*time.Millisecond) // servers count in whole seconds
	defer timer.Stop()
	<-timer.C
	before := len(b.letters())
	if status := b.upload(a, "hello"); status >= 200 && status < 300 {
		b.Errorf("uploaded after the end: %d", status)
	}
	if status := b.submit(a, "ann", "file"); status != http.StatusNotFound || len(b.letters()) != before {
		b.Errorf("submit after the end: %d", status)
	}
}
