package gcs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// mostJoined is how many objects the store joins in one request: https://cloud.google.com/storage/quotas#objects
const mostJoined = 32

// errPartGone says that something that was to be joined is not there any more.
var errPartGone = errors.New("a part is gone")

// join makes one object of all.
func (b *Backend) join(ctx context.Context, u *upload, j *joined) (*storage.ObjectAttrs, error) {
	w, err := b.newWrite(u.Key, u.putOptions())
	if err != nil {
		return nil, err
	}
	if len(j.sources) == 0 {
		return b.sendWhole(ctx, w, nil)
	}
	for level := 1; len(j.sources) > mostJoined; level++ {
		if err := b.joinLevel(ctx, u, j, level); err != nil {
			return nil, err
		}
	}
	return b.compose(ctx, w, j.sources, j.sendSum)
}

// joinLevel replaces each 32 sources by one object that lies beside the parts.
func (b *Backend) joinLevel(ctx context.Context, u *upload, j *joined, level int) error {
	groups := slices.Collect(slices.Chunk(j.sources, mostJoined))
	next := make([]*storage.ObjectAttrs, len(groups))
	err := each(len(groups), b.cfg.Parallel, func(i int) error {
		name := fmt.Sprintf("%s%s/joined-%d-%d", partsPrefix, u.id, level, i)
		w, err := b.newWrite(name, dossier.PutOptions{Class: u.Class})
		if err != nil {
			return err
		}
		w.attrs.PredefinedACL = ""
		next[i], err = b.compose(ctx, w, groups[i], func(*storage.Composer) {})
		return err
	})
	j.sources = next
	return err
}

// compose joins at most 32 generations.
func (b *Backend) compose(
	ctx context.Context, w *write, sources []*storage.ObjectAttrs, prepare func(*storage.Composer),
) (attrs *storage.ObjectAttrs, err error) {
	handles := make([]*storage.ObjectHandle, len(sources))
	for i, source := range sources {
		handles[i] = b.object(source.Name).Generation(source.Generation)
	}
	composer := w.object.ComposerFrom(handles...)
	composer.ObjectAttrs = w.attrs
	prepare(composer)
	lost, err := retry(ctx, b.cfg.pause, func() error {
		g := newGuard(ctx, b.cfg.StallTimeout)
		defer g.end()
		return g.explain(g.during(func() (err error) { attrs, err = composer.Run(g.ctx); return err }))
	})
	attrs, err = b.settle(ctx, w, attrs, lost, err)
	if errors.Is(err, dossier.ErrNotExist) {
		err = fmt.Errorf("%w: %w", errPartGone, err)
	}
	return attrs, err
}
