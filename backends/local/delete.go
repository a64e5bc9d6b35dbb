package local

import (
	"context"
	"errors"
	"iter"

	"github.com/dossier-go/dossier"
)

// Delete implements [dossier.Backend]. A key that is a folder, a link or another special file is no object and counts
// as missing. Folders that became empty are removed with the object.
func (b *Backend) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	if err := b.begin(ctx, checkKey(key), dossier.CheckDeleteOptions(opts)); err != nil {
		return b.fail("delete", key, err)
	}
	defer b.gate.leave()
	err := b.unlink(ctx, key, opts.If)
	if errors.Is(err, errAbsent) || isObstacle(err) {
		return b.fail("delete", key, b.alive())
	}
	if err != nil {
		return b.fail("delete", key, err)
	}
	err = b.syncNames("delete", key)
	b.prune(ctx, key)
	return b.fail("delete", key, err)
}

// unlink removes the object under its lock.
func (b *Backend) unlink(ctx context.Context, key string, cond dossier.Condition) error {
	unlock, err := b.locks.hold(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	if err := b.checkCondition(key, cond); err != nil {
		return err
	}
	if _, err := b.look(key); err != nil {
		return err
	}
	err = b.change("delete", "unlink", func() error { return b.root.Remove(key) })
	if err == nil || isDoubtful(err) {
		return err
	}
	return absentOr(err)
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
