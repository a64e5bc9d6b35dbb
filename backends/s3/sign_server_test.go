package s3_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// signServer is a real server, which judges what was signed.
type signServer struct {
	*testing.T
	options awss3.Options
	client  *awss3.Client
	bucket  string
	folder  string // of the test's own keys
	store   *s3.Backend
}

// onSignServers runs a test against every real server that there is.
func onSignServers(t *testing.T, run func(s *signServer)) {
	t.Helper()
	found := false
	for _, name := range []string{"DOSSIER_TEST_S3", "DOSSIER_TEST_S3_OTHER"} {
		if address := os.Getenv(name); address != "" {
			found = true
			t.Run(name, func(t *testing.T) { run(newSignServer(t, address)) })
		}
	}
	if !found {
		t.Skip("server: set DOSSIER_TEST_S3, or run scripts/test")
	}
}

func newSignServer(t *testing.T, address string) *signServer {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	options := awss3.Options{
		Region: query.Get("region"), BaseEndpoint: aws.String(query.Get("endpoint")), UsePathStyle: query.Get("path_style") == "true",
		Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	}
	s := &signServer{T: t, options: options, client: awss3.New(options), bucket: at.Host, folder: "sign-" + rand.Text() + "/"}
	s.store = s.signer(s3.Config{})
	t.Cleanup(s.empty)
	return s
}

func (s *signServer) signer(cfg s3.Config) *s3.Backend {
	s.Helper()
	store, err := s3.New(s.client, s.bucket, cfg)
	if err != nil {
		s.Fatal(err)
	}
	return store
}

// empty removes what the test made.
func (s *signServer) empty() {
	ctx := context.WithoutCancel(s.Context())
	listed, err := s.client.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &s.folder})
	if err != nil {
		s.Error(err)
		return
	}
	for _, object := range listed.Contents {
		if _, err := s.client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &s.bucket, Key: object.Key}); err != nil {
			s.Error(err)
		}
	}
}

// put stores an object without this package.
func (s *signServer) put(key, content string) {
	s.Helper()
	key = s.folder + key
	_, err := s.client.PutObject(s.Context(), &awss3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: strings.NewReader(content)})
	if err != nil {
		s.Fatal(err)
	}
}

// content reads an object without this package; "" and false when there is none.
func (s *signServer) content(key string) (string, *awss3.GetObjectOutput) {
	s.Helper()
	got, err := s.client.GetObject(s.Context(), &awss3.GetObjectInput{Bucket: &s.bucket, Key: aws.String(s.folder + key)})
	if missing := new(types.NoSuchKey); errors.As(err, &missing) {
		return "", nil
	}
	if err != nil {
		s.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		s.Fatal(err)
	}
	return string(text), got
}

func (s *signServer) holds(key, want string) {
	s.Helper()
	if got, _ := s.content(key); got != want {
		s.Errorf("%s holds %q, want %q", key, got, want)
	}
}

func (s *signServer) sign(req dossier.SignRequest) dossier.SignedRequest {
	s.Helper()
	req.Key = s.folder + req.Key
	if req.TTL == 0 {
		req.TTL = time.Hour
	}
	signed, err := s.store.SignURLs(s.Context(), []dossier.SignRequest{req})
	if err != nil {
		s.Fatalf("sign %+v: %v", req, err)
	}
	return signed[0]
}

// send sends what was signed, after change.
func (s *signServer) send(signed dossier.SignedRequest, body string, change func(*http.Request)) (int, http.Header, string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), signed.Method, signed.URL, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header = signed.Header.Clone()
	if change != nil {
		change(req)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return -1, nil, err.Error() // the server broke off
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return -1, nil, err.Error()
	}
	return answer.StatusCode, answer.Header, string(text)
}

// good reports whether the request was carried out; -1 is a server that broke off.
func good(status int) bool { return status >= 200 && status < 300 }

// refused sends a PUT that must not change "a".
func (s *signServer) refused(what string, signed dossier.SignedRequest, body string, change func(*http.Request)) {
	s.Helper()
	s.put("a", "old content")
	if status, _, answer := s.send(signed, body, change); good(status) {
		s.Errorf("%s: %d %s", what, status, answer)
	}
	s.holds("a", "old content")
}
