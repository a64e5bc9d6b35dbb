package journal

import (
	"context"
	"errors"

	"github.com/dossier-go/dossier"
)

// aborter ends the multipart uploads of an entry.
type aborter func(ctx context.Context, b dossier.Backend, entry Entry) error

// abortRecorded aborts the upload whose id is in the journal.
func abortRecorded(ctx context.Context, b dossier.Backend, entry Entry) error {
	m, ok := dossier.As[dossier.MultipartBackend](b)
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
	m, ok := dossier.As[dossier.MultipartBackend](b)
	if !ok {
		return nil
	}
	for upload, err := range m.Uploads(ctx, entry.Key) {
		if errors.Is(err, errors.ErrUnsupported) {
			return nil // the store does not list them; it has to drop old ones itself
		}
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
