package gcsfront_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier/tools/servers/gcsfront"
)

const bucket = "bucket"

// service is a front before an emulator with one empty bucket, on a real port.
type service struct {
	t       *testing.T
	front   *gcsfront.Front
	account *gcsfront.Account
	origin  string
}

func newService(t *testing.T) *service {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, origin: "http://" + listener.Addr().String()}
	emulator, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, Scheme: "http", PublicHost: listener.Addr().String(), ExternalURL: s.origin, Writer: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	emulator.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	if s.account, err = gcsfront.NewAccount(s.origin); err != nil {
		t.Fatal(err)
	}
	s.front = gcsfront.New(emulator.HTTPHandler(), s.account)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.front}}
	server.Start()
	t.Cleanup(server.Close)
	return s
}

// client is Google's client with the account's credentials.
func (s *service) client(options ...option.ClientOption) *storage.BucketHandle {
	s.t.Helper()
	options = append([]option.ClientOption{
		option.WithEndpoint(s.origin + "/storage/v1/"),
		option.WithAuthCredentialsJSON(option.ServiceAccount, s.account.Credentials()),
	}, options...)
	client, err := storage.NewClient(s.t.Context(), options...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { client.Close() })
	return client.Bucket(bucket)
}

// later sets the front's clock.
func (s *service) later(d time.Duration) {
	s.front.Now = func() time.Time { return time.Now().Add(d) }
}

// private is the account's key as PEM.
func (s *service) private() []byte {
	s.t.Helper()
	var file struct {
		Key string `json:"private_key"`
	}
	if err := json.Unmarshal(s.account.Credentials(), &file); err != nil {
		s.t.Fatal(err)
	}
	return []byte(file.Key)
}

// response is what a plain HTTP client gets.
type response struct {
	status int
	header http.Header
	body   string
}

// send sends a request as a browser would, without credentials. Headers are "Name: value".
func (s *service) send(method, url, body string, headers ...string) response {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response{answer.StatusCode, answer.Header, string(text)}
}

// want fails the test when an answer is another, and says what was asked for.
func (s *service) want(what string, got response, status int, code string) {
	s.t.Helper()
	if got.status != status || !strings.Contains(got.body, code) {
		s.t.Errorf("%s: %d %q; want %d %s", what, got.status, got.body, status, code)
	}
}

func (s *service) write(object, content string) *storage.ObjectAttrs {
	s.t.Helper()
	w := s.client().Object(object).NewWriter(s.t.Context())
	if _, err := io.WriteString(w, content); err != nil {
		s.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		s.t.Fatal(err)
	}
	return w.Attrs()
}

// content is what an object holds, "" if there is none.
func (s *service) content(object string) string {
	s.t.Helper()
	r, err := s.client().Object(object).NewReader(s.t.Context())
	if errors.Is(err, storage.ErrObjectNotExist) {
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func status(err error) int {
	var e *googleapi.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// The front must not stand in the way of what the emulator does right: Google's client writes, reads, lists and deletes
// names of all kinds through it.
func TestClientWorksThroughTheFront(t *testing.T) {
	t.Parallel()
	s := newService(t)
	client := s.client()
	for _, name := range []string{"a", "a/b", "ä ö+%2F?#&=", "x//y", "compose", "a/compose", "rewriteTo/b/c", "o/acl"} {
		s.write(name, "content of "+name)
		if got := s.content(name); got != "content of "+name {
			t.Errorf("%q holds %q", name, got)
		}
		if _, err := client.Object(name).Update(t.Context(), storage.ObjectAttrsToUpdate{ContentType: "text/x"}); err != nil {
			t.Errorf("updating %q: %v", name, err)
		}
		if _, err := client.Object("copy of " + name).CopierFrom(client.Object(name)).Run(t.Context()); err != nil {
			t.Errorf("copying %q: %v", name, err)
		}
		if got := s.content("copy of " + name); got != "content of "+name {
			t.Errorf("the copy of %q holds %q", name, got)
		}
		if err := client.Object(name).Delete(t.Context()); err != nil {
			t.Errorf("deleting %q: %v", name, err)
		}
		if got := s.content(name); got != "" {
			t.Errorf("%q is still there", name)
		}
	}
}

// An anonymous caller gets nothing, or a forgotten signature would pass every test; what is public is for everybody.
func TestAnonymousCallersAreRefused(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.write("private", "secret")
	s.want("reading", s.send("GET", s.origin+"/bucket/private", ""), 403, "AccessDenied")
	s.want("writing", s.send("PUT", s.origin+"/bucket/new", "x"), 403, "AccessDenied")
	s.want("deleting", s.send("DELETE", s.origin+"/bucket/private", ""), 403, "AccessDenied")
	s.want("posting", s.send("POST", s.origin+"/bucket/", "x"), 400, "MalformedPOSTRequest")
	s.want("listing", s.send("GET", s.origin+"/bucket", ""), 403, "AccessDenied")
	s.want("metadata", s.send("GET", s.origin+"/storage/v1/b/bucket/o/private", ""), 401, "required")
	s.want("media", s.send("GET", s.origin+"/storage/v1/b/bucket/o/private?alt=media", ""), 401, "required")
	s.want("uploading", s.send("POST", s.origin+"/upload/storage/v1/b/bucket/o?uploadType=media&name=n", "x"), 401, "required")
	s.want("internals", s.send("POST", s.origin+"/_internal/delete_all", ""), 404, "")
	w := s.client().Object("public").NewWriter(t.Context())
	w.PredefinedACL = "publicRead"
	w.Write([]byte("for all"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s.want("reading what is public", s.send("GET", s.origin+"/bucket/public", ""), 200, "for all")
}

// An object without a type is served as bytes, by GET and HEAD alike; OPTIONS is for the preflights of browsers only.
func TestTypesAndPreflights(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.want("storing", s.send("PUT", s.sign("PUT", "a", nil), "text"), 200, "")
	for _, method := range []string{"GET", "HEAD"} {
		got := s.send(method, s.sign(method, "a", nil), "")
		if name := got.header.Get("Content-Type"); got.status != 200 || name != "application/octet-stream" {
			t.Errorf("%s: %d %q", method, got.status, name)
		}
	}
	put := s.sign("PUT", "a", nil)
	s.want("OPTIONS", s.send("OPTIONS", put, ""), 405, "MethodNotAllowed")
	s.want("a preflight", s.send("OPTIONS", put, "", "Origin: http://a.test", "Access-Control-Request-Method: PUT"), 200, "")
}

// A request that breaks off must leave nothing, as with the real service.
func TestRequestThatBreaksOffStoresNothing(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	body, writer := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, s.sign("PUT", "cut", nil), body)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = 10 << 20
	go func() {
		writer.Write(bytes.Repeat([]byte("x"), 1<<20))
		cancel()
		writer.CloseWithError(ctx.Err())
	}()
	if answer, err := http.DefaultTransport.RoundTrip(request); err == nil {
		t.Errorf("the request that broke off was answered %s", answer.Status)
	}
	if got := s.content("cut"); got != "" {
		t.Errorf("%d bytes are stored", len(got))
	}
}
