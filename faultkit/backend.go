package faultkit

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/dossier-go/dossier"
)

// Backend is a backend that hits points before and after each operation of the one below, and counts calls and bytes. It
// has the abilities of that one, no more and no less ([dossier.As]).
//
// An error at a ".before" point fails the operation before it begins; at an ".after" point, which is hit only when the
// operation succeeded, the answer is lost: what changes something has then the outcome unknown. Listings hit ".before"
// when the loop begins and ".after" when it has seen everything; "deletebatch.after" is hit for every key that was
// deleted, and fails the answer for that key alone.
//
// Objects are read through the wrapper, so [dossier.Object.File] is not offered.
type Backend struct {
	dossier.Forward
	points *Points

	mu    sync.Mutex
	usage map[string]Usage
}

// Usage is what one operation of a [Backend] was used for.
type Usage struct {
	Calls int   // begun
	Bytes int64 // read from the sources of "put" and "putpart", and from the objects of "get"
}

// Wrap returns b with points; nil points only count.
func Wrap(b dossier.Backend, points *Points) *Backend {
	return &Backend{Forward: dossier.Forward{Inner: b}, points: points, usage: map[string]Usage{}}
}

// Usage returns what the operation, named as in [Steps] without its moment, was used for so far.
func (b *Backend) Usage(operation string) Usage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.usage[operation]
}

// ResetUsage makes all counts zero.
func (b *Backend) ResetUsage() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.usage)
}

func (b *Backend) add(operation string, calls int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u := b.usage[operation]
	b.usage[operation] = Usage{u.Calls + calls, u.Bytes + bytes}
}

// changing lists the operations that change the store, reading the others.
var (
	changing = []string{
		"put", "delete", "deletebatch", "copy", "move", "updateheader", "createupload", "putpart", "completeupload",
		"abortupload", "reclaim",
	}
	reading = []string{"get", "stat", "list", "signurls", "signform", "parts", "uploads", "probe"}
)

// Steps lists the points of a [Backend].
func Steps() []string {
	var all []string
	for _, operation := range slices.Concat(changing, reading) {
		all = append(all, operation+before, operation+after)
	}
	return all
}

// The moments of a point.
const (
	before = ".before"
	after  = ".after"
)

// begin hits the point before an operation. A cut is not an error of the operation.
func (b *Backend) begin(ctx context.Context, operation, key string) (*cut, error) {
	b.add(operation, 1, 0)
	err := b.points.HitContext(ctx, operation+before)
	var c *cut
	if err == nil || errors.As(err, &c) && slices.Contains([]string{"put", "putpart", "get"}, operation) {
		return c, nil
	}
	return nil, b.injected(operation, key, dossier.OutcomeNotApplied, err)
}

// end hits the point after an operation that succeeded.
func (b *Backend) end(ctx context.Context, operation, key string) error {
	err := b.points.HitContext(ctx, operation+after)
	if err == nil {
		return nil
	}
	outcome := dossier.OutcomeNotApplied
	if slices.Contains(changing, operation) {
		outcome = dossier.OutcomeUnknown
	}
	return b.injected(operation, key, outcome, err)
}

func (b *Backend) injected(operation, key string, outcome dossier.Outcome, err error) error {
	failure := &dossier.Error{Op: operation, Backend: b.Describe().Scheme, Key: key, Outcome: outcome, Err: err}
	var cause *dossier.Error
	if errors.As(err, &cause) {
		failure.Retryable, failure.RetryAfter = cause.Retryable, cause.RetryAfter
	}
	return failure
}

// around does an operation between its points.
func around[T any](ctx context.Context, b *Backend, operation, key string, do func(c *cut) (T, error)) (T, error) {
	var none T
	c, err := b.begin(ctx, operation, key)
	if err != nil {
		return none, err
	}
	result, err := do(c)
	if err != nil {
		return result, err
	}
	if err := b.end(ctx, operation, key); err != nil {
		return none, err
	}
	return result, nil
}

// Put implements [dossier.Backend].
func (b *Backend) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	return around(ctx, b, "put", key, func(c *cut) (dossier.Info, error) {
		src, end := b.source("put", src, c)
		defer end()
		return b.Inner.Put(ctx, key, src, opts)
	})
}

// Get implements [dossier.Backend].
func (b *Backend) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	var open *dossier.Object
	object, err := around(ctx, b, "get", key, func(c *cut) (_ *dossier.Object, err error) {
		if open, err = b.Inner.Get(ctx, key, opts); err != nil {
			return nil, err
		}
		object := dossier.NewObject(open.Info, open.From, open.To, b.stream("get", open, c))
		if !opts.SkipVerify {
			object.Verified()
		}
		return object, nil
	})
	if err != nil && open != nil {
		err = errors.Join(err, open.Close())
	}
	return object, err
}

// Stat implements [dossier.Backend].
func (b *Backend) Stat(ctx context.Context, key string) (dossier.Info, error) {
	return around(ctx, b, "stat", key, func(*cut) (dossier.Info, error) { return b.Inner.Stat(ctx, key) })
}

// Delete implements [dossier.Backend].
func (b *Backend) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	_, err := around(ctx, b, "delete", key, func(*cut) (struct{}, error) { return struct{}{}, b.Inner.Delete(ctx, key, opts) })
	return err
}

// DeleteBatch implements [dossier.BatchDeleter].
func (b *Backend) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_, failed := b.begin(ctx, "deletebatch", "")
		if failed != nil {
			for key := range keys {
				if !yield(key, failed) {
					return
				}
			}
			return
		}
		for key, err := range b.Forward.DeleteBatch(ctx, keys) {
			if err == nil {
				err = b.end(ctx, "deletebatch", key)
			}
			if !yield(key, err) {
				return
			}
		}
	}
}

// Copy implements [dossier.Copier].
func (b *Backend) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	return around(ctx, b, "copy", dst, func(*cut) (dossier.Info, error) { return b.Forward.Copy(ctx, dst, src, opts) })
}

// Move implements [dossier.Mover].
func (b *Backend) Move(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	return around(ctx, b, "move", dst, func(*cut) (dossier.Info, error) { return b.Forward.Move(ctx, dst, src, opts) })
}

// UpdateHeader implements [dossier.HeaderUpdater].
func (b *Backend) UpdateHeader(ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition) (dossier.Info, error) {
	return around(ctx, b, "updateheader", key, func(*cut) (dossier.Info, error) {
		return b.Forward.UpdateHeader(ctx, key, to, cond)
	})
}

// Reclaim implements [dossier.Reclaimer].
func (b *Backend) Reclaim(ctx context.Context, olderThan time.Duration) (dossier.ReclaimReport, error) {
	return around(ctx, b, "reclaim", "", func(*cut) (dossier.ReclaimReport, error) { return b.Forward.Reclaim(ctx, olderThan) })
}

// Probe implements [dossier.Prober].
func (b *Backend) Probe(ctx context.Context) (dossier.Description, error) {
	return around(ctx, b, "probe", "", func(*cut) (dossier.Description, error) { return b.Forward.Probe(ctx) })
}

var (
	_ dossier.Backend = (*Backend)(nil)
	_ dossier.Wrapper = (*Backend)(nil)
)
