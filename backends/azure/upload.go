package azure

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
)

// Where this package keeps what is no object: no listing shows it.
const (
	hidden        = dossier.ReservedSegment + "/"
	hiddenUploads = hidden + "uploads/" // a record per unfinished upload
	hiddenParts   = hidden + "parts/"   // its blocks
	hiddenCopies  = hidden + "copies/"
	hiddenProbes  = hidden + "probes/"
)

// nameUploadKey is the metadata of an upload's record that says of which key it is.
const nameUploadKey = "dossier_upload_key"

// Length of upload ids, which crypto/rand.Text makes, and of the record of one in bytes.
const (
	uploadIDLength  = 26
	maxUploadRecord = 64 << 10
)

// CreateUpload implements [dossier.MultipartBackend]. The service has no uploads: what opts says is kept in a hidden record
// until the upload ends, so that any process can go on. opts.OnUploadID and opts.Progress are not called.
func (b *Backend) CreateUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	up, err := dossier.Upload{Key: key, ID: rand.Text()}, b.needs(true, dossier.Multipart)
	if err == nil || b.closed.Load() {
		opts, err = b.checkPut(ctx, key, opts)
	}
	if err == nil {
		err = b.createUpload(ctx, up, opts)
	}
	if err != nil {
		return dossier.Upload{}, fail("create upload", key, err)
	}
	return up, nil
}

func (b *Backend) createUpload(ctx context.Context, up dossier.Upload, opts dossier.PutOptions) error {
	opts.Progress, opts.OnUploadID = nil, nil
	record, err := json.Marshal(newUploadRecord(opts))
	if err != nil {
		return err
	}
	key := encodeValue(up.Key)
	tracing, sent := counted(ctx)
	_, err = request(tracing, b, func(ctx context.Context) (blockblob.UploadResponse, error) {
		return b.client.NewBlockBlobClient(hiddenUploads+up.ID).Upload(ctx, streaming.NopCloser(bytes.NewReader(record)),
			&blockblob.UploadOptions{Metadata: map[string]*string{nameUploadKey: &key}})
	})
	if err == nil || sent.Load() == 0 || sent.Load() == 1 && refusal(err, 1) {
		return err
	}
	left := b.cleanUp(ctx, func(ctx context.Context) error {
		return b.remove(ctx, hiddenUploads+up.ID, dossier.Condition{}, nil)
	})
	if left != nil {
		return &unclearError{err: errors.Join(err, left), leaked: &up}
	}
	return err
}

// uploadRecord is what is kept of the options of an upload.
type uploadRecord struct {
	If       dossier.Condition
	MaxSize  int64
	Expect   dossier.Checksums
	Header   dossier.Header
	Metadata map[string]string
	Class    string
	Tags     map[string]string
	PutID    string
}

func newUploadRecord(o dossier.PutOptions) uploadRecord {
	return uploadRecord{o.If, o.MaxSize, o.Expect, o.Header, o.Metadata, o.Class, o.Tags, o.PutID}
}

func (r uploadRecord) options() dossier.PutOptions {
	return dossier.PutOptions{
		If: r.If, MaxSize: r.MaxSize, Expect: r.Expect, Header: r.Header, Metadata: r.Metadata, Class: r.Class, Tags: r.Tags,
		PutID: r.PutID,
	}
}

// parseUploadID returns the id of an upload, if it is one that this package could have made.
func parseUploadID(up dossier.Upload) (string, bool) {
	foreign := strings.ContainsFunc(up.ID, func(r rune) bool { return !(r >= 'A' && r <= 'Z' || r >= '2' && r <= '7') })
	return up.ID, len(up.ID) == uploadIDLength && !foreign
}

// findUpload reads the record of an upload; one of another key does not exist.
func (b *Backend) findUpload(ctx context.Context, up dossier.Upload) (dossier.PutOptions, error) {
	none := fmt.Errorf("%w: there is no such upload of this key", dossier.ErrNotExist)
	id, ok := parseUploadID(up)
	if !ok {
		return dossier.PutOptions{}, none
	}
	var record uploadRecord
	key, err := request(ctx, b, func(ctx context.Context) (string, error) {
		answer, err := b.client.NewBlobClient(hiddenUploads+id).DownloadStream(ctx, nil)
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(io.LimitReader(answer.Body, maxUploadRecord))
		if err = errors.Join(err, answer.Body.Close()); err == nil {
			err = json.Unmarshal(text, &record)
		}
		return uploadKey(answer.Metadata), err
	})
	if hasCode(err, bloberror.BlobNotFound) || err == nil && key != up.Key {
		return dossier.PutOptions{}, none
	}
	return record.options(), err
}

