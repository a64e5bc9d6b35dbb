package azure

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
)

// DeleteBatch implements [dossier.BatchDeleter] with requests of up to 256 keys. On servers that know no batches it deletes
// one by one, several at once.
func (b *Backend) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var batch []string
		for key := range keys {
			if err := b.check(ctx, dossier.CheckKey(key)); err != nil {
				if !yield(key, fail("delete", key, err)) {
					return
				}
				continue
			}
			if batch = append(batch, key); len(batch) == maxBatch {
				if !b.yieldBatch(ctx, batch, yield) {
					return
				}
				batch = nil
			}
		}
		b.yieldBatch(ctx, batch, yield)
	}
}

// yieldBatch deletes a batch and yields its results; it reports whether there may be more.
func (b *Backend) yieldBatch(ctx context.Context, batch []string, yield func(string, error) bool) bool {
	if len(batch) == 0 {
		return true
	}
	results := b.removeBatch(ctx, batch)
	for i, key := range batch {
		if !yield(key, fail("delete", key, results[i])) {
			return false
		}
	}
	return true
}

// removeBatch returns one result per key.
func (b *Backend) removeBatch(ctx context.Context, batch []string) []error {
	results := make([]error, len(batch))
	err := b.check(ctx)
	if err == nil && len(batch) == 1 {
		results[0] = b.remove(ctx, batch[0], dossier.Condition{}, nil)
		return results
	}
	if err == nil {
		results, err = b.submit(ctx, batch)
	}
	if batchUnknown(err) {
		return b.removeSingly(ctx, batch)
	}
	if err != nil {
		for i := range results {
			results[i] = err
		}
	}
	return results
}

func (b *Backend) submit(ctx context.Context, batch []string) ([]error, error) {
	results := make([]error, len(batch))
	builder, err := b.client.NewBatchBuilder()
	if err != nil {
		return results, err
	}
	for _, key := range batch {
		if err := builder.Delete(key, nil); err != nil {
			return results, err
		}
	}
	tracing, sent := counted(ctx)
	answer, err := request(tracing, b, func(ctx context.Context) (container.SubmitBatchResponse, error) {
		return b.client.SubmitBatch(ctx, builder, nil)
	})
	if err != nil {
		if !refusal(err, sent.Load()) {
			err = &unclearError{err: err}
		}
		return results, err
	}
	for i := range results {
		results[i] = &unclearError{err: fmt.Errorf("%w: the service's answer to a batch has no result for this key", dossier.ErrUnavailable)}
	}
	for _, item := range answer.Responses {
		if item == nil || item.ContentID == nil || *item.ContentID < 0 || *item.ContentID >= len(results) {
			continue
		}
		results[*item.ContentID] = item.Error
		if hasCode(item.Error, bloberror.BlobNotFound) {
			results[*item.ContentID] = nil
		}
	}
	return results, nil
}

// batchUnknown reports whether the server has no batches.
func batchUnknown(err error) bool {
	answer := answerOf(err)
	if answer == nil || hasCode(err, bloberror.ContainerNotFound, bloberror.ContainerBeingDeleted) {
		return false
	}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return errors.Is(kindOfCode(answer.ErrorCode, answer.StatusCode), errors.ErrUnsupported)
}

// removeSingly deletes one by one, as many at once as there are parts of an upload.
func (b *Backend) removeSingly(ctx context.Context, batch []string) []error {
	results := make([]error, len(batch))
	var group sync.WaitGroup
	next := make(chan int)
	for range min(b.cfg.Parallel, len(batch)) {
		group.Go(func() {
			for i := range next {
				results[i] = b.remove(ctx, batch[i], dossier.Condition{}, nil)
			}
		})
	}
	for i := range batch {
		next <- i
	}
	close(next)
	group.Wait()
	return results
}
