package azure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"
	"github.com/dossier-go/dossier"
)

// orphanAge is the least age of hidden objects without an upload, which a copy or completion under way may be using.
const orphanAge = time.Hour

// Reclaim implements [dossier.Reclaimer]: it drops uploads to which nothing was added for olderThan, so olderThan must be
// longer than it takes to send a part; and what killed copies and completions left, when it is an hour old at least. The
// blocks of killed Puts are not reclaimed, because that takes writing an object: they expire after seven days.
func (b *Backend) Reclaim(ctx context.Context, olderThan time.Duration) (report dossier.ReclaimReport, err error) {
	if olderThan < 0 {
		err = fmt.Errorf("%w: an age of %v", dossier.ErrInvalid, olderThan)
	}
	r := &reclaiming{b: b, before: time.Now().Add(-olderThan), living: map[string]bool{}}
	if err = b.check(ctx, err); err == nil {
		err = b.eachHidden(ctx, hiddenUploads, func(item *container.BlobItem) error { return r.upload(ctx, item) })
	}
	r.before = time.Now().Add(-max(olderThan, orphanAge))
	for _, prefix := range []string{hiddenParts, hiddenCopies, hiddenProbes} {
		if err == nil {
			err = b.eachHidden(ctx, prefix, func(item *container.BlobItem) error { return r.orphan(ctx, item) })
		}
	}
	return r.report, fail("reclaim", "", err)
}

// reclaiming is one Reclaim.
type reclaiming struct {
	b      *Backend
	before time.Time
	living map[string]bool // ids of uploads that stay
	report dossier.ReclaimReport
}

// upload drops one upload, if it is old.
func (r *reclaiming) upload(ctx context.Context, item *container.BlobItem) error {
	up := dossier.Upload{Key: uploadKey(item.Metadata), ID: strings.TrimPrefix(value(item.Name), hiddenUploads)}
	r.living[up.ID] = true
	if _, ok := parseUploadID(up); !ok || !r.old(item) || value(item.Properties.LeaseState) == lease.StateTypeLeased {
		return nil
	}
	list, err := r.b.listParts(ctx, up.ID)
	if err != nil {
		return err
	}
	if time.Unix(0, list.last).After(r.before) {
		return nil
	}
	if err := r.b.abortUpload(ctx, up); err != nil {
		return err
	}
	r.report.Uploads++
	for _, part := range list.parts {
		r.report.Files++
		r.report.Bytes += list.size(part)
	}
	return nil
}

// orphan drops one hidden object that no upload needs.
func (r *reclaiming) orphan(ctx context.Context, item *container.BlobItem) error {
	name := value(item.Name)
	id, part := strings.CutPrefix(name, hiddenParts)
	if !r.old(item) || part && r.living[id] {
		return nil
	}
	var err error
	if part {
		if begun, err := r.begun(ctx, id); begun || err != nil {
			return err
		}
		err = r.b.discard(ctx, id)
	} else {
		err = r.b.remove(ctx, name, dossier.Condition{}, nil)
	}
	if err != nil && errors.Is(fail("", "", err), dossier.ErrConflict) {
		return nil // somebody has it
	}
	if err == nil {
		r.report.Files++
		r.report.Bytes += value(item.Properties.ContentLength)
	}
	return err
}

// begun reports whether there is an upload that was not there when the uploads were listed.
func (r *reclaiming) begun(ctx context.Context, id string) (bool, error) {
	_, err := r.b.stat(ctx, hiddenUploads+id, dossier.Condition{})
	return err == nil, gone(err)
}

// old reports whether an entry was not touched since. Blocks that were never committed have no time: they count as old
// only when no upload needs them.
func (r *reclaiming) old(item *container.BlobItem) bool {
	if item.Properties == nil {
		return false
	}
	return value(item.Properties.LastModified).Before(r.before)
}
