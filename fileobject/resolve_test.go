package fileobject_test

import (
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// A row whose backend is not registered still loads; only its use fails, and says what is missing.
func TestUnknownBackendFailsWhenUsed(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := &fileobject.FileObject{Record: dossier.Record{Backend: "gone", Key: "k", Size: 1}}
	_, err := f.Open(ctx)
	wantIs(t, "Open", err, dossier.ErrNoBackend)
	_, err = f.OpenRange(ctx, 1, 2)
	wantIs(t, "OpenRange", err, dossier.ErrNoBackend)
	_, err = f.Stat(ctx)
	wantIs(t, "Stat", err, dossier.ErrNoBackend)
	_, err = f.Content(ctx)
	wantIs(t, "Content", err, dossier.ErrNoBackend)
	wantIs(t, "Verify", f.Verify(ctx), dossier.ErrNoBackend)
	_, err = f.SignedURL(ctx, 1)
	wantIs(t, "SignedURL", err, dossier.ErrNoBackend)
	_, err = f.Bind(&dossier.Registry{}).PublicURL()
	wantIs(t, "PublicURL", err, dossier.ErrNoBackend)
}

// Without a registry in the context the process-wide one is used; a nil one in the context is none.
func TestDefaultRegistryIsTheLastResort(t *testing.T) { //nolint:paralleltest // it exchanges the process-wide registry
	s := &copyingShelf{shelf: shelf{capabilities: full}}
	s.exchange("k", "text")
	before := dossier.Default()
	dossier.SetDefault(s.registry(t))
	defer dossier.SetDefault(before)
	f := &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: "k"}}
	for _, ctx := range []func() string{
		func() string { return content(t.Context(), t, f) },
		func() string { return content(fileobject.WithRegistry(t.Context(), nil), t, f) },
	} {
		if got := ctx(); got != "text" {
			t.Errorf("%q", got)
		}
	}
}