// uploadKey is the key in the metadata of a record.
func uploadKey(metadata map[string]*string) string {
	for name, key := range metadata {
		if strings.EqualFold(name, nameUploadKey) {
			return decodeValue(value(key))
		}
	}
	return ""
}

// Uploads implements [dossier.MultipartBackend]. It holds the ids of all unfinished uploads in memory to sort them.
func (b *Backend) Uploads(ctx context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	return func(yield func(dossier.Upload, error) bool) {
		err := b.check(ctx, dossier.CheckPrefix(prefix), b.needs(true, dossier.Multipart))
		var found []dossier.Upload
		if err == nil {
			err = b.eachHidden(ctx, hiddenUploads, func(item *container.BlobItem) error {
				up := dossier.Upload{Key: uploadKey(item.Metadata), ID: strings.TrimPrefix(value(item.Name), hiddenUploads)}
				if _, ok := parseUploadID(up); ok && strings.HasPrefix(up.Key, prefix) && up.Key != "" {
					found = append(found, up)
				}
				return nil
			})
		}
		slices.SortFunc(found, func(a, b dossier.Upload) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID)) })
		if err != nil {
			yield(dossier.Upload{}, fail("list uploads", prefix, err))
			return
		}
		for _, up := range found {
			if !yield(up, nil) {
				return
			}
		}
	}
}

// eachHidden calls do for everything below a hidden prefix, blocks that were never committed too.
func (b *Backend) eachHidden(ctx context.Context, prefix string, do func(*container.BlobItem) error) error {
	pager := b.client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{
		Prefix: &prefix, Include: container.ListBlobsInclude{Metadata: true, UncommittedBlobs: true},
	})
	for pager.More() {
		if err := b.check(ctx); err != nil {
			return err
		}
		answer, err := pageOf(ctx, b, pager)
		if err == nil && answer.Segment == nil {
			err = errNoListing
		}
		if err != nil {
			return err
		}
		for _, item := range answer.Segment.BlobItems {
			if err := do(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// AbortUpload implements [dossier.MultipartBackend]. It waits for the end of a completion that is under way; one whose
// process died ends after 15 seconds.
func (b *Backend) AbortUpload(ctx context.Context, up dossier.Upload) error {
	err := b.check(ctx, dossier.CheckKey(up.Key), b.needs(true, dossier.Multipart))
	if err == nil {
		err = b.abortUpload(ctx, up)
	}
	return fail("abort upload", up.Key, err)
}

func (b *Backend) abortUpload(ctx context.Context, up dossier.Upload) error {
	if _, err := b.findUpload(ctx, up); err != nil {
		return gone(err)
	}
	for {
		err := b.remove(ctx, hiddenUploads+up.ID, dossier.Condition{}, b.strayLease(up.ID))
		if hasCode(err, bloberror.LeaseNotPresentWithBlobOperation, bloberror.LeaseIDMismatchWithBlobOperation, bloberror.LeaseLost) {
			continue // it ended meanwhile
		}
		if err == nil {
			return b.discard(ctx, up.ID)
		}
		if !hasCode(err, bloberror.LeaseIDMissing) {
			return err
		}
		timer := time.NewTimer(leasePoll)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return dossier.ContextError(ctx)
		}
	}
}

// discard drops the blocks of an upload: writing an object discards those staged for it.
func (b *Backend) discard(ctx context.Context, id string) error {
	_, err := request(ctx, b, func(ctx context.Context) (blockblob.UploadResponse, error) {
		return b.client.NewBlockBlobClient(hiddenParts+id).Upload(ctx, streaming.NopCloser(bytes.NewReader(nil)),
			&blockblob.UploadOptions{HTTPHeaders: &blob.HTTPHeaders{}})
	})
	return errors.Join(err, b.remove(ctx, hiddenParts+id, dossier.Condition{}, nil))
}
