package memory

import (
	"context"
	"iter"

	"github.com/dossier-go/dossier"
)

// Delete implements [dossier.Backend].
func (b *Backend) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	if err := b.check(ctx, dossier.CheckKey(key), dossier.CheckDeleteOptions(opts)); err != nil {
		return fail("delete", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.allows(key, opts.If); err != nil {
		return fail("delete", key, err)
	}
	b.drop(key)
	return nil
}

// DeleteBatch implements [dossier.BatchDeleter], one key after the other.
func (b *Backend) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key := range keys {
			if !yield(key, b.Delete(ctx, key, dossier.DeleteOptions{})) {
				return
			}
		}
	}
}
