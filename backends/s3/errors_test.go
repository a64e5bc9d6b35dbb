package s3_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// answering is a backend whose server answers every request alike.
func answering(t *testing.T, status int, code string, header ...string) *s3.Backend {
	t.Helper()
	m := newModel(t)
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		if r.Method == http.MethodHead || code == "" {
			w.WriteHeader(status)
			return true
		}
		refuse(w, status, code)
		return true
	})
	return m.backend(t, s3.Config{})
}

// calls are operations with one key, by name.
func calls(ctx context.Context, b *s3.Backend) map[string]func() error {
	return map[string]func() error{
		"stat": func() error { _, err := b.Stat(ctx, "a"); return err },
		"get":  func() error { _, err := b.Get(ctx, "a", dossier.GetOptions{}); return err },
		"put": func() error {
			_, err := b.Put(ctx, "a", dossier.BytesSource([]byte("content")), dossier.PutOptions{})
			return err
		},
		"delete": func() error { return b.Delete(ctx, "a", dossier.DeleteOptions{}) },
		"copy":   func() error { _, err := b.Copy(ctx, "b", "a", dossier.CopyOptions{}); return err },
		"list": func() error {
			for _, err := range b.List(ctx, dossier.ListOptions{}) {
				return err
			}
			return nil
		},
		"batch": func() error {
			for _, err := range b.DeleteBatch(ctx, func(yield func(string) bool) { yield("a") }) {
				return err
			}
			return nil
		},
	}
}

// Every answer that says what is wrong becomes the error of that kind, in every operation, and none but the positive one
// becomes "not found": whoever takes an outage for a missing object writes it again or forgets it.
func TestAnswersAreToldApart(t *testing.T) {
	for _, row := range []struct {
		status    int
		code      string
		want      error
		retryable bool
	}{
		{404, "NoSuchBucket", dossier.ErrNoContainer, false},
		{404, "XAdminUserNotFound", dossier.ErrUnauthenticated, false},
		{403, "AccessDenied", dossier.ErrPermission, false},
		{403, "InvalidAccessKeyId", dossier.ErrUnauthenticated, false},
		{403, "SignatureDoesNotMatch", dossier.ErrUnauthenticated, false},
		{400, "ExpiredToken", dossier.ErrUnauthenticated, false},
		{403, "RequestTimeTooSkewed", dossier.ErrUnauthenticated, false},
		{301, "PermanentRedirect", dossier.ErrInvalid, false},
		{400, "AuthorizationHeaderMalformed", dossier.ErrInvalid, false},
		{503, "SlowDown", dossier.ErrThrottled, true},
		{429, "TooManyRequests", dossier.ErrThrottled, true},
		{500, "InternalError", dossier.ErrUnavailable, true},
	} {
		b := answering(t, row.status, row.code, "Retry-After", "7", "X-Amz-Bucket-Region", "eu-west-1")
		for name, call := range calls(t.Context(), b) {
			err := call()
			var e *dossier.Error
			if !errors.As(err, &e) {
				t.Errorf("%s, %s: %v is no *dossier.Error", row.code, name, err)
				continue
			}
			if e.Kind != row.want || errors.Is(err, dossier.ErrNotExist) {
				t.Errorf("%s, %s: kind %v, want %v: %v", row.code, name, e.Kind, row.want, err)
			}
			if e.Retryable != row.retryable || e.Status != row.status && name != "batch" {
				t.Errorf("%s, %s: retryable %v, status %d", row.code, name, e.Retryable, e.Status)
			}
			if name == "get" && (e.RequestID != "REQUEST-1" || e.RetryAfter != 7*time.Second) {
				t.Errorf("%s: request %q, retry after %v", row.code, e.RequestID, e.RetryAfter)
			}
			if row.want == dossier.ErrInvalid && name == "get" && !strings.Contains(err.Error(), "eu-west-1") {
				t.Errorf("%s does not say in which region the bucket is: %v", row.code, err)
			}
			if (row.code == "ExpiredToken") != errors.Is(err, dossier.ErrExpired) {
				t.Errorf("%s, %s: ErrExpired is %v", row.code, name, errors.Is(err, dossier.ErrExpired))
			}
		}
	}
}

