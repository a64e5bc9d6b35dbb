package dossier_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/backendtest"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/filehttp"
)

// storesURL is where the stores under test say that they are served.
const storesURL = "https://files.example/store"

// everyCapability is all there is for a store without a service behind it.
const everyCapability = dossier.Multipart<<1 - 1

func storesSigner(t *testing.T) *dossier.Signer {
	t.Helper()
	return newSigner(t, dossier.SigningKey{ID: "test", Secret: secret(7)})
}

// serveSigned serves what a store has signed.
func serveSigned(t *testing.T, b dossier.Backend) *http.Client {
	t.Helper()
	handler := filehttp.NewSignedHandler(b, storesSigner(t), filehttp.SignedOptions{})
	return backendtest.HandlerClient(t, http.StripPrefix("/store", handler))
}

// claims runs the suite on a store that must have exactly these capabilities, so that no case is skipped unnoticed.
func claims(t *testing.T, h backendtest.Harness, want dossier.Capabilities) {
	t.Helper()
	t.Run("capabilities", func(t *testing.T) {
		have := h.New(t).Describe().Capabilities
		if missing, more := want&^have, have&^want; missing|more != 0 {
			t.Errorf("missing: %v; not expected: %v", missing, more)
		}
	})
	backendtest.Run(t, h)
}

// The memory store keeps every promise but Durable. Not parallel: goroutines are counted.
func TestMemoryConformance(t *testing.T) {
	h := backendtest.Harness{
		New: func(t *testing.T) dossier.Backend {
			t.Helper()
			return memory.New(memory.Config{Signer: storesSigner(t), BaseURL: storesURL})
		},
		Serve: serveSigned,
	}
	claims(t, h, everyCapability&^dossier.Durable)
}

// core hides all but the five required methods of a backend.
type core struct{ dossier.Backend }

func (c core) Describe() dossier.Description {
	d := c.Backend.Describe()
	d.Capabilities = coreCapabilities
	return d
}

const coreCapabilities = shelfCapabilities

// A backend with five methods is a full member: the helpers make copies, moves and batches from them, with the same
// promises. Not parallel: goroutines are counted.
func TestCoreConformance(t *testing.T) {
	h := backendtest.Harness{
		New:   func(*testing.T) dossier.Backend { return core{memory.New(memory.Config{})} },
		Small: true,
	}
	claims(t, h, coreCapabilities)
}

// localHarness opens local stores and remembers their folders.
type localHarness struct {
	cfg     local.Config
	folders map[dossier.Backend]string
}

func newLocalHarness(cfg local.Config) backendtest.Harness {
	l := &localHarness{cfg, map[dossier.Backend]string{}}
	return backendtest.Harness{New: l.fresh, Reopen: l.reopen, Serve: serveSigned, Corrupt: l.corrupt, Leftovers: l.leftovers}
}

func (l *localHarness) fresh(t *testing.T) dossier.Backend {
	t.Helper()
	return l.open(t, t.TempDir())
}

func (l *localHarness) open(t *testing.T, folder string) dossier.Backend {
	t.Helper()
	l.cfg.Signer, l.cfg.BaseURL = storesSigner(t), storesURL
	b := must[*local.Backend](t)(local.New(folder, l.cfg))
	l.folders[b] = folder
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		delete(l.folders, b)
	})
	return b
}

func (l *localHarness) reopen(t *testing.T, b dossier.Backend) dossier.Backend {
	t.Helper()
	return l.open(t, l.folders[b])
}

func (l *localHarness) corrupt(t *testing.T, b dossier.Backend, key string) {
	t.Helper()
	path := filepath.Join(l.folders[b], filepath.FromSlash(key))
	content := must[[]byte](t)(os.ReadFile(path))
	content[len(content)/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// leftovers are temporary files, parts, and folders without an object.
func (l *localHarness) leftovers(t *testing.T, b dossier.Backend) []string {
	t.Helper()
	var found []string
	root := os.DirFS(l.folders[b])
	for _, folder := range []string{".dossier/tmp", ".dossier/uploads"} {
		entries, err := fs.ReadDir(root, folder)
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
		for _, entry := range entries {
			found = append(found, folder+"/"+entry.Name())
		}
	}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == ".dossier" {
			return errorOr(err, fs.SkipDir)
		}
		entries, err := fs.ReadDir(root, name)
		if entry.IsDir() && err == nil && len(entries) == 0 {
			found = append(found, name+" (an empty folder)")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return slices.Compact(found)
}

func errorOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// The local store keeps every promise but FlatKeys. Not parallel: goroutines are counted.
func TestLocalConformance(t *testing.T) {
	h := newLocalHarness(local.Config{})
	h.Small = true
	claims(t, h, everyCapability&^dossier.FlatKeys)
}

// Without waiting for the disk it loses Durable and nothing else; this is the run with large numbers. Not parallel:
// goroutines are counted.
func TestLocalFastConformance(t *testing.T) {
	claims(t, newLocalHarness(local.Config{Durability: local.Fast}), everyCapability&^(dossier.FlatKeys|dossier.Durable))
}

// On a file system without extended attributes the local store keeps what it still promises, and refuses the rest.
// Not parallel: goroutines are counted.
func TestLocalWithoutAttributesConformance(t *testing.T) {
	h := newLocalHarness(local.Config{Durability: local.Fast, Attributes: local.AttributesNone})
	h.Small = true
	lost := dossier.FlatKeys | dossier.Durable | dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C
	claims(t, h, everyCapability&^lost)
}
