package azure_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
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

// protocol is what a shared access signature grants and what it does not cover.
var protocol = backendtest.Protocol{
	GetServesHead:     true, // it grants the permission to read, not a method
	IgnoresParameters: true, // it covers the parameters that the service knows
	LateParts:         true, // blocks can be staged under any name at any time; the service has no uploads
}

// azureHarness opens stores over containers of their own.
type azureHarness struct {
	clients map[dossier.Backend]*container.Client
}

func newHarness() backendtest.Harness {
	h := &azureHarness{map[dossier.Backend]*container.Client{}}
	return backendtest.Harness{
		New: h.fresh, Reopen: h.reopen, Serve: h.serve, Corrupt: h.corrupt, Network: h.network, Small: true,
		Protocol: protocol,
	}
}

func (h *azureHarness) fresh(t *testing.T) dossier.Backend {
	t.Helper()
	return h.open(t, newContainer(t))
}

func (h *azureHarness) open(t *testing.T, client *container.Client) dossier.Backend {
	t.Helper()
	b := must[*azure.Backend](t)(azure.New(client, testConfig(t)))
	h.clients[b] = client
	t.Cleanup(func() { delete(h.clients, b) })
	return b
}

func (h *azureHarness) reopen(t *testing.T, b dossier.Backend) dossier.Backend {
	t.Helper()
	return h.open(t, h.clients[b])
}

// serve is a client for signed URLs.
func (h *azureHarness) serve(t *testing.T, _ dossier.Backend) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: stay}
}

// corrupt exchanges the content of an object and keeps what is stored with it.
func (h *azureHarness) corrupt(t *testing.T, b dossier.Backend, key string) {
	t.Helper()
	client := h.clients[b].NewBlockBlobClient(key)
	properties := must[blob.GetPropertiesResponse](t)(client.GetProperties(t.Context(), nil))
	content := read(t, b, key)
	content[len(content)/2] ^= 1
	must[blockblob.UploadResponse](t)(client.Upload(t.Context(), streaming.NopCloser(bytes.NewReader(content)),
		&blockblob.UploadOptions{Metadata: properties.Metadata}))
}

// network is a store behind a proxy.
func (h *azureHarness) network(t *testing.T) (dossier.Backend, *backendtest.Proxy) {
	t.Helper()
	base, key := endpoint(t)
	direct := newContainer(t)
	server := must[*url.URL](t)(url.Parse(base))
	proxy := backendtest.NewProxy(t, "http://"+server.Host)
	client := must[*container.Client](t)(container.NewClientWithSharedKeyCredential(
		strings.Replace(direct.URL(), "http://"+server.Host, proxy.URL(), 1), key, options(t)))
	return h.open(t, client), proxy
}

// The store keeps every promise that lacking does not name. Not parallel: goroutines are counted.
func TestConformance(t *testing.T) {
	endpoint(t) // or nothing of it
	t.Run("capabilities", func(t *testing.T) {
		var without dossier.Capabilities
		for c := range lacking {
			without |= c
		}
		want := (dossier.StoresACL<<1 - 1) &^ without
		have := newStore(t, nil).Describe().Capabilities
		if missing, more := want&^have, have&^want; missing|more != 0 {
			t.Errorf("missing: %v; not expected: %v", missing, more)
		}
	})
	backendtest.Run(t, newHarness())
}
