package s3

import (
	"context"
	"fmt"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/partnumber"
)

// CreateUpload implements [dossier.MultipartBackend]. Conditions, MaxSize and a CRC of opts travel in the returned ID, so
// they hold in every process that completes the upload with it; an ID that Uploads yields is without them. Other checksums
// cannot be verified without reading everything again: errors.ErrUnsupported. opts.OnUploadID and opts.Progress are not
// called: the id is returned.
func (b *Backend) CreateUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	if err := b.check(ctx, b.checkPut(key, opts), b.needsUploads()); err != nil {
		return dossier.Upload{}, fail("create upload", key, err)
	}
	upload, err := b.createUpload(ctx, key, opts)
	return upload, fail("create upload", key, withContext(ctx, err))
}

func (b *Backend) createUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	t, err := b.termsOf(opts)
	if err != nil {
		return dossier.Upload{}, err
	}
	w, err := b.newWrite(key, opts)
	if err != nil {
		return dossier.Upload{}, err
	}
	checksum := t.Checksum
	setDefault(&checksum, b.cfg.Checksum)
	server, err := w.begin(ctx, checksum)
	if err != nil {
		return dossier.Upload{}, err
	}
	id, err := t.uploadID(server)
	return dossier.Upload{Key: key, ID: id}, err
}

func (b *Backend) needsUploads() error { return b.needs(true, dossier.Multipart, "multipart uploads") }

func checkPartNumbers(numbers ...int) error {
	if problem := partnumber.Problem(dossier.MaxPartNumber, numbers...); problem != "" {
		return fmt.Errorf("%w: %s", dossier.ErrInvalid, problem)
	}
	return nil
}

// PutPart implements [dossier.MultipartBackend]. A source that cannot be read at any offset is kept in a temporary file
// while it is sent, if it is larger than 256 KiB.
func (b *Backend) PutPart(ctx context.Context, upload dossier.Upload, number int, src dossier.Source) (dossier.Part, error) {
	part, err := b.putPart(ctx, upload, number, src)
	return part, fail("put part", upload.Key, err)
}

func (b *Backend) putPart(ctx context.Context, upload dossier.Upload, number int, src dossier.Source) (dossier.Part, error) {
	if err := b.check(ctx, dossier.CheckKey(upload.Key), checkPartNumbers(number), b.needsUploads()); err != nil {
		return dossier.Part{}, err
	}
	id, t, err := b.parseUploadID(upload.ID)
	if err != nil {
		return dossier.Part{}, err
	}
	limit := b.limits.maxPart
	if t.MaxSize > 0 {
		limit = min(limit, t.MaxSize)
	}
	body, release, err := receivePart(ctx, src, limit, t.Checksum)
	if err != nil {
		return dossier.Part{}, err
	}
	defer release()
	b.writing.begin(id)
	defer b.writing.end(id)
	sent, err := b.sendPart(ctx, partRequest{upload.Key, id, number, t.Checksum}, body)
	if err != nil {
		return dossier.Part{}, withContext(ctx, err)
	}
	return dossier.Part{Number: number, Size: body.Sums.Size, ETag: quoted(aws.ToString(sent.ETag))}, nil
}

// Parts implements [dossier.MultipartBackend].
func (b *Backend) Parts(ctx context.Context, upload dossier.Upload) iter.Seq2[dossier.Part, error] {
	return func(yield func(dossier.Part, error) bool) {
		err := b.check(ctx, dossier.CheckKey(upload.Key), b.needsUploads())
		id := ""
		if err == nil {
			id, _, err = b.parseUploadID(upload.ID)
		}
		left := false
		if err == nil {
			err = b.storedParts(ctx, upload.Key, id, func(part types.Part) bool {
				left = !yield(partOf(part), nil)
				return !left
			})
		}
		if err != nil && !left {
			yield(dossier.Part{}, fail("list parts", upload.Key, withContext(ctx, err)))
		}
	}
}

func partOf(part types.Part) dossier.Part {
	return dossier.Part{
		Number: int(aws.ToInt32(part.PartNumber)), Size: aws.ToInt64(part.Size), ETag: quoted(aws.ToString(part.ETag)),
	}
}

// AbortUpload implements [dossier.MultipartBackend]. It also works without the capability Multipart, for uploads that a Put
// has begun.
func (b *Backend) AbortUpload(ctx context.Context, upload dossier.Upload) error {
	if err := b.check(ctx, dossier.CheckKey(upload.Key)); err != nil {
		return fail("abort upload", upload.Key, err)
	}
	id, _, err := b.parseUploadID(upload.ID)
	if err != nil {
		return nil //nolint:nilerr // an id that names no upload is as good as aborted
	}
	release, err := b.ending.take(ctx, id)
	if err != nil {
		return fail("abort upload", upload.Key, err)
	}
	defer release()
	return fail("abort upload", upload.Key, withContext(ctx, b.abort(ctx, upload.Key, id)))
}

// Uploads implements [dossier.MultipartBackend]. The ids are the server's own: they are without the conditions and limits
// of CreateUpload.
func (b *Backend) Uploads(ctx context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	return func(yield func(dossier.Upload, error) bool) {
		err := b.check(ctx, dossier.CheckPrefix(prefix), b.needsUploads())
		left := false
		if err == nil {
			err = b.storedUploads(ctx, prefix, func(key string, upload types.MultipartUpload) bool {
				if dossier.CheckKey(key) != nil {
					return true
				}
				left = !yield(dossier.Upload{Key: key, ID: aws.ToString(upload.UploadId)}, nil)
				return !left
			})
		}
		if err != nil && !left {
			yield(dossier.Upload{}, fail("list uploads", prefix, withContext(ctx, err)))
		}
	}
}

// storedUploads lists the unfinished uploads by key, those with keys that break the rules too.
func (b *Backend) storedUploads(
	ctx context.Context, prefix string, yield func(key string, upload types.MultipartUpload) bool,
) error {
	in := &s3.ListMultipartUploadsInput{Bucket: &b.bucket, Prefix: optional(prefix), EncodingType: types.EncodingTypeUrl}
	for {
		out, err := b.client.ListMultipartUploads(ctx, in, b.small().options)
		if err != nil {
			return positive(err)
		}
		decode := decoder(out.EncodingType)
		for _, upload := range out.Uploads {
			if !yield(decode(upload.Key), upload) {
				return nil
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return nil
		}
		nextKey, nextID := decode(out.NextKeyMarker), out.NextUploadIdMarker
		if nextKey == aws.ToString(in.KeyMarker) && aws.ToString(nextID) == aws.ToString(in.UploadIdMarker) {
			return fmt.Errorf("%w: the list of uploads does not go on after %q", dossier.ErrUnavailable, nextKey)
		}
		in.KeyMarker, in.UploadIdMarker = &nextKey, nextID
	}
}
