package journal

import (
	"context"

	"github.com/dossier-go/dossier"
)

// aborter ends the multipart uploads of an entry.
type aborter func(ctx context.Context, b dossier.Backend, entry Entry) error

// abortRecorded aborts the upload whose id is in the journal.
func abortRecorded(ctx context.Context, b dossier.Backend, entry Entry) error {
	m, ok := multipart(b)
	if !ok || entry.UploadID == "" {
		return nil
	}
	return m.AbortUpload(ctx, dossier.Upload{Key: entry.Key, ID: entry.UploadID})
}

// abortAll also aborts uploads that a process created and did not live to record: whatever is begun under the key of an
// abandoned intent is its own, because every key is fresh.
func abortAll(ctx context.Context, b dossier.Backend, entry Entry) error {
	if err := abortRecorded(ctx, b, entry); err != nil || !entry.Intent {
		return err
	}
	m, ok := multipart(b)
	if !ok {
		return nil
	}
	for upload, err := range m.Uploads(ctx, entry.Key) {
		if err != nil {
			return err
		}
		if upload.Key != entry.Key {
			continue
		}
		if err := m.AbortUpload(ctx, upload); err != nil {
			return err
		}
	}
	return nil
}

func multipart(b dossier.Backend) (dossier.MultipartBackend, bool) {
	if !b.Describe().Capabilities.Has(dossier.Multipart) {
		return nil, false
	}
	return dossier.As[dossier.MultipartBackend](b)
}
