package azure

import (
	"context"
	"errors"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/dossier-go/dossier"
)

// Attempts to remove what is hidden, and the time that each may take.
const (
	cleanUpAttempts = 3
	cleanUpTimeout  = 5 * time.Second
)

// Delete implements [dossier.Backend]. An object with snapshots is dossier.ErrConflict: deleting it would delete other
// versions too.
func (b *Backend) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckDeleteOptions(opts), b.needs(opts.If.Match != "", dossier.DeleteMatch))
	if err == nil {
		err = b.remove(ctx, key, opts.If, nil)
	}
	return fail("delete", key, err)
}

// remove deletes an object; lease is what somebody else's requests lack.
func (b *Backend) remove(ctx context.Context, key string, cond dossier.Condition, lease *string) error {
	access, err := conditions(cond)
	if err != nil {
		return err
	}
	if lease != nil {
		access = &blob.AccessConditions{LeaseAccessConditions: &blob.LeaseAccessConditions{LeaseID: lease}}
	}
	tracing, sent := counted(ctx)
	_, err = request(tracing, b, func(ctx context.Context) (blob.DeleteResponse, error) {
		return b.client.NewBlobClient(key).Delete(ctx, &blob.DeleteOptions{AccessConditions: access})
	})
	switch {
	case err == nil:
		return nil
	case hasCode(err, bloberror.BlobNotFound) && (cond.Match == "" || sent.Load() > 1):
		return nil // missing, or gone by an earlier repetition of this request whose answer was lost
	case refused(err, cond) && sent.Load() > 1:
		return b.settledRemoval(ctx, key, cond, err)
	case !refusal(err, sent.Load()):
		return &unclearError{err: err}
	}
	return conditionError(err, cond)
}

// settledRemoval finds out whether a refusal means that an earlier repetition of the same request was done.
func (b *Backend) settledRemoval(ctx context.Context, key string, cond dossier.Condition, refusal error) error {
	_, err := b.stat(ctx, key, dossier.Condition{})
	switch {
	case hasCode(err, bloberror.BlobNotFound):
		return nil
	case err != nil:
		return &unclearError{err: errors.Join(err, refusal)}
	}
	return conditionError(refusal, cond)
}

// cleanUp runs do, which removes what is hidden, on a context of its own and again when it fails.
func (b *Backend) cleanUp(ctx context.Context, do func(ctx context.Context) error) (err error) {
	for range cleanUpAttempts {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
		err = do(cleaning)
		cancel()
		if err == nil {
			return nil
		}
	}
	return err
}

// gone forgives an object that is not there.
func gone(err error) error {
	if errors.Is(fail("", "", err), dossier.ErrNotExist) {
		return nil
	}
	return err
}
