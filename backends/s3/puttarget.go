package s3

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// sumFields are the checksum fields of a request.
type sumFields struct{ crc64nvme, crc32c *string }

// sumsOf are the fields for content with these checksums.
func (a Algorithm) sumsOf(sums crc.Sums) (fields sumFields) {
	switch a {
	case CRC64NVME:
		fields.crc64nvme = aws.String(base64.StdEncoding.EncodeToString(crc.Bytes64(sums.CRC64NVME)))
	case CRC32C:
		fields.crc32c = aws.String(base64.StdEncoding.EncodeToString(crc.Bytes32(sums.CRC32C)))
	case NoChecksum:
	}
	return fields
}

// kept are the checksums that the store keeps of content with these.
func (a Algorithm) kept(sums crc.Sums) (kept dossier.Checksums) {
	switch a {
	case CRC64NVME:
		kept.CRC64NVME = crc.Bytes64(sums.CRC64NVME)
	case CRC32C:
		kept.CRC32C = crc.Bytes32(sums.CRC32C)
	case NoChecksum:
	}
	return kept
}

// field is the name of the algorithm in requests that begin or make copies.
func (a Algorithm) field() types.ChecksumAlgorithm {
	switch a {
	case CRC64NVME:
		return types.ChecksumAlgorithmCrc64nvme
	case CRC32C:
		return types.ChecksumAlgorithmCrc32c
	case NoChecksum:
	}
	return ""
}

// kind is the checksum type of multipart uploads: of the whole object, not of the list of parts.
func (a Algorithm) kind() types.ChecksumType {
	if a == NoChecksum {
		return ""
	}
	return types.ChecksumTypeFullObject
}

// sending are the options of a request with a body. With a checksum of ours the signature leaves the body out, so that it
// is read once; without one the signature has its SHA-256. The SDK's own checksums, which need trailers, stay off.
func (a Algorithm) sending(o *s3.Options) {
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	if a != NoChecksum {
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
}

// putTarget makes the requests of one Put.
type putTarget struct {
	*write
	announce func(id string) error
	id       string // of the multipart upload, once there is one

	mu    sync.Mutex
	parts []types.CompletedPart
}

// PutWhole implements [uploader.Target].
func (t *putTarget) PutWhole(ctx context.Context, body *uploader.Body) error {
	b, cfg := t.b, t.b.cfg
	t.size = body.Sums.Size
	sent := newSentBody(body.ReadSeeker, body.Sums.Size)
	in := &s3.PutObjectInput{
		Bucket: &b.bucket, Key: &t.key, Body: sent, ContentLength: &body.Sums.Size,
		IfNoneMatch: t.ifAbsent, IfMatch: t.ifMatch, Metadata: t.metadata,
		ContentType: optional(t.header.ContentType), ContentDisposition: optional(t.header.ContentDisposition),
		ContentEncoding: optional(t.header.ContentEncoding), ContentLanguage: optional(t.header.ContentLanguage),
		CacheControl: optional(t.header.CacheControl), StorageClass: t.classField(), ACL: t.aclField(), Tagging: optional(t.tags),
	}
	sums := cfg.Checksum.sumsOf(body.Sums)
	t.sums = cfg.Checksum.kept(body.Sums)
	in.ChecksumCRC64NVME, in.ChecksumCRC32C = sums.crc64nvme, sums.crc32c
	in.ServerSideEncryption, in.SSEKMSKeyId = cfg.SSE.serverSide()
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = cfg.SSE.customer()
	trace := b.small()
	trace.body = sent
	return t.settled(ctx, trace, func() (*string, error) {
		if _, err := sent.Seek(0, 0); err != nil {
			return nil, err
		}
		out, err := b.client.PutObject(ctx, in, trace.options, cfg.Checksum.sending)
		if err != nil {
			return nil, err
		}
		t.answered(out.ETag, out.ResultMetadata)
		return out.ETag, nil
	})
}

// Begin implements [uploader.Target].
func (t *putTarget) Begin(ctx context.Context) error {
	id, err := t.b.writing.create(func() (string, error) { return t.begin(ctx, t.b.cfg.Checksum) })
	if err != nil {
		return err
	}
	t.id = id
	if t.announce == nil {
		return nil
	}
	if err := t.announce(id); err != nil {
		return errors.Join(err, t.abandon(ctx))
	}
	return nil
}

// begin creates a multipart upload.
func (w *write) begin(ctx context.Context, checksum Algorithm) (id string, err error) {
	b := w.b
	in := &s3.CreateMultipartUploadInput{
		Bucket: &b.bucket, Key: &w.key, Metadata: w.metadata, ChecksumAlgorithm: checksum.field(), ChecksumType: checksum.kind(),
		ContentType: optional(w.header.ContentType), ContentDisposition: optional(w.header.ContentDisposition),
		ContentEncoding: optional(w.header.ContentEncoding), ContentLanguage: optional(w.header.ContentLanguage),
		CacheControl: optional(w.header.CacheControl), StorageClass: w.classField(), ACL: w.aclField(), Tagging: optional(w.tags),
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = b.cfg.SSE.serverSide()
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	out, err := b.client.CreateMultipartUpload(ctx, in, b.small().options)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.UploadId), nil
}

// abandon aborts an upload that the uploader does not know of, since Begin failed.
func (t *putTarget) abandon(ctx context.Context) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	if err := t.Abort(ctx); err != nil {
		return &uploader.AbortError{Err: err}
	}
	return nil
}

// PutPart implements [uploader.Target].
func (t *putTarget) PutPart(ctx context.Context, number int, body *uploader.Body) error {
	part, err := t.b.sendPart(ctx, partRequest{key: t.key, id: t.id, number: number, checksum: t.b.cfg.Checksum}, body)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts = append(t.parts, part)
	return nil
}

// Complete implements [uploader.Target].
func (t *putTarget) Complete(ctx context.Context, total crc.Sums, _ int) error {
	slices.SortFunc(t.parts, func(a, b types.CompletedPart) int { return int(*a.PartNumber - *b.PartNumber) })
	err := t.complete(ctx, completion{id: t.id, parts: t.parts, size: total.Size, checksum: t.b.cfg.Checksum, sums: &total})
	if errors.As(err, new(*unknownError)) {
		return &uploader.CompleteError{Err: err, Unknown: true}
	}
	return err
}

// Abort implements [uploader.Target].
func (t *putTarget) Abort(ctx context.Context) error { return t.b.abort(ctx, t.key, t.id) }

// failed completes the error of an upload with what it left behind.
func (t *putTarget) failed(ctx context.Context, err error) error {
	if ended := dossier.ContextError(ctx); ended != nil && !errors.Is(err, ended) {
		err = errors.Join(ended, err)
	}
	unknown := t.id != "" && errors.As(err, new(*unknownError))
	if unknown || errors.As(err, new(*uploader.AbortError)) {
		return &leakError{err, dossier.Upload{Key: t.key, ID: t.id}}
	}
	return err
}
