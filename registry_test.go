package dossier_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dossier-go/dossier"
)

// Backends are registered by many init paths: taking a taken name must not silently send files elsewhere.
func TestRegisterRefusesATakenName(t *testing.T) {
	t.Parallel()
	var r dossier.Registry
	first, second := &shelf{}, &shelf{}
	if err := r.Register("uploads", first); err != nil {
		t.Fatal(err)
	}
	if err := r.Register("uploads", second); !errors.Is(err, dossier.ErrExist) || !strings.Contains(err.Error(), "uploads") {
		t.Errorf("%v, want ErrExist with the name", err)
	}
	store(t, must[dossier.Backend](t)(r.Backend("uploads")), "a", "content")
	if len(first.objects) != 1 || len(second.objects) != 0 {
		t.Error("the second backend took the name")
	}
	r.Replace("uploads", second)
	store(t, must[dossier.Backend](t)(r.Backend("uploads")), "b", "content")
	if len(second.objects) != 1 {
		t.Error("Replace did not exchange the backend")
	}
}

// The name stands in rows, tags and URLs.
func TestRegisterChecksTheName(t *testing.T) {
	t.Parallel()
	var r dossier.Registry
	for _, name := range []string{"", "a b", "a/b", "a:b", "ü", "a,b", "a\x00", strings.Repeat("x", 65)} {
		if err := r.Register(name, &shelf{}); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", name, err)
		}
	}
	for _, name := range []string{"a", "A-1_b.c", strings.Repeat("x", 64)} {
		if err := r.Register(name, &shelf{}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := r.Register("nil", nil); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("a nil backend: %v, want ErrInvalid", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Replace takes a nil backend")
		}
	}()
	r.Replace("nil", nil)
}

// The most common mistake of a deployment is a name: the text must make it plain.
func TestUnknownBackendNamesItselfAndTheOthers(t *testing.T) {
	t.Parallel()
	var r dossier.Registry
	if _, err := r.Backend("uploads"); !errors.Is(err, dossier.ErrNoBackend) || !strings.Contains(err.Error(), "nothing is registered") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"photos", "archive"} {
		if err := r.Register(name, &shelf{}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.Backend("uploads")
	if !errors.Is(err, dossier.ErrNoBackend) || err.Error() != `no such backend: "uploads" is not registered (registered: archive, photos)` {
		t.Errorf("%v", err)
	}
	if !r.Unregister("photos") || r.Unregister("photos") || !slices.Equal(r.Names(), []string{"archive"}) {
		t.Errorf("after Unregister: %v", r.Names())
	}
}

// closable counts its Close calls and answers them with err.
type closable struct {
	shelf
	closed int
	err    error
}

func (c *closable) Close() error { c.closed++; return c.err }

// Every backend is closed though an earlier one failed, and the error says which.
func TestRegistryCloseClosesAll(t *testing.T) {
	t.Parallel()
	var r dossier.Registry
	broken := errors.New("disk is gone")
	a, b := &closable{err: broken}, &closable{}
	for name, backend := range map[string]dossier.Backend{"a": a, "b": b, "plain": &shelf{}} {
		if err := r.Register(name, backend); err != nil {
			t.Fatal(err)
		}
	}
	err := r.Close()
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), `"a"`) || a.closed != 1 || b.closed != 1 {
		t.Errorf("%v, closed %d and %d times", err, a.closed, b.closed)
	}
	if err := r.Close(); err != nil || len(r.Names()) != 0 {
		t.Errorf("the second Close: %v, names %v", err, r.Names())
	}
}

// Replacing and asking go on side by side in a server; the race detector watches.
func TestRegistryIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	var r dossier.Registry
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			name := fmt.Sprint("b", i%4)
			for range 200 {
				r.Replace(name, &shelf{})
				_ = r.Register(name, &shelf{})
				if b, err := r.Backend(name); err == nil {
					b.Describe()
				}
				r.Names()
				r.Unregister(name)
			}
		})
	}
	group.Wait()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Handing a backend from one registry to another must not stack decorators: the last name is the one in errors.
func TestRegisteringADecoratedBackendRenamesIt(t *testing.T) {
	t.Parallel()
	var r dossier.Registry
	r.Replace("old", &shelf{})
	r.Replace("new", must[dossier.Backend](t)(r.Backend("old")))
	_, err := must[dossier.Backend](t)(r.Backend("new")).Stat(t.Context(), "missing")
	if got := fmt.Sprint(err); got != "stat new:missing: object does not exist" {
		t.Error(got)
	}
	_, err = must[dossier.Backend](t)(r.Backend("old")).Stat(t.Context(), "missing")
	if got := fmt.Sprint(err); got != "stat old:missing: object does not exist" {
		t.Error(got)
	}
}

// The default registry is one for the whole process, whoever asks first. Not parallel: it is global.
func TestDefaultRegistryIsOne(t *testing.T) {
	defer dossier.SetDefault(dossier.Default()) //nolint:forbidigo // what is tested
	dossier.SetDefault(nil)                     //nolint:forbidigo // what is tested
	found := make([]*dossier.Registry, 8)
	var group sync.WaitGroup
	for i := range found {
		group.Go(func() { found[i] = dossier.Default() }) //nolint:forbidigo // what is tested
	}
	group.Wait()
	for _, r := range found {
		if r == nil || r != found[0] {
			t.Fatal("two default registries")
		}
	}
	mine := &dossier.Registry{}
	dossier.SetDefault(mine)       //nolint:forbidigo // what is tested
	if dossier.Default() != mine { //nolint:forbidigo // what is tested
		t.Error("SetDefault did not exchange it")
	}
}

func ExampleRegistry() {
	var registry dossier.Registry
	if err := registry.Register("uploads", &shelf{}); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	uploads, _ := registry.Backend("uploads")
	_, err := uploads.Put(ctx, "../secret", dossier.Source{}, dossier.PutOptions{})
	fmt.Println(err)
	_, err = uploads.Stat(ctx, "missing.txt")
	fmt.Println(err)
	_, err = registry.Backend("photos")
	fmt.Println(err)
	// Output:
	// put uploads:"../secret": invalid key "../secret": it has the segment ..
	// stat uploads:missing.txt: object does not exist
	// no such backend: "photos" is not registered (registered: uploads)
}
