package gcs_test

import (
	"context"
	"net/http"
	"testing"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/backendtest"
)

// promised is everything but what the store does not have.
const promised = (dossier.StoresACL<<1 - 1) &^ (dossier.AtomicMove | dossier.StoresTags | dossier.SignPart)

// TestConformance: the bucket keeps the promises of the contract. Not parallel: goroutines are counted.
func TestConformance(t *testing.T) {
	s := testServer(t)
	clients := map[dossier.Backend]*storage.Client{}
	t.Run("capabilities", func(t *testing.T) {
		have := s.fresh(t).Describe().Capabilities
		if missing, more := promised&^have, have&^promised; missing|more != 0 {
			t.Errorf("missing: %v; not expected: %v", missing, more)
		}
	})
	backendtest.Run(t, backendtest.Harness{
		New: func(t *testing.T) dossier.Backend {
			t.Helper()
			b := s.fresh(t)
			clients[b] = s.client(t)
			return b
		},
		Reopen: func(t *testing.T, b dossier.Backend) dossier.Backend {
			t.Helper()
			return s.backend(t, s.client(t), bucketOf(b))
		},
		Serve: serve,
		Leftovers: func(t *testing.T, b dossier.Backend) []string {
			t.Helper()
			return names(t, context.Background(), clients[b].Bucket(bucketOf(b)), dossier.ReservedSegment+"/")
		},
		Small: true,
	})
}

// serve reaches the store as it is.
func serve(t *testing.T, _ dossier.Backend) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
