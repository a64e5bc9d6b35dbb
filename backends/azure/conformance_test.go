package azure_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
	"github.com/dossier-go/dossier/backends/backendtest"
)

// lacking says of every capability that the store does not have why.
var lacking = map[dossier.Capabilities]string{
	dossier.AtomicMove:    "the service has no rename",
	dossier.SignPost:      "the service has no signed forms",
	dossier.BindType:      "a service SAS does not cover the content type",
	dossier.BindLength:    "a service SAS does not cover the length",
	dossier.BindMaxLength: "a service SAS does not cover the length",
	dossier.BindChecksum:  "a service SAS does not cover checksums",
	dossier.StoresACL:     "the service has no access control lists of single objects",
}

// azureHarness opens stores over containers of their own.
type azureHarness struct {
	change  func(*azure.Config)
	clients map[dossier.Backend]*container.Client
}

func newHarness(change func(*azure.Config)) backendtest.Harness {
	h := &azureHarness{change, map[dossier.Backend]*container.Client{}}
	return backendtest.Harness{New: h.fresh, Reopen: h.reopen, Serve: h.serve, Small: true}
}

func (h *azureHarness) fresh(t *testing.T) dossier.Backend {
	t.Helper()
	return h.open(t, newContainer(t))
}

func (h *azureHarness) open(t *testing.T, client *container.Client) dossier.Backend {
	t.Helper()
	cfg := testConfig(t)
	if h.change != nil {
		h.change(&cfg)
	}
	b := must[*azure.Backend](t)(azure.New(client, cfg))
	h.clients[b] = client
	t.Cleanup(func() { delete(h.clients, b) })
	return b
}

func (h *azureHarness) reopen(t *testing.T, b dossier.Backend) dossier.Backend {
	t.Helper()
	return h.open(t, h.clients[b])
}

func (h *azureHarness) serve(t *testing.T, _ dossier.Backend) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// The store keeps every promise that lacking does not name. Not parallel: goroutines are counted.
func TestConformance(t *testing.T) {
	h := newHarness(nil)
	t.Run("capabilities", func(t *testing.T) {
		var without dossier.Capabilities
		for c := range lacking {
			without |= c
		}
		want := (dossier.StoresACL<<1 - 1) &^ without
		have := h.New(t).Describe().Capabilities
		if missing, more := want&^have, have&^want; missing|more != 0 {
			t.Errorf("missing: %v; not expected: %v", missing, more)
		}
	})
	backendtest.Run(t, h)
}
