package s3

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/uploader"
)

// inParts copies in a multipart upload, which is aborted when it fails.
func (c *copying) inParts(ctx context.Context) error {
	if err := c.tagsOfSource(ctx); err != nil {
		return err
	}
	id, err := c.b.writing.create(func() (string, error) { return c.begin(ctx, c.b.cfg.Checksum) })
	if err != nil {
		return err
	}
	defer c.b.writing.end(id)
	parts, err := c.copyParts(ctx, id)
	if err == nil {
		err = c.complete(ctx, completion{id: id, parts: parts, size: c.size, checksum: c.b.cfg.Checksum, expect: c.knownSums()})
		if errors.Is(kindOfError(err), dossier.ErrChecksum) { // a server that looks at the source twice copied another version
			err = &sourceChanged{err}
		}
	}
	if err == nil {
		return nil
	}
	if errors.As(err, new(*unknownError)) {
		return &leakError{err, dossier.Upload{Key: c.key, ID: id}}
	}
	return c.abandon(ctx, id, err)
}

// knownSums is the source's checksum in the algorithm of the upload, for the server to verify the copy with.
func (c *copying) knownSums() sumFields {
	switch c.b.cfg.Checksum {
	case CRC64NVME:
		return sumFields{crc64nvme: c.sums.crc64nvme}
	case CRC32C:
		return sumFields{crc32c: c.sums.crc32c}
	case NoChecksum:
	}
	return sumFields{}
}

// abandon aborts the upload of a failed copy, on a context of its own.
func (c *copying) abandon(ctx context.Context, id string, err error) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	if failure := c.b.abort(ctx, c.key, id); failure != nil {
		return &leakError{errors.Join(err, &uploader.AbortError{Err: failure}), dossier.Upload{Key: c.key, ID: id}}
	}
	return err
}

// copyParts copies all parts, several at once.
func (c *copying) copyParts(ctx context.Context, id string) ([]types.CompletedPart, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	size := c.partSize()
	parts := make([]types.CompletedPart, (c.size+size-1)/size)
	var group sync.WaitGroup
	tickets := make(chan struct{}, c.b.cfg.Parallel)
	for i := range parts {
		tickets <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() {
			defer func() { <-tickets }()
			part, err := c.copyPart(ctx, id, i+1, int64(i)*size, min(int64(i+1)*size, c.size))
			if err != nil {
				cancel(err)
			}
			parts[i] = part
		})
	}
	group.Wait()
	return parts, context.Cause(ctx)
}

// partSize is that of the configuration of copies, or larger when that would be too many parts.
func (c *copying) partSize() int64 {
	if c.size <= c.b.limits.maxCopy {
		return c.size
	}
	parts := int64(c.b.limits.maxParts)
	return max(c.b.limits.copyPart, (c.size+parts-1)/parts)
}

// copyPart copies the bytes [from, to).
func (c *copying) copyPart(ctx context.Context, id string, number int, from, to int64) (types.CompletedPart, error) {
	b := c.b
	in := &s3.UploadPartCopyInput{
		Bucket: &b.bucket, Key: &c.key, UploadId: &id, PartNumber: aws.Int32(int32(number)), //nolint:gosec // at most 10,000
		CopySource: &c.source, CopySourceIfMatch: &c.srcETag,
	}
	if to-from < c.size {
		in.CopySourceRange = aws.String(fmt.Sprintf("bytes=%d-%d", from, to-1))
	}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	in.CopySourceSSECustomerAlgorithm, in.CopySourceSSECustomerKey, in.CopySourceSSECustomerKeyMD5 = b.cfg.SSE.customer()
	out, err := b.client.UploadPartCopy(ctx, in, b.slow().options)
	if err != nil {
		return types.CompletedPart{}, partCopyError(err)
	}
	if out.CopyPartResult == nil {
		return types.CompletedPart{}, fmt.Errorf("%w: the answer to a copy is empty", dossier.ErrUnavailable)
	}
	result := out.CopyPartResult
	return types.CompletedPart{
		PartNumber: in.PartNumber, ETag: result.ETag,
		ChecksumCRC64NVME: result.ChecksumCRC64NVME, ChecksumCRC32C: result.ChecksumCRC32C,
	}, nil
}

// partCopyError tells a server that has no such copies from one that refuses this one.
func partCopyError(err error) error {
	kind := kindOfError(err)
	if errors.Is(kind, errors.ErrUnsupported) || codeOf(err) == "InvalidArgument" || codeOf(err) == "InvalidRequest" {
		return &partsRefused{err}
	}
	return ofSource(err)
}
