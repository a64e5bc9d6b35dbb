package memory

import (
	"context"
	"fmt"

	"github.com/dossier-go/dossier"
)

// Get implements [dossier.Backend]. The object goes on to deliver its version when the key is overwritten or deleted
// meanwhile.
func (b *Backend) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	o, err := b.find(ctx, key, dossier.CheckGetOptions(opts))
	if err != nil {
		return nil, fail("get", key, err)
	}
	version := o.info.Version
	switch {
	case opts.If.Match != "" && opts.If.Match != version:
		return nil, fail("get", key, fmt.Errorf("%w: the version is %s", dossier.ErrPrecondition, version))
	case opts.If.NotMatch != "" && opts.If.NotMatch == version:
		return nil, fail("get", key, dossier.ErrNotModified)
	}
	from, to, err := opts.Range.Resolve(o.info.Size)
	if err != nil {
		return nil, fail("get", key, err)
	}
	opened := dossier.NewObject(o.details(), from, to, o.content.reader(from, to))
	if opts.SkipVerify {
		return opened, nil
	}
	return opened.Verified(), nil
}

// Stat implements [dossier.Backend].
func (b *Backend) Stat(ctx context.Context, key string) (dossier.Info, error) {
	o, err := b.find(ctx, key, nil)
	if err != nil {
		return dossier.Info{}, fail("stat", key, err)
	}
	return o.details(), nil
}

// find returns the present version of an object.
func (b *Backend) find(ctx context.Context, key string, bad error) (*object, error) {
	if err := b.check(ctx, dossier.CheckKey(key), bad); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.present(key)
}

// present returns the object of key. The caller holds the lock.
func (b *Backend) present(key string) (*object, error) {
	if err := b.open(); err != nil {
		return nil, err
	}
	if o, there := b.objects[key]; there {
		return o, nil
	}
	return nil, dossier.ErrNotExist
}
