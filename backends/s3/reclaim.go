package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
)

// Reclaim implements [dossier.Reclaimer]: it aborts multipart uploads of the whole bucket, whoever began them, that were
// begun before olderThan and of which no part was stored since, and it deletes what interrupted probes left. What a call
// of this process is sending it leaves alone; another process is protected by olderThan alone, so that must be longer than
// any pause between two parts. A rule of the bucket's lifecycle (AbortIncompleteMultipartUpload) does the same by days.
func (b *Backend) Reclaim(ctx context.Context, olderThan time.Duration) (report dossier.ReclaimReport, err error) {
	var bad error
	if olderThan < 0 {
		bad = fmt.Errorf("%w: an age of %v", dossier.ErrInvalid, olderThan)
	}
	if err := b.check(ctx, bad); err != nil {
		return report, fail("reclaim", "", err)
	}
	before := time.Now().Add(-olderThan)
	type candidate struct{ key, id string }
	var old []candidate
	err = b.storedUploads(ctx, "", func(key string, upload types.MultipartUpload) bool {
		id := aws.ToString(upload.UploadId)
		ours := dossier.CheckKey(key) == nil || strings.HasPrefix(key, probePrefix)
		if ours && !aws.ToTime(upload.Initiated).After(before) {
			old = append(old, candidate{key, id})
		}
		return true
	})
	b.writing.wait()
	for _, one := range old {
		if err == nil {
			err = b.reclaimUpload(ctx, one.key, one.id, before, &report)
		}
	}
	if err == nil {
		err = b.reclaimProbes(ctx, before, &report)
	}
	return report, fail("reclaim", "", withContext(ctx, err))
}

// reclaimUpload aborts an upload unless it was touched.
func (b *Backend) reclaimUpload(ctx context.Context, key, id string, before time.Time, report *dossier.ReclaimReport) error {
	if b.writing.has(id) {
		return nil
	}
	var parts dossier.ReclaimReport
	fresh := false
	err := b.storedParts(ctx, key, id, func(part types.Part) bool {
		fresh = aws.ToTime(part.LastModified).After(before)
		parts.Files++
		parts.Bytes += aws.ToInt64(part.Size)
		return !fresh
	})
	if errors.Is(kindOfError(err), dossier.ErrNotExist) || err == nil && (fresh || b.writing.has(id)) {
		return nil
	}
	if err == nil {
		err = b.abort(ctx, key, id)
	}
	if err == nil {
		report.Uploads++
		report.Files += parts.Files
		report.Bytes += parts.Bytes
	}
	return err
}

// reclaimProbes deletes the objects of probes that did not come to their end.
func (b *Backend) reclaimProbes(ctx context.Context, before time.Time, report *dossier.ReclaimReport) error {
	prefix := probePrefix
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, b.small().options)
		if err != nil {
			return positive(err)
		}
		for _, object := range page.Contents {
			if aws.ToTime(object.LastModified).After(before) {
				continue
			}
			if err := b.delete(ctx, aws.ToString(object.Key), ""); err != nil {
				return err
			}
			report.Files++
			report.Bytes += aws.ToInt64(object.Size)
		}
	}
	return nil
}
