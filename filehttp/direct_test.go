package filehttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

// preparer remembers what it was asked.
type preparer struct {
	asked []fileobject.UploadRequest
	err   error
}

func (p *preparer) PrepareUpload(_ context.Context, req fileobject.UploadRequest) (fileobject.PreparedUpload, error) {
	p.asked = append(p.asked, req)
	return fileobject.PreparedUpload{
		Method: "PUT", URL: "https://store.example/key?signature=1", Token: "token", NotAfter: time.Unix(1800000000, 0),
		Header: http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"5"}, "If-None-Match": {"*"}},
		Fields: []dossier.FormField{{Name: "key", Value: "k"}},
	}, p.err
}

func ask(p *preparer, policy func(*http.Request, *fileobject.UploadRequest) error, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	if policy == nil {
		policy = func(_ *http.Request, req *fileobject.UploadRequest) error {
			req.Subject, req.Field = "ann", "file"
			return nil
		}
	}
	r := httptest.NewRequest("POST", "https://app.example/uploads", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	filehttp.NewDirectHandler(filehttp.DirectConfig{Preparer: p, Policy: policy}).ServeHTTP(w, r)
	return w
}

// The answer is all that a script needs to upload the file, and nothing that it may not set.
func TestDirectHandlerAnswersHowToUpload(t *testing.T) {
	t.Parallel()
	p := &preparer{}
	w := ask(p, nil, `{"name":"a.txt","size":5,"type":"text/plain","checksum":"crc32c:9a71bb4c"}`, nil)
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	want := fileobject.UploadRequest{
		Field: "file", Subject: "ann", Filename: "a.txt", Size: 5, ContentType: "text/plain", Checksum: "crc32c:9a71bb4c",
	}
	if len(p.asked) != 1 || p.asked[0] != want {
		t.Errorf("asked for %+v", p.asked)
	}
	var answer filehttp.DirectAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(answer); got != "{https://store.example/key?signature=1 PUT map[Content-Type:text/plain If-None-Match:*] "+
		"[{key k}] token 2027-01-15 08:00:00 +0000 UTC}" {
		t.Errorf("answer %s", got)
	}
	w = ask(p, nil, `{"name":"empty","size":0}`, nil)
	if w.Code != http.StatusOK || p.asked[1].Size != -1 {
		t.Errorf("an empty file: %d, asked for %+v", w.Code, p.asked[1])
	}
}

// A question that is not exactly one is refused before anybody decides on it: what a reader overlooks is where an attack hides.
func TestDirectHandlerRefusesOtherQuestions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body   string
		change func(*http.Request)
		status int
	}{
		"nothing":         {"", nil, 400},
		"no object":       {`[]`, nil, 400},
		"null":            {`null`, nil, 400},
		"no name":         {`{"size":1}`, nil, 400},
		"no size":         {`{"name":"a"}`, nil, 400},
		"negative size":   {`{"name":"a","size":-1}`, nil, 400},
		"half a byte":     {`{"name":"a","size":1.5}`, nil, 400},
		"a subject":       {`{"name":"a","size":1,"subject":"bob"}`, nil, 400},
		"a key":           {`{"name":"a","size":1,"to_filename":"other/key"}`, nil, 400},
		"metadata":        {`{"name":"a","size":1,"metadata":{"identified":true}}`, nil, 400},
		"more behind":     {`{"name":"a","size":1}{"name":"b","size":1}`, nil, 400},
		"text behind":     {`{"name":"a","size":1} x`, nil, 400},
		"huge":            {`{"name":"` + strings.Repeat("a", 20<<10) + `","size":1}`, nil, 413},
		"a form":          {`{"name":"a","size":1}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415},
		"no type":         {`{"name":"a","size":1}`, func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
		"compressed":      {`{"name":"a","size":1}`, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 415},
		"another method":  {`{"name":"a","size":1}`, func(r *http.Request) { r.Method = "PUT" }, 405},
		"another site":    {`{"name":"a","size":1}`, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"another origin":  {`{"name":"a","size":1}`, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		"the same origin": {`{"name":"a","size":1}`, func(r *http.Request) { r.Header.Set("Origin", "https://app.example") }, 200},
	} {
		p := &preparer{}
		decided := false
		w := ask(p, func(*http.Request, *fileobject.UploadRequest) error {
			decided = true
			return nil
		}, test.body, test.change)
		if w.Code != test.status || decided != (test.status == 200) || len(p.asked) > 0 != (test.status == 200) {
			t.Errorf("%s: %d %s; decided %v", name, w.Code, w.Body, decided)
		}
	}
}

// Nobody uploads without the policy's word, and the answer says no more than its status.
func TestDirectHandlerAsksThePolicy(t *testing.T) {
	t.Parallel()
	for err, status := range map[error]int{
		dossier.ErrUnauthenticated: 401, dossier.ErrPermission: 403, dossier.ErrTooLarge: 413, dossier.ErrThrottled: 503,
	} {
		p := &preparer{}
		w := ask(p, func(*http.Request, *fileobject.UploadRequest) error { return fmt.Errorf("secret reason: %w", err) }, `{"name":"a","size":1}`, nil)
		if w.Code != status || len(p.asked) > 0 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: %d %s, asked %d times", err, w.Code, w.Body, len(p.asked))
		}
	}
	w := ask(&preparer{err: fmt.Errorf("secret-bucket: %w", dossier.ErrType)}, nil, `{"name":"a","size":1}`, nil)
	if w.Code != http.StatusUnsupportedMediaType || strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "token") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// An endpoint without a policy would be a store for everybody.
func TestDirectHandlerHasNoOpenDefault(t *testing.T) {
	t.Parallel()
	for _, cfg := range []filehttp.DirectConfig{
		{}, {Preparer: &preparer{}}, {Policy: func(*http.Request, *fileobject.UploadRequest) error { return nil }},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v: no panic", cfg)
				}
			}()
			filehttp.NewDirectHandler(cfg)
		}()
	}
}