// A 404 that does not come from an object store, as of a proxy or a web server, says nothing about an object.
func TestForeignNotFoundIsNotNotExist(t *testing.T) {
	b := answering(t, http.StatusNotFound, "")
	for name, call := range calls(t.Context(), b) {
		if err := call(); errors.Is(err, dossier.ErrNotExist) || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The answer to a HEAD has no body; what is wrong is asked for.
func TestHeadIsExplained(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	if _, err := b.Stat(t.Context(), "missing"); !errors.Is(err, dossier.ErrNotExist) {
		t.Errorf("a missing key: %v", err)
	}
	other, err := s3.New(modelClient(m.url), "other", s3.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Stat(t.Context(), "a"); !errors.Is(err, dossier.ErrNoContainer) || errors.Is(err, dossier.ErrNotExist) {
		t.Errorf("a missing bucket: %v; want ErrNoContainer", err)
	}
	mustPut(t, b, "empty", "")
	m.breaks(once(method(http.MethodHead), func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.WriteHeader(http.StatusNotFound)
	}))
	if _, err := b.Stat(t.Context(), "empty"); err != nil {
		t.Errorf("an object that came just now: %v", err)
	}
}

// An outage has its network error inside, is never "not found", and says whether trying again may help.
func TestOutagesAreUnavailable(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	tls.Config.ErrorLog = nil
	t.Cleanup(tls.Close)
	for name, endpoint := range map[string]string{
		"refused": closed.URL, "DNS": "http://dossier.invalid", "TLS": tls.URL,
	} {
		b, err := s3.New(modelClient(endpoint), "bucket", s3.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for call, do := range calls(t.Context(), b) {
			err := do()
			var e *dossier.Error
			if !errors.As(err, &e) || e.Kind != dossier.ErrUnavailable || errors.Is(err, dossier.ErrNotExist) ||
				e.Outcome != dossier.OutcomeNotApplied {
				t.Errorf("%s, %s: %v; want ErrUnavailable, nothing applied", name, call, err)
			}
			if e != nil && name != "DNS" && e.Retryable != (name == "refused") { // a resolver may say "not now"
				t.Errorf("%s, %s: retryable %v", name, call, e.Retryable)
			}
			var dial *net.OpError
			var lookup *net.DNSError
			if name == "refused" && !errors.As(err, &dial) || name == "DNS" && !errors.As(err, &lookup) {
				t.Errorf("%s, %s: the cause is not inside %v", name, call, err)
			}
		}
	}
}

// Without credentials nothing is asked, and the error says that they are missing rather than that the store is down.
func TestMissingCredentials(t *testing.T) {
	m := newModel(t)
	client := modelClient(m.url, func(o *awss3.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, &net.OpError{Op: "dial", Err: errors.New("no metadata service")}
		})
	})
	b, err := s3.New(client, "bucket", s3.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range calls(t.Context(), b) {
		if err := call(); !errors.Is(err, dossier.ErrUnauthenticated) {
			t.Errorf("%s: %v; want ErrUnauthenticated", name, err)
		}
	}
	if len(m.requests) > 0 {
		t.Errorf("%d requests were made", len(m.requests))
	}
}

// New refuses what cannot work before anything is asked.
func TestNewRefusesBadConfiguration(t *testing.T) {
	client := modelClient("http://127.0.0.1:1")
	for what, cfg := range map[string]s3.Config{
		"small parts": {PartSize: 1 << 20}, "huge parts": {PartSize: 6 << 30}, "little memory": {Memory: 8 << 20},
		"negative parallel": {Parallel: -1}, "checksum": {Checksum: "md5"}, "batch": {DeleteBatch: "all"},
		"encryption": {SSE: s3.Encryption{Algorithm: "rot13"}}, "key without KMS": {SSE: s3.Encryption{KMSKeyID: "k"}},
		"short key": {SSE: s3.Encryption{CustomerKey: []byte("short")}}, "class": {Class: "a b"},
		"public URL": {PublicURL: "/relative"}, "tags": {Tags: map[string]string{"": "x"}},
	} {
		if _, err := s3.New(client, "bucket", cfg); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%s: %v; want ErrInvalid", what, err)
		}
	}
	for _, bucket := range []string{"", ".", "..", "a/b", "a b", "a?b", strings.Repeat("x", 300)} {
		if _, err := s3.New(client, bucket, s3.Config{}); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("bucket %q: %v; want ErrInvalid", bucket, err)
		}
	}
	if _, err := s3.New(nil, "bucket", s3.Config{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("no client: %v", err)
	}
}

// Nothing prints a customer key.
func TestCustomerKeyIsNotPrinted(t *testing.T) {
	secret := strings.Repeat("S", 32)
	cfg := s3.Config{SSE: s3.Encryption{CustomerKey: []byte(secret)}}
	for _, text := range []string{cfg.SSE.String(), cfg.SSE.GoString()} {
		if strings.Contains(text, secret) {
			t.Errorf("the key is in %q", text)
		}
	}
}
