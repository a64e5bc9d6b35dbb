package gcs_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/backendtest"
	"github.com/dossier-go/dossier/backends/gcs"
)

// promised is everything but what the store does not have.
const promised = (dossier.StoresACL<<1 - 1) &^ (dossier.AtomicMove | dossier.StoresTags | dossier.SignPart)

// TestConformance: the bucket keeps the promises of the contract. Not parallel: goroutines are counted.
func TestConformance(t *testing.T) {
	s := testServer(t)
	clients := map[dossier.Backend]*storage.Client{}
	lossy := map[dossier.Backend]bool{} // their network may fail for good while they remove what they need no more
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
		Network: func(t *testing.T) (dossier.Backend, *backendtest.Proxy) {
			t.Helper()
			bucket := bucketOf(s.fresh(t))
			through := s
			proxy := backendtest.NewProxy(t, s.endpoint)
			through.endpoint = proxy.URL()
			cfg := through.config(t).WithPause(time.Millisecond)
			cfg.StallTimeout = 500 * time.Millisecond
			patient, err := gcs.New(through.client(t), bucket, cfg)
			if err != nil {
				t.Fatal(err)
			}
			b := inChunks{patient}
			clients[b] = s.client(t)
			lossy[b] = true
			return b, proxy
		},
		Leftovers: func(t *testing.T, b dossier.Backend) []string {
			t.Helper()
			if lossy[b] {
				if _, err := b.(dossier.Reclaimer).Reclaim(context.Background(), 0); err != nil {
					t.Error(err)
				}
			}
			return names(t, context.Background(), clients[b].Bucket(bucketOf(b)), dossier.ReservedSegment+"/")
		},
		Small: true,
	})
}

// inChunks tells the suite how much a Put sends in several requests.
type inChunks struct{ *gcs.Backend }

// Describe gives the unit of chunks for that of parts, which the store does not have.
func (b inChunks) Describe() dossier.Description {
	d := b.Backend.Describe()
	d.Limits.MinPart = 256 << 10
	return d
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
