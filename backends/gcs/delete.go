package gcs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync"

	"github.com/dossier-go/dossier"
)

// deletesAtOnce is how many requests a DeleteBatch makes at the same time. The store has no request for many objects
// that the client knows.
const deletesAtOnce = 32

// Delete implements [dossier.Backend]. In a bucket with object versioning it removes the present version and leaves the
// noncurrent ones.
func (b *Backend) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	var refused error
	if opts.If.Match != "" && !b.capabilities().Has(dossier.DeleteMatch) {
		refused = fmt.Errorf("%w: conditional deletes are switched off", errors.ErrUnsupported)
	}
	if err := b.check(ctx, dossier.CheckKey(key), dossier.CheckDeleteOptions(opts), refused); err != nil {
		return fail("delete", key, err)
	}
	return fail("delete", key, b.delete(ctx, key, opts.If))
}

// delete is for any name, also of what this package keeps for itself.
func (b *Backend) delete(ctx context.Context, name string, cond dossier.Condition) error {
	handle, err := withCondition(b.changing(name), cond)
	if err != nil {
		return err
	}
	lost, err := retry(ctx, b.cfg.pause, func() error {
		g := newGuard(ctx, b.cfg.StallTimeout)
		defer g.end()
		return g.explain(g.during(func() error { return handle.Delete(g.ctx) }))
	})
	if err == nil {
		return nil
	}
	gone := missing(err)
	if gone {
		err = b.absent(ctx, err)
		gone = errors.Is(err, dossier.ErrNotExist)
	}
	switch {
	case gone && (cond.Match == "" || lost): // of a lost answer this is the effect
		return nil
	case gone:
		return fmt.Errorf("%w: there is no object", dossier.ErrPrecondition)
	case status(err) == http.StatusPreconditionFailed:
		err = fmt.Errorf("%w: %w", dossier.ErrPrecondition, err)
	}
	return unknownIf(lost, err)
}

// DeleteBatch implements [dossier.BatchDeleter] with up to 32 requests at once.
func (b *Backend) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		next, stop := iter.Pull(keys)
		defer stop()
		for {
			batch := make([]string, 0, deletesAtOnce)
			for key, more := next(); more; key, more = next() {
				if batch = append(batch, key); len(batch) == deletesAtOnce {
					break
				}
			}
			if len(batch) == 0 {
				return
			}
			for i, err := range b.deleteTogether(ctx, batch) {
				if !yield(batch[i], err) {
					return
				}
			}
		}
	}
}

func (b *Backend) deleteTogether(ctx context.Context, batch []string) []error {
	errs := make([]error, len(batch))
	var group sync.WaitGroup
	for i, key := range batch {
		group.Go(func() { errs[i] = b.Delete(ctx, key, dossier.DeleteOptions{}) })
	}
	group.Wait()
	return errs
}
