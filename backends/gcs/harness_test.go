package gcs_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"
	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"STORAGE_EMULATOR_HOST", gcs.AccessIDVariable, gcs.SecretVariable} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// server is the one that DOSSIER_TEST_GCS names.
type server struct {
	endpoint    string
	credentials *auth.Credentials // nil: anonymous
}

func testServer(t *testing.T) server {
	t.Helper()
	at := os.Getenv("DOSSIER_TEST_GCS")
	if at == "" {
		t.Skip("server: set DOSSIER_TEST_GCS to the URL of a store for tests")
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal("DOSSIER_TEST_GCS is no URL")
	}
	s := server{endpoint: u.Query().Get("endpoint")}
	if os.Getenv("GOOGLE_APPLICATION_CREDENTIALS") != "" {
		s.credentials, err = credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{storage.ScopeFullControl}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.credentials.Token(t.Context()); err != nil { // its connection is there before goroutines are counted
			t.Fatal(err)
		}
	}
	return s
}

// client returns a client with connections of its own, so that none are left after the test.
func (s server) client(t *testing.T) *storage.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return s.clientOver(t, transport)
}

func (s server) clientOver(t *testing.T, transport http.RoundTripper) *storage.Client {
	t.Helper()
	var opts []option.ClientOption
	if s.endpoint != "" {
		opts = append(opts, option.WithEndpoint(s.endpoint+"/storage/v1/"))
	}
	httpClient := &http.Client{Transport: transport}
	if s.credentials != nil {
		var err error
		httpClient, err = httptransport.NewClient(&httptransport.Options{Credentials: s.credentials, BaseRoundTripper: transport})
		if err != nil {
			t.Fatal(err)
		}
	}
	client, err := storage.NewClient(t.Context(), append(opts, option.WithHTTPClient(httpClient))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// config signs with the key of the credentials, or with any key for a server that does not look at it.
func (s server) config(t *testing.T) gcs.Config {
	t.Helper()
	cfg := gcs.Config{Endpoint: s.endpoint, Credentials: s.credentials, PartSize: 256 << 10, Memory: 1 << 20}
	if s.credentials == nil {
		cfg.SigningKey, cfg.SigningAccount = anyKey(), testAccount
	}
	return cfg
}

const testAccount = "signer@project.iam.gserviceaccount.com"

// anyKey is one RSA key for all tests of the process, since making one takes a while.
var anyKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

// fresh returns the backend of a new bucket.
func (s server) fresh(t *testing.T) dossier.Backend {
	t.Helper()
	client := s.client(t)
	name := "dossier-" + strings.ToLower(rand.Text()[:16])
	if err := client.Bucket(name).Create(t.Context(), "project", nil); err != nil {
		t.Fatalf("create the bucket: %v", err)
	}
	t.Cleanup(func() { empty(t, client.Bucket(name)) })
	return s.backend(t, client, name)
}

func (s server) backend(t *testing.T, client *storage.Client, bucket string) *gcs.Backend {
	t.Helper()
	b, err := gcs.New(client, bucket, s.config(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bucketOf is the last part of the identity of a store.
func bucketOf(b dossier.Backend) string {
	store := b.Describe().Store
	return store[strings.LastIndexAny(store, "/:")+1:]
}

func empty(t *testing.T, bucket *storage.BucketHandle) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, name := range names(t, ctx, bucket, "") {
		if err := bucket.Object(name).Delete(ctx); err != nil {
			t.Errorf("clean up: %v", err)
		}
	}
	if err := bucket.Delete(ctx); err != nil {
		t.Errorf("clean up: %v", err)
	}
}

func names(t *testing.T, ctx context.Context, bucket *storage.BucketHandle, prefix string) (all []string) { //nolint:revive // the test comes first
	t.Helper()
	for objects := bucket.Objects(ctx, &storage.Query{Prefix: prefix}); ; {
		attrs, err := objects.Next()
		if errors.Is(err, iterator.Done) {
			return all
		}
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		all = append(all, attrs.Name)
	}
}
