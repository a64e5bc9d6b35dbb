package s3

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// The requests of multipart uploads, those of Put, of copies and of MultipartBackend alike.

// partRequest names a part.
type partRequest struct {
	key, id  string
	number   int
	checksum Algorithm
}

// sendPart stores a part and returns what the completion has to say about it.
func (b *Backend) sendPart(ctx context.Context, p partRequest, body *uploader.Body) (types.CompletedPart, error) {
	sent := newSentBody(body.ReadSeeker, body.Sums.Size)
	number := aws.Int32(int32(p.number)) //nolint:gosec // at most 10,000
	in := &s3.UploadPartInput{
		Bucket: &b.bucket, Key: &p.key, UploadId: &p.id, PartNumber: number, Body: sent, ContentLength: &body.Sums.Size,
	}
	sums := p.checksum.sumsOf(body.Sums)
	in.ChecksumCRC64NVME, in.ChecksumCRC32C = sums.crc64nvme, sums.crc32c
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	trace := b.small()
	trace.body = sent
	out, err := b.client.UploadPart(ctx, in, trace.options, p.checksum.sending)
	if err != nil {
		return types.CompletedPart{}, err
	}
	return types.CompletedPart{
		PartNumber: number, ETag: out.ETag, ChecksumCRC64NVME: sums.crc64nvme, ChecksumCRC32C: sums.crc32c,
	}, nil
}

// completion is what is known when all parts are stored.
type completion struct {
	id       string
	parts    []types.CompletedPart
	size     int64
	checksum Algorithm
	sums     *crc.Sums // of the whole, or nil
	expect   sumFields // of the whole; used when sums is nil
}

// complete makes the object out of the parts, on the write's condition.
func (w *write) complete(ctx context.Context, c completion) error {
	b := w.b
	w.size = c.size
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &b.bucket, Key: &w.key, UploadId: &c.id, MpuObjectSize: &c.size, ChecksumType: c.checksum.kind(),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: c.parts}, IfNoneMatch: w.ifAbsent, IfMatch: w.ifMatch,
	}
	sums := c.expect
	if c.sums != nil {
		sums = c.checksum.sumsOf(*c.sums)
		w.sums = c.checksum.kept(*c.sums)
	}
	in.ChecksumCRC64NVME, in.ChecksumCRC32C = sums.crc64nvme, sums.crc32c
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	trace := b.slow()
	out, err := b.client.CompleteMultipartUpload(ctx, in, trace.options)
	if err == nil {
		w.answered(out.ETag, out.ResultMetadata)
		return nil
	}
	if codeOf(err) == "NoSuchUpload" && trace.attempts > 1 {
		trace.lost = true // perhaps an earlier attempt ended the upload
	}
	return w.settle(ctx, trace, err)
}

// maxAborts is how often an upload is aborted that parts go on arriving in.
const maxAborts = 4

// abort drops an upload. One that is not there is success. A part whose request was given up may be stored after the
// upload's end, so it is looked whether anything is left, as the service's manual says
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
func (b *Backend) abort(ctx context.Context, key, id string) error {
	in := &s3.AbortMultipartUploadInput{Bucket: &b.bucket, Key: &key, UploadId: &id}
	for try := 1; ; try++ {
		_, err := b.client.AbortMultipartUpload(ctx, in, b.small().options)
		if codeOf(err) == "NoSuchUpload" {
			return nil
		}
		if err != nil {
			return err
		}
		left, err := b.partsLeft(ctx, key, id)
		if !left || err != nil || try == maxAborts {
			return nil //nolint:nilerr // the upload was aborted; whether something arrived since cannot be known
		}
		if ended := rest(ctx, time.Duration(try)*50*time.Millisecond); ended != nil {
			return ended
		}
	}
}

// partsLeft reports whether an upload that was aborted is still there.
func (b *Backend) partsLeft(ctx context.Context, key, id string) (bool, error) {
	in := &s3.ListPartsInput{Bucket: &b.bucket, Key: &key, UploadId: &id, MaxParts: aws.Int32(1)}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	_, err := b.client.ListParts(ctx, in, b.small().options)
	if codeOf(err) == "NoSuchUpload" {
		return false, nil
	}
	return err == nil, err
}

// storedParts lists the parts of an upload by number, up to limit pages.
func (b *Backend) storedParts(ctx context.Context, key, id string, yield func(types.Part) bool) error {
	in := &s3.ListPartsInput{Bucket: &b.bucket, Key: &key, UploadId: &id}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	for {
		out, err := b.client.ListParts(ctx, in, b.small().options)
		if err != nil {
			return err
		}
		for _, part := range out.Parts {
			if !yield(part) {
				return nil
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return nil
		}
		if next := aws.ToString(out.NextPartNumberMarker); next == "" || next == aws.ToString(in.PartNumberMarker) {
			return fmt.Errorf("%w: the list of parts does not go on after %q", dossier.ErrUnavailable, next)
		}
		in.PartNumberMarker = out.NextPartNumberMarker
	}
}
