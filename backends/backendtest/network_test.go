package backendtest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/backendtest"
	"github.com/dossier-go/dossier/backends/memory"
)

// brokenToy names the mistake of the toy in a child process.
const brokenToy = "DOSSIER_BROKEN_TOY"

// mistakes are what backends behind a network do wrong, with the cases that have to find each.
func mistakes() map[string]struct {
	set   func(*toy)
	found []string
} {
	return map[string]struct {
		set   func(*toy)
		found []string
	}{
		"blind":     {func(b *toy) { b.blind = true }, []string{"network/writes"}},
		"certain":   {func(b *toy) { b.certain = true }, []string{"network/writes_cancelled"}},
		"absent":    {func(b *toy) { b.absent = true }, []string{"network/outage", "network/refused"}},
		"short":     {func(b *toy) { b.short = true }, []string{"network/reads", "network/reads_that_stay_broken"}},
		"unpinned":  {func(b *toy) { b.unpinned = true }, []string{"network/replaced_between_attempts"}},
		"forgetful": {func(b *toy) { b.forgetful = true }, []string{"network/writes", "network/writes_cancelled"}},
		"deaf":      {func(b *toy) { b.deaf = true }, []string{"network/outage", "network/throttled"}},
		"truncates": {func(b *toy) { b.truncates = true }, []string{"network/listings"}},
		"uncancel":  {func(b *toy) { b.uncancel = true }, []string{"network/writes_cancelled"}},
	}
}

// toyHarness makes backends behind a network in one process.
func toyHarness() backendtest.Harness {
	open := func(t *testing.T) (dossier.Backend, *backendtest.Proxy) {
		t.Helper()
		server := httptest.NewServer(toyServer{memory.New(memory.Config{})})
		t.Cleanup(server.Close)
		proxy := backendtest.NewProxy(t, server.URL)
		transport := &http.Transport{DisableCompression: true}
		t.Cleanup(transport.CloseIdleConnections)
		b := &toy{url: proxy.URL(), client: &http.Client{Transport: transport}}
		if mistake, is := mistakes()[os.Getenv(brokenToy)]; is {
			mistake.set(b)
		}
		return b, proxy
	}
	return backendtest.Harness{
		New:     func(t *testing.T) dossier.Backend { t.Helper(); b, _ := open(t); return b },
		Network: open, Small: true,
	}
}

// The cases of stores behind a network hold for a backend that does everything right. Not parallel: goroutines are counted.
func TestToyConformance(t *testing.T) { backendtest.Run(t, toyHarness()) }

// A case that cannot fail proves nothing: each mistake that a backend can make with a network is found by the cases that
// are about it.
func TestNetworkCasesFindMistakes(t *testing.T) {
	if os.Getenv(brokenToy) != "" {
		t.Skip("a child process")
	}
	for name, mistake := range mistakes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestToyConformance$/^raw$/^network$")
			child.Env = append(os.Environ(), brokenToy+"="+name)
			output, err := child.CombinedOutput()
			if err == nil {
				t.Fatal("no case found it")
			}
			for _, found := range mistake.found {
				if !strings.Contains(string(output), "--- FAIL: TestToyConformance/raw/"+found+" ") {
					t.Errorf("%s did not find it:\n%s", found, output)
				}
			}
		})
	}
}
