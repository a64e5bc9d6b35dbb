package lifecycle_test

import (
	"crypto/rand"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier/backends/all"
	"github.com/dossier-go/dossier/faultkit/inventory"
	"github.com/dossier-go/dossier/session"
)

// cloudStores are the stores of real servers by the variable that names them; scripts/servers starts them.
var cloudStores = map[string]string{
	"s3": "DOSSIER_TEST_S3", "s3 other": "DOSSIER_TEST_S3_OTHER", "gcs": "DOSSIER_TEST_GCS", "azure": "DOSSIER_TEST_AZURE",
}

// onEachCloudStore runs a test with every store whose server is there.
func onEachCloudStore(t *testing.T, test func(t *testing.T, storeURL string)) {
	t.Helper()
	for name, variable := range cloudStores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storeURL := os.Getenv(variable)
			if storeURL == "" {
				t.Skipf("server: %s is not set; scripts/servers starts one", variable)
			}
			test(t, storeURL)
		})
	}
}

// openCloudStore opens an empty part of a cloud store, and an inventory of it.
func (w *world) openCloudStore(t testing.TB, storeURL string) {
	t.Helper()
	mark := "?"
	if strings.Contains(storeURL, "?") {
		mark = "&"
	}
	prefix := "lifecycle-" + rand.Text()
	store, err := all.Open(t.Context(), storeURL+mark+"prefix="+prefix)
	must(t, err)
	t.Cleanup(func() {
		if err := store.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	w.store = store
	w.judge, err = inventory.Open(t.Context(), storeURL, prefix+"/")
	must(t, err)
}

func (w *world) cloudKeys(t testing.TB) []string {
	t.Helper()
	keys, leftover, err := w.judge.Objects(t.Context())
	must(t, err)
	if len(leftover) > 0 {
		t.Errorf("left over: %q", leftover)
	}
	return keys
}

func (w *world) cloudObject(t testing.TB, key string) string {
	t.Helper()
	object, err := w.judge.Open(t.Context(), key)
	must(t, err)
	defer object.Close()
	b, err := io.ReadAll(object)
	must(t, err)
	return string(b)
}

// Every row of the matrix holds wherever the bytes are.
func TestLifeCycleMatrixOnCloudStores(t *testing.T) {
	t.Parallel()
	onEachCloudStore(t, func(t *testing.T, storeURL string) {
		for _, c := range matrix() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				runMatrixCase(t, c, setup{options: session.Options{DeleteAfter: session.AtOnce}, url: storeURL})
			})
		}
	})
}

// Two hundred goroutines replace one file in a cloud store, as they do in a folder.
func TestConcurrentReplaceOnCloudStoresKeepsOneObject(t *testing.T) {
	t.Parallel()
	onEachCloudStore(t, func(t *testing.T, storeURL string) {
		replaceConcurrently(t, setup{options: session.Options{DeleteAfter: session.AtOnce, Lease: time.Minute}, url: storeURL}, 1)
	})
}

// onS3AndServers runs a test with files in S3 and rows on each database server.
func onS3AndServers(t *testing.T, test func(t *testing.T, storeURL string)) {
	t.Helper()
	storeURL := os.Getenv(cloudStores["s3"])
	if storeURL == "" {
		t.Skipf("server: %s is not set; scripts/servers starts one", cloudStores["s3"])
	}
	for _, name := range []string{"postgresql", "mariadb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, storeURL)
		})
	}
}

// Neither a row's server nor a file's matters to the other: what holds with SQLite or a folder holds with two servers. By
// default these are the cases of the matrix with triggers, with DOSSIER_LONG=1 all.
func TestLifeCycleMatrixOnS3AndServers(t *testing.T) {
	t.Parallel()
	onS3AndServers(t, func(t *testing.T, storeURL string) {
		for _, c := range matrix() {
			if !slices.Contains(underTriggers, c.name) && os.Getenv("DOSSIER_LONG") != "1" {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				runMatrixCase(t, c, setup{options: session.Options{DeleteAfter: session.AtOnce}, url: storeURL})
			})
		}
	})
}

// Two hundred goroutines replace one file, with two servers between them and their bytes.
func TestConcurrentReplaceOnS3AndServersKeepsOneObject(t *testing.T) {
	t.Parallel()
	onS3AndServers(t, func(t *testing.T, storeURL string) {
		replaceConcurrently(t, setup{options: session.Options{DeleteAfter: session.AtOnce, Lease: time.Minute}, url: storeURL}, 1)
	})
}
