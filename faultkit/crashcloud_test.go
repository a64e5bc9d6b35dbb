package faultkit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/faultkit/inventory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/internal/filelock"
	"github.com/dossier-go/dossier/session"
)

// cloudStores are the stores of real servers by the variable that names them; scripts/servers starts them.
var cloudStores = map[string]string{
	"s3": "DOSSIER_TEST_S3", "s3 other": "DOSSIER_TEST_S3_OTHER", "gcs": "DOSSIER_TEST_GCS", "azure": "DOSSIER_TEST_AZURE",
}

// The promise does not depend on where the bytes are: the same harness with the same judge, over real servers of each
// kind. Multipart uploads that were cut off are among what must not be left over.
func TestNothingIsLostInCloudStoresWhenProcessesAreKilled(t *testing.T) {
	t.Parallel()
	if !filelock.Supported {
		t.Skip("platform: no file locks that end with their process")
	}
	for name, variable := range cloudStores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storeURL := os.Getenv(variable)
			if storeURL == "" {
				t.Skipf("server: %s is not set; scripts/servers starts one", variable)
			}
			newHarness(t, "sqlite", storeURL, cloudKills).play(1)
		})
	}
}

// withParameters adds parameters to the URL of a store.
func withParameters(storeURL, parameters string) string {
	if strings.Contains(storeURL, "?") {
		return storeURL + "&" + parameters
	}
	return storeURL + "?" + parameters
}

// freshStore is the URL of an empty part of a cloud store, or nothing for a folder.
func freshStore(storeURL string) string {
	if storeURL == "" {
		return ""
	}
	return withParameters(storeURL, "part_size=5MiB&prefix=crash-"+rand.Text())
}

func storeURLFile(dir string) string { return filepath.Join(dir, "store.url") }

func writeStoreURL(dir, storeURL string) error {
	return os.WriteFile(storeURLFile(dir), []byte(storeURL), 0o600)
}

// readStoreURL returns the URL of the world's cloud store, or nothing when it uses a folder.
func readStoreURL(dir string) (string, error) {
	text, err := os.ReadFile(storeURLFile(dir))
	return string(text), err
}

// inventory looks into the store of the world past all code that is tested. It is nil for a folder.
func (w *world) inventory(ctx context.Context) (faultkit.Inventory, error) {
	if w.url == "" {
		return nil, nil
	}
	u, err := url.Parse(w.url)
	if err != nil {
		return nil, err
	}
	return inventory.Open(ctx, w.url, u.Query().Get("prefix")+"/")
}

// leaveObject writes the bytes of an abandoned object into a cloud store.
func (w *world) leaveObject(ctx context.Context, key string) error {
	_, err := w.store.Put(ctx, key, dossier.BytesSource([]byte("left behind")), dossier.PutOptions{})
	return err
}

// cloudWorks are the works that only a store with multipart uploads does.
var cloudWorks = []work{
	{"insert large", application, run((*child).insertLarge)},
	{"large upload fails", application, run((*child).largeFails)},
}

// largeSize is more than one part of a cloud store.
const largeSize = 6 << 20

// insertLarge uploads a file in several parts.
func (c *child) insertLarge(ctx context.Context, s *session.Session) error {
	content := bytes.Repeat([]byte{'x'}, largeSize)
	return s.Insert(ctx, &document{Title: "large", Shelf: 1, File: fileobject.FromBytes("large.txt", content, fileobject.Options{})})
}

// largeFails breaks off an upload of several parts. The size is not declared, as with a stream.
func (c *child) largeFails(ctx context.Context, s *session.Session) error {
	content := io.MultiReader(bytes.NewReader(bytes.Repeat([]byte{'x'}, largeSize)), iotest.ErrReader(errDeliberate))
	return s.Stage(ctx, &document{Title: never, Shelf: 1, File: fileobject.FromReader("large.txt", content, fileobject.Options{})})
}
