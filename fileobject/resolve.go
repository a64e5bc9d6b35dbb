package fileobject

import (
	"context"

	"github.com/dossier-go/dossier"
)

type registryKey struct{}

// WithRegistry returns a context in which handles that are not bound find their backends in r.
func WithRegistry(ctx context.Context, r *dossier.Registry) context.Context {
	return context.WithValue(ctx, registryKey{}, r)
}

// registryFor returns the bound registry, else the context's, else dossier.Default.
func (f *FileObject) registryFor(ctx context.Context) *dossier.Registry {
	if f.registry != nil {
		return f.registry
	}
	if r, ok := ctx.Value(registryKey{}).(*dossier.Registry); ok && r != nil {
		return r
	}
	return dossier.Default()
}

func (f *FileObject) backend(ctx context.Context) (dossier.Backend, error) {
	return f.registryFor(ctx).Backend(f.Backend)
}
