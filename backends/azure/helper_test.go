package azure_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
)

// must returns a value that cannot fail here.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wants fails unless err is of a kind; nil means success.
func wants(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v; want an error that Is %v", what, err, kind)
	}
}

// endpoint is the account of the server of these tests: the URL, and the credentials.
func endpoint(t *testing.T) (base string, key *container.SharedKeyCredential) {
	t.Helper()
	store := os.Getenv("DOSSIER_TEST_AZURE")
	if store == "" {
		t.Skip("server: set DOSSIER_TEST_AZURE, AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY")
	}
	u := must[*url.URL](t)(url.Parse(store))
	key = must[*container.SharedKeyCredential](t)(
		container.NewSharedKeyCredential(os.Getenv("AZURE_STORAGE_ACCOUNT"), os.Getenv("AZURE_STORAGE_KEY")))
	return u.Query().Get("endpoint"), key
}

// options are those of a client with connections of its own, which end with the test.
func options(t *testing.T) *container.ClientOptions {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	o := &container.ClientOptions{}
	o.Transport = &http.Client{Transport: transport}
	o.Retry = policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: 10 * time.Millisecond}
	return o
}

// newContainer makes a container of its own for a test.
func newContainer(t *testing.T) *container.Client {
	t.Helper()
	base, key := endpoint(t)
	name := "t" + strings.ToLower(rand.Text())
	client := must[*container.Client](t)(container.NewClientWithSharedKeyCredential(base+"/"+name, key, options(t)))
	if _, err := client.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := client.Delete(t.Context(), nil); err != nil && t.Context().Err() == nil {
			t.Errorf("delete the container: %v", err)
		}
	})
	return client
}

// testConfig is what the tests' server needs: Azurite knows no CRC64.
func testConfig(t *testing.T) azure.Config {
	t.Helper()
	_, key := endpoint(t)
	return azure.Config{Checksum: azure.ChecksumMD5, SharedKey: key, PartSize: 64 << 10, Memory: 4 << 20}
}

// newStore is an empty store of its own.
func newStore(t *testing.T, change func(*azure.Config)) *azure.Backend {
	t.Helper()
	cfg := testConfig(t)
	if change != nil {
		change(&cfg)
	}
	return must[*azure.Backend](t)(azure.New(newContainer(t), cfg))
}

// pattern is content of a size in which no two blocks are alike.
func pattern(size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i>>16) ^ byte(i>>8)*7 ^ byte(i)
	}
	return content
}

// plain is content that can be read once, of unknown size.
func plain(content []byte) dossier.Source {
	return dossier.ReaderSource(struct{ io.Reader }{bytes.NewReader(content)}, -1)
}

// read returns the content of an object.
func read(t *testing.T, b dossier.Backend, key string) []byte {
	t.Helper()
	return must[[]byte](t)(dossier.ReadAll(t.Context(), b, key, 0))
}
