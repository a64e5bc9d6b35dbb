package gcs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// Reclaim implements [dossier.Reclaimer]. It drops multipart uploads, and parts without an upload, that nothing has been
// added to for olderThan. A part that is being written cannot be seen, so olderThan must be more than the longest time that
// one takes. Resumable uploads that were broken off cannot be seen either; the store forgets them after a week.
func (b *Backend) Reclaim(ctx context.Context, olderThan time.Duration) (report dossier.ReclaimReport, err error) {
	var bad error
	if olderThan < 0 {
		bad = fmt.Errorf("%w: an age of %v", dossier.ErrInvalid, olderThan)
	}
	if err := b.check(ctx, bad); err != nil {
		return report, fail("reclaim", "", err)
	}
	touched, uploads, err := b.touched(ctx)
	if err != nil {
		return report, fail("reclaim", "", err)
	}
	before := time.Now().Add(-olderThan)
	if report, err = b.reclaimProbes(ctx, before); err != nil {
		return report, fail("reclaim", "", err)
	}
	for id, last := range touched {
		if last.After(before) {
			continue
		}
		if uploads[id] {
			if err := b.delete(ctx, uploadsPrefix+id, dossier.Condition{}); err != nil {
				return report, fail("reclaim", "", err)
			}
			report.Uploads++
		}
		dropped, err := b.dropParts(ctx, id)
		report.Files += dropped.Files
		report.Bytes += dropped.Bytes
		if err != nil {
			return report, fail("reclaim", "", err)
		}
	}
	return report, nil
}

// reclaimProbes removes what killed probes left.
func (b *Backend) reclaimProbes(ctx context.Context, before time.Time) (report dossier.ReclaimReport, err error) {
	for page, err := range b.pages(ctx, onlyNames(probePrefix, 0), 0) {
		if err != nil {
			return report, err
		}
		page = slices.DeleteFunc(page, func(attrs *storage.ObjectAttrs) bool { return attrs.Created.After(before) })
		if err := b.deleteAll(ctx, page); err != nil {
			return report, err
		}
		for _, attrs := range page {
			report.Files++
			report.Bytes += attrs.Size
		}
	}
	return report, nil
}

// touched says when each upload, or what is left of one, was added to, and which of them are uploads.
func (b *Backend) touched(ctx context.Context) (last map[string]time.Time, uploads map[string]bool, err error) {
	last, uploads = map[string]time.Time{}, map[string]bool{}
	for _, prefix := range []string{uploadsPrefix, partsPrefix} {
		for page, err := range b.pages(ctx, onlyNames(prefix, 0), 0) {
			if err != nil {
				return nil, nil, err
			}
			for _, attrs := range page {
				id, _, _ := strings.Cut(strings.TrimPrefix(attrs.Name, prefix), "/")
				if !validUpload(id) {
					continue
				}
				uploads[id] = uploads[id] || prefix == uploadsPrefix
				if attrs.Created.After(last[id]) {
					last[id] = attrs.Created
				}
			}
		}
	}
	return last, uploads, nil
}
