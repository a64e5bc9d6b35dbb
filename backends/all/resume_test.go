package all_test

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/all"
	"github.com/dossier-go/dossier/backends/backendtest"
)

// large is how many bytes are read; the Google emulator is slow with large objects.
var large = map[string]int64{"s3": 100 << 20, "s3 other": 100 << 20, "gcs": 20 << 20, "azure": 100 << 20}

// broken is a store reached twice: directly, and through a proxy that breaks its answers.
type broken struct {
	*testing.T
	direct, through dossier.Backend
	proxy           *backendtest.Proxy
	store           string // scheme
	size            int64
}

// A line that goes down in the middle of a large download must not cost the download, and what comes after the break must
// be of the same version.
func TestBrokenReadsOfLargeObjectsGoOn(t *testing.T) {
	t.Parallel()
	for _, one := range signingStores {
		if one.variable == "" {
			continue
		}
		t.Run(one.name, func(t *testing.T) {
			b := openBroken(t, one.variable, large[one.name])
			b.checkResumed()
			b.checkReplaced()
		})
	}
}

func openBroken(t *testing.T, variable string, size int64) *broken {
	t.Helper()
	storeURL := os.Getenv(variable)
	if storeURL == "" {
		t.Skipf("server: %s is not set; scripts/servers starts one", variable)
	}
	u, err := url.Parse(storeURL)
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := url.Parse(u.Query().Get("endpoint"))
	if err != nil {
		t.Fatal(err)
	}
	b := &broken{T: t, proxy: backendtest.NewProxy(t, endpoint.Scheme+"://"+endpoint.Host), size: size, store: u.Scheme}
	query := u.Query()
	query.Set("prefix", "broken-"+rand.Text())
	b.direct = b.open(u, query)
	query.Set("endpoint", b.proxy.URL()+endpoint.Path)
	b.through = b.open(u, query)
	return b
}

func (b *broken) open(u *url.URL, query url.Values) dossier.Backend {
	b.Helper()
	store, err := all.Open(b.Context(), u.Scheme+"://"+u.Host+"?"+query.Encode())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.(io.Closer).Close() })
	return store
}

// pattern is content of any size in which every place is different from its neighbours.
type pattern struct{ at, size int64 }

func (p *pattern) Read(to []byte) (int, error) {
	if p.at == p.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(to)), p.size-p.at))
	for i := range n {
		to[i] = p.byteAt(p.at + int64(i))
	}
	p.at += int64(n)
	return n, nil
}

func (p *pattern) byteAt(i int64) byte { return byte(i ^ i>>8 ^ i>>16*7) }

func (b *broken) put(key string) {
	b.Helper()
	source := dossier.ReaderSource(&pattern{size: b.size}, b.size)
	if _, err := b.direct.Put(b.Context(), key, source, dossier.PutOptions{}); err != nil {
		b.Fatal(err)
	}
}

// checkResumed breaks the first answer in the middle, and the second a while later.
func (b *broken) checkResumed() {
	b.put("large")
	cuts := 0
	b.proxy.Follow(func(_ int, r *http.Request) *backendtest.Fault {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "large") || cuts == 2 {
			return nil
		}
		cuts++
		return &backendtest.Fault{Kind: backendtest.CutAnswer, After: b.size / 3}
	})
	object, err := b.through.Get(b.Context(), "large", dossier.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer object.Close()
	want := &pattern{size: b.size}
	if n, err := io.Copy(&comparing{want: want}, object); err != nil || n != b.size {
		b.Errorf("%d of %d bytes: %v", n, b.size, err)
	}
	if cuts != 2 {
		b.Errorf("%d answers were cut off, not 2", cuts)
	}
}

// comparing fails at the first byte that is not the wanted one.
type comparing struct {
	want *pattern
	at   int64
}

var errOther = errors.New("the bytes are not those that were written")

func (c *comparing) Write(p []byte) (int, error) {
	for i, have := range p {
		if have != c.want.byteAt(c.at) {
			return i, errOther
		}
		c.at++
	}
	return len(p), nil
}

// checkReplaced replaces the object while its answer is cut off.
func (b *broken) checkReplaced() {
	b.put("replaced")
	cut := false
	b.proxy.Follow(func(_ int, r *http.Request) *backendtest.Fault {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "replaced") || cut {
			return nil
		}
		cut = true
		return &backendtest.Fault{Kind: backendtest.CutAnswer, After: b.size / 2}
	})
	object, err := b.through.Get(b.Context(), "replaced", dossier.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer object.Close()
	if _, err := b.direct.Put(b.Context(), "replaced", dossier.BytesSource([]byte("other")), dossier.PutOptions{}); err != nil {
		b.Fatal(err)
	}
	n, err := io.Copy(&comparing{want: &pattern{size: b.size}}, object)
	if !cut || errors.Is(err, errOther) || (err == nil) != (n == b.size) {
		b.Errorf("an object that was replaced meanwhile gave %d of %d bytes, %v; cut off: %v", n, b.size, err, cut)
	}
	if err == nil && b.store != "gs" { // the Google emulator still has the generation
		b.Error("a version that is gone was read to its end")
	}
}
