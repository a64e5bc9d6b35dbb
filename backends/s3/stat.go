package s3

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
)

// Stat implements [dossier.Backend] with one request, and a second one when there is no object: the answer to a HEAD does
// not tell a missing object from a missing bucket.
func (b *Backend) Stat(ctx context.Context, key string) (dossier.Info, error) {
	if err := b.check(ctx, dossier.CheckKey(key)); err != nil {
		return dossier.Info{}, fail("stat", key, err)
	}
	head, err := b.head(ctx, key)
	if err != nil {
		return dossier.Info{}, fail("stat", key, err)
	}
	return infoOf(key, head), nil
}

// head asks for the description of an object. Its error says what is wrong: NoSuchKey, NoSuchBucket, which credentials.
func (b *Backend) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	for again := range 2 {
		head, err := b.headOnce(ctx, key)
		code := status(err)
		if err == nil || code < http.StatusBadRequest || code >= http.StatusInternalServerError {
			return head, err
		}
		reason := b.reason(ctx, key)
		switch {
		case reason != nil:
			return nil, reason
		case again > 0 && code == http.StatusNotFound:
			return nil, fmt.Errorf("%w: it comes and goes: %w", dossier.ErrNotExist, err) // the bucket answers, so it is there
		case again > 0:
			return nil, err
		}
	}
	return nil, nil // not reached
}

func (b *Backend) headOnce(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	in := &s3.HeadObjectInput{Bucket: &b.bucket, Key: &key}
	if b.cfg.Checksum != NoChecksum {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	return b.client.HeadObject(ctx, in, b.small().options)
}

// reason asks for one byte of an object, because the answer to that has a body that says why there is none. It is nil when
// there is an object after all.
func (b *Backend) reason(ctx context.Context, key string) error {
	in := &s3.GetObjectInput{Bucket: &b.bucket, Key: &key, Range: aws.String("bytes=0-0")}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = b.cfg.SSE.customer()
	out, err := b.client.GetObject(ctx, in, b.small().options)
	if err == nil {
		return out.Body.Close()
	}
	if status(err) == http.StatusRequestedRangeNotSatisfiable { // an empty object
		return nil
	}
	return positive(err)
}

// positive makes a 404 without a code of the API, as of a proxy or a wrong endpoint, no statement about an object.
func positive(err error) error {
	if status(err) != http.StatusNotFound || codeOf(err) == "NoSuchKey" || codeOf(err) == "NoSuchBucket" {
		return err
	}
	for _, row := range codes() {
		for _, code := range row.codes {
			if code == codeOf(err) {
				return err
			}
		}
	}
	return fmt.Errorf("%w: the answer 404 does not come from the object store; check the endpoint: %w", dossier.ErrUnavailable, err)
}

// infoOf is what the server said about an object.
func infoOf(key string, head *s3.HeadObjectOutput) dossier.Info {
	etag := aws.ToString(head.ETag)
	info := dossier.Info{
		Key: key, Size: aws.ToInt64(head.ContentLength), ETag: quoted(etag), Version: versionOf(key, etag),
		ModTime: aws.ToTime(head.LastModified).UTC(),
		Header: dossier.Header{
			ContentType: typeOf(head.ContentType), ContentDisposition: aws.ToString(head.ContentDisposition),
			ContentEncoding: aws.ToString(head.ContentEncoding), ContentLanguage: aws.ToString(head.ContentLanguage),
			CacheControl: aws.ToString(head.CacheControl),
		},
	}
	info.Metadata, info.PutID = splitMetadata(head.Metadata)
	if head.ChecksumType != types.ChecksumTypeComposite {
		info.Checksums = dossier.Checksums{
			CRC32C: checksumOf(head.ChecksumCRC32C, 4), CRC64NVME: checksumOf(head.ChecksumCRC64NVME, 8),
			SHA256: checksumOf(head.ChecksumSHA256, 32),
		}
	}
	return info
}

// untyped is the content type of objects whose PutOptions name none. S3 itself would say binary/octet-stream.
const untyped = "application/octet-stream"

func typeOf(contentType *string) string {
	if name := aws.ToString(contentType); name != "binary/octet-stream" {
		return name
	}
	return untyped
}

// checksumOf reads the checksum of a whole object; that of parts has a number behind it and is left out.
func checksumOf(field *string, length int) []byte {
	sum, err := base64.StdEncoding.DecodeString(aws.ToString(field))
	if err != nil || len(sum) != length {
		return nil
	}
	return sum
}
