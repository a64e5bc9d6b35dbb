package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // how S3 makes the ETags of multipart uploads
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// CompleteUpload implements [dossier.MultipartBackend]. After an error the upload is as it was, unless the error's Outcome
// is unknown.
func (b *Backend) CompleteUpload(ctx context.Context, upload dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	var numbers []int
	for _, part := range parts {
		numbers = append(numbers, part.Number)
	}
	if err := b.check(ctx, dossier.CheckKey(upload.Key), checkPartNumbers(numbers...), b.needsUploads()); err != nil {
		return dossier.Info{}, fail("complete upload", upload.Key, err)
	}
	info, err := b.completeUpload(ctx, upload, parts)
	if err != nil {
		return dossier.Info{}, fail("complete upload", upload.Key, withContext(ctx, err))
	}
	return info, nil
}

func (b *Backend) completeUpload(ctx context.Context, upload dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	id, t, err := b.parseUploadID(upload.ID)
	if err != nil {
		return dossier.Info{}, err
	}
	release, err := b.ending.take(ctx, id)
	if err != nil {
		return dossier.Info{}, err
	}
	defer release()
	b.writing.begin(id)
	defer b.writing.end(id)
	c := completion{id: id, checksum: t.Checksum, expect: t.expected()}
	stored, err := b.joinStored(ctx, &c, upload.Key, parts)
	if err != nil {
		return dossier.Info{}, b.unlessEnded(ctx, upload.Key, id, err)
	}
	if t.MaxSize > 0 && c.size > t.MaxSize {
		return dossier.Info{}, fmt.Errorf("%w: more than %d bytes", dossier.ErrTooLarge, t.MaxSize)
	}
	w := &write{b: b, key: upload.Key}
	if err := w.condition(dossier.Condition{IfAbsent: t.IfAbsent, Match: t.Match}); err != nil {
		return dossier.Info{}, err
	}
	if len(parts) == 0 {
		if err := b.addEmptyPart(ctx, &c, upload.Key, stored); err != nil {
			return dossier.Info{}, err
		}
	}
	w.etag = etagOfParts(c.parts)
	if err := w.complete(ctx, c); err != nil {
		return dossier.Info{}, b.unlessEnded(ctx, upload.Key, id, completionKind(err))
	}
	return w.confirm(ctx)
}

// joinStored asks for the parts that are stored and names those of the object to the server.
func (b *Backend) joinStored(ctx context.Context, c *completion, key string, parts []dossier.Part) (map[int]types.Part, error) {
	stored := map[int]types.Part{}
	err := b.storedParts(ctx, key, c.id, func(part types.Part) bool {
		stored[int(aws.ToInt32(part.PartNumber))] = part
		return true
	})
	if err == nil {
		err = b.join(c, stored, parts)
	}
	return stored, err
}

// unlessEnded doubts that parts are missing or wrong: they may be because the upload is just being completed or aborted by
// somebody else, and then it is the upload that does not exist.
func (b *Backend) unlessEnded(ctx context.Context, key, id string, err error) error {
	for try := 1; try <= 5 && errors.Is(kindOfError(err), dossier.ErrInvalid); try++ {
		gone := b.storedParts(ctx, key, id, func(types.Part) bool { return false })
		if errors.Is(kindOfError(gone), dossier.ErrNotExist) {
			return gone
		}
		if rest(ctx, time.Duration(try)*10*time.Millisecond) != nil {
			break
		}
	}
	return err
}

// join names the parts to the server, if they are those that were stored.
func (b *Backend) join(c *completion, stored map[int]types.Part, parts []dossier.Part) error {
	for i, named := range parts {
		part, there := stored[named.Number]
		if !there {
			return fmt.Errorf("%w: part %d was not stored", dossier.ErrInvalid, named.Number)
		}
		if have := aws.ToString(part.ETag); bare(have) != bare(named.ETag) {
			return fmt.Errorf("%w: part %d has the ETag %s, not %s", dossier.ErrInvalid, named.Number, quoted(have), named.ETag)
		}
		size := aws.ToInt64(part.Size)
		if i < len(parts)-1 && size < b.limits.minPart {
			return fmt.Errorf("%w: part %d has %d bytes; all but the last need %d", dossier.ErrInvalid, named.Number, size,
				b.limits.minPart)
		}
		c.size += size
		c.parts = append(c.parts, types.CompletedPart{
			PartNumber: part.PartNumber, ETag: part.ETag, ChecksumCRC64NVME: part.ChecksumCRC64NVME, ChecksumCRC32C: part.ChecksumCRC32C,
		})
	}
	return nil
}

// addEmptyPart is for an object without parts, which S3 does not make. Its number is one that is free, so that no part is
// lost when the completion fails.
func (b *Backend) addEmptyPart(ctx context.Context, c *completion, key string, stored map[int]types.Part) error {
	number := 1
	for ; number <= b.limits.maxParts; number++ {
		if _, taken := stored[number]; !taken {
			break
		}
	}
	empty := &uploader.Body{ReadSeeker: bytes.NewReader(nil), Sums: crc.Sums{}}
	part, err := b.sendPart(ctx, partRequest{key, c.id, min(number, b.limits.maxParts), c.checksum}, empty)
	c.parts = []types.CompletedPart{part}
	return err
}

// completionKind makes the server's refusal of a checksum of the whole what it is.
func completionKind(err error) error {
	if code := codeOf(err); code == "BadDigest" || code == "InvalidDigest" || code == "XAmzContentChecksumMismatch" {
		return fmt.Errorf("%w: %w", dossier.ErrChecksum, err)
	}
	return err
}

// etagOfParts is the ETag that S3 gives an object made of parts, or empty when it cannot be foretold.
func etagOfParts(parts []types.CompletedPart) string {
	var sums []byte
	for _, part := range parts {
		sum, err := hex.DecodeString(bare(aws.ToString(part.ETag)))
		if err != nil || len(sum) != md5.Size {
			return ""
		}
		sums = append(sums, sum...)
	}
	whole := md5.Sum(sums) //nolint:gosec // see the import
	return fmt.Sprintf("%x-%d", whole, len(parts))
}
