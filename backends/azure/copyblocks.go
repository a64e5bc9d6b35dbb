package azure

import (
	"context"
	"errors"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/dossier-go/dossier"
)

// byBlocks copies what is too large for one request: the service reads the source in blocks (Put Block From URL), which
// nobody sees until their list is committed.
func (c *copying) byBlocks(ctx context.Context) (dossier.Info, error) {
	w := &write{b: c.b, key: c.info.Key}
	if err := w.Begin(ctx); err != nil {
		return dossier.Info{}, err
	}
	size := max(int64(maxSyncCopy), (c.source.Size+maxBlocks-1)/maxBlocks)
	count := int((c.source.Size + size - 1) / size)
	if err := c.stageAll(ctx, w, size, count); err != nil {
		return dossier.Info{}, err
	}
	names := make([]string, count)
	for i := range names {
		names[i] = w.block(i + 1)
	}
	access, err := conditions(c.cond)
	if err != nil {
		return dossier.Info{}, err
	}
	options := &blockblob.CommitBlockListOptions{
		HTTPHeaders: storedHeader(c.info), Metadata: encodeMetadata(c.info), Tags: c.tags, Tier: tier(c.class),
		AccessConditions: access,
	}
	return c.b.settled(ctx, c.info, c.cond, func(ctx context.Context) (dossier.Info, error) {
		return request(ctx, c.b, func(ctx context.Context) (dossier.Info, error) {
			answer, err := c.b.client.NewBlockBlobClient(c.info.Key).CommitBlockList(ctx, names, options)
			return stamped(c.info, answer.ETag, answer.LastModified), err
		})
	})
}

// stageAll stages all blocks, several at once; the first error ends the others.
func (c *copying) stageAll(ctx context.Context, w *write, size int64, count int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var group sync.WaitGroup
	for range min(c.b.cfg.Parallel, count) {
		group.Go(func() {
			for number := range numbers {
				if err := c.stageFrom(ctx, w, number, size); err != nil {
					cancel(err)
				}
			}
		})
	}
	for number := 1; number <= count && ctx.Err() == nil; number++ {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	if ended := context.Cause(ctx); ended != nil && !errors.Is(ended, context.Canceled) {
		return ended
	}
	return dossier.ContextError(ctx)
}

// stageFrom stages one block from the source.
func (c *copying) stageFrom(ctx context.Context, w *write, number int, size int64) error {
	from, err := c.b.sourceURL(ctx, c.source.Key)
	if err != nil {
		return err
	}
	offset := int64(number-1) * size
	_, err = request(ctx, c.b, func(ctx context.Context) (blockblob.StageBlockFromURLResponse, error) {
		return c.b.client.NewBlockBlobClient(c.info.Key).StageBlockFromURL(ctx, w.block(number), from,
			&blockblob.StageBlockFromURLOptions{
				Range:                          blob.HTTPRange{Offset: offset, Count: min(size, c.source.Size-offset)},
				SourceModifiedAccessConditions: &blob.SourceModifiedAccessConditions{SourceIfMatch: etagOf(c.source.Version)},
			})
	})
	return sourceError(err)
}
