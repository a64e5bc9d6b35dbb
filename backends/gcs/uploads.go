package gcs

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// AbortUpload implements [dossier.MultipartBackend]. It works without the capability Multipart too.
func (b *Backend) AbortUpload(ctx context.Context, up dossier.Upload) error {
	if err := b.check(ctx, dossier.CheckKey(up.Key)); err != nil {
		return fail("abort upload", up.Key, err)
	}
	u, err := b.load(ctx, up)
	if errors.Is(err, dossier.ErrNotExist) && !errors.Is(err, dossier.ErrNoContainer) {
		return nil
	}
	if err == nil {
		err = b.drop(ctx, u.id)
	}
	return fail("abort upload", up.Key, err)
}

// drop removes an upload, then its parts: so nobody adds a part that stays.
func (b *Backend) drop(ctx context.Context, id string) error {
	if err := b.delete(ctx, uploadsPrefix+id, dossier.Condition{}); err != nil {
		return err
	}
	_, err := b.dropParts(ctx, id)
	return err
}

// dropParts removes what lies beside an upload, and says what that was.
func (b *Backend) dropParts(ctx context.Context, id string) (report dossier.ReclaimReport, err error) {
	for page, err := range b.pages(ctx, onlyNames(partsPrefix+id+"/", 0), 0) {
		if err != nil {
			return report, err
		}
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

// deleteAll removes objects that this package keeps for itself.
func (b *Backend) deleteAll(ctx context.Context, all []*storage.ObjectAttrs) error {
	var err error
	for batch := range slices.Chunk(all, deletesAtOnce) {
		err = errors.Join(err, each(len(batch), deletesAtOnce, func(i int) error {
			return b.delete(ctx, batch[i].Name, dossier.Condition{})
		}))
	}
	return err
}

// Uploads implements [dossier.MultipartBackend]. It reads the list of all uploads before the first is yielded. An upload that is
// being completed is not shown, for up to 15 minutes: what became of one whose parts could not be removed is an object.
func (b *Backend) Uploads(ctx context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	return func(yield func(dossier.Upload, error) bool) {
		err := b.check(ctx, dossier.CheckPrefix(prefix), b.checkMultipart())
		var found []dossier.Upload
		if err == nil {
			found, err = b.uploads(ctx, prefix)
		}
		for _, upload := range found {
			if !yield(upload, nil) {
				return
			}
		}
		if err != nil {
			yield(dossier.Upload{}, fail("list uploads", prefix, err))
		}
	}
}

func (b *Backend) uploads(ctx context.Context, prefix string) (found []dossier.Upload, err error) {
	for page, err := range b.pages(ctx, onlyNames(uploadsPrefix, 0), 0) {
		if err != nil {
			return nil, err
		}
		for _, attrs := range page {
			if attrs.Metadata[completeName] != "" && time.Since(attrs.Created) < claimLife {
				continue
			}
			if key := attrs.Metadata[uploadKeyName]; key != "" && strings.HasPrefix(key, prefix) {
				found = append(found, dossier.Upload{Key: key, ID: strings.TrimPrefix(attrs.Name, uploadsPrefix)})
			}
		}
	}
	slices.SortFunc(found, func(a, b dossier.Upload) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}
