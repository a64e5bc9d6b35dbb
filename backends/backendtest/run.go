package backendtest

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/wrap"
)

// patience is how long something that has to happen may take before the suite calls it hanging.
const patience = time.Minute

// variant is one way to stand in front of a backend.
type variant struct {
	name   string
	wrap   func(t *testing.T, b dossier.Backend) dossier.Backend
	same   bool        // it changes neither keys nor contents
	prefix string      // that the wrapper puts before every key; the store and its signed URLs have it
	loses  []extension // that the wrapper does not offer, as its documentation says
}

// transparent changes nothing.
type transparent struct{ dossier.Forward }

func variants() []variant {
	const below = "below/a prefix"
	return []variant{
		{name: "raw", wrap: func(_ *testing.T, b dossier.Backend) dossier.Backend { return b }},
		{name: "registry", same: true, wrap: throughRegistry},
		{name: "forward", same: true, wrap: func(_ *testing.T, b dossier.Backend) dossier.Backend {
			return transparent{dossier.Forward{Inner: b}}
		}},
		{name: "prefix", prefix: below + "/", loses: []extension{reclaimer}, wrap: func(t *testing.T, b dossier.Backend) dossier.Backend {
			t.Helper()
			prefixed, err := wrap.Prefix(b, below)
			if err != nil {
				t.Fatal(err)
			}
			return prefixed
		}},
	}
}

func throughRegistry(t *testing.T, b dossier.Backend) dossier.Backend {
	t.Helper()
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", b); err != nil {
		t.Fatal(err)
	}
	decorated, err := registry.Backend("uploads")
	if err != nil {
		t.Fatal(err)
	}
	return decorated
}

// Run tests the backends of h. Each case gets a fresh one. Behind wrappers it runs with small numbers, because large ones
// are the store's matter; a small harness runs behind those that change nothing only what they could hide: description,
// extensions and Close. It must not be called from a parallel test, because it counts the goroutines of the process after
// every case.
func Run(t *testing.T, h Harness) {
	t.Helper()
	slow := h.Small
	for i, v := range variants() {
		h.Small = h.Small || i > 0
		t.Run(v.name, func(t *testing.T) {
			for _, c := range allCases() {
				if c.network && i > 0 || slow && v.same && !c.hideable() {
					continue
				}
				t.Run(c.name, func(t *testing.T) { runCase(t, h, v, c) })
			}
		})
	}
}

func runCase(t *testing.T, h Harness, v variant, c contractCase) {
	t.Helper()
	explainFailure(t, c)
	goroutines := runtime.NumGoroutine()
	t.Cleanup(func() { checkGoroutines(t, goroutines) })
	if why := h.Excused[c.name]; why != "" {
		t.Skip("capability: the server: " + why)
	}
	if c.network && h.Network == nil {
		t.Skip("capability: " + c.missing(h, nil))
	}
	x := &trial{T: t, ctx: t.Context(), variant: v, harness: h}
	if c.network {
		x.raw, x.proxy = h.Network(t)
	} else {
		x.raw = h.New(t)
	}
	x.backend = v.wrap(t, x.raw)
	if lacks := c.missing(h, x.backend); lacks != "" {
		t.Skip("capability: " + lacks)
	}
	c.run(x)
	x.checkLeftovers()
}

// explainFailure prints the sentence that a failed case was to prove.
func explainFailure(t *testing.T, c contractCase) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the contract (groups %v): %s", c.groups, c.sentence)
		}
	})
}

// checkGoroutines waits until there are no more goroutines than before.
func checkGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Errorf("%d goroutines are left, there were %d:\n%s", runtime.NumGoroutine(), before, stacks())
			return
		}
		runtime.Gosched()
	}
}

// stacks is what every goroutine does now.
func stacks() []byte {
	text := make([]byte, 1<<16)
	return text[:runtime.Stack(text, true)]
}

// checkLeftovers looks for what belongs to no object. It waits for what is just being removed, as after a request whose
// client broke off.
func (t *trial) checkLeftovers() {
	t.Helper()
	if t.closed {
		return
	}
	deadline := time.Now().Add(patience / 4)
	left := t.leftovers()
	for len(left) > 0 && time.Now().Before(deadline) {
		runtime.Gosched()
		left = t.leftovers()
	}
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func (t *trial) leftovers() []string {
	t.Helper()
	var left []string
	if m, ok := dossier.As[dossier.MultipartBackend](t.raw); ok && t.raw.Describe().Capabilities.Has(dossier.Multipart) {
		for upload, err := range m.Uploads(t.ctx, "") {
			left = append(left, fmt.Sprintf("the upload %v (%v)", upload, err))
		}
	}
	if t.harness.Leftovers != nil {
		left = append(left, t.harness.Leftovers(t.T, t.raw)...)
	}
	return left
}

// within fails the test when do does not return, instead of hanging until the whole run is killed.
func (t *trial) within(what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("%s hangs:\n%s", what, stacks())
	}
}
