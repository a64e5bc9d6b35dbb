package azure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"
	"github.com/dossier-go/dossier"
)

// A lease on the record of an upload lets one process at a time complete it. It ends by itself when that process dies.
const (
	leaseSeconds = 60
	leaseRenewal = 20 * time.Second
	leasePoll    = 100 * time.Millisecond
)

// underLease runs do while it alone holds the record of an upload. If do succeeds the record is deleted, else it is given
// back.
func (b *Backend) underLease(ctx context.Context, up dossier.Upload, do func(ctx context.Context) error) error {
	record := hiddenUploads + up.ID
	holder, err := lease.NewBlobClient(b.client.NewBlobClient(record), nil)
	if err != nil {
		return err
	}
	_, err = request(ctx, b, func(ctx context.Context) (lease.BlobAcquireResponse, error) {
		return holder.AcquireLease(ctx, leaseSeconds, nil)
	})
	if hasCode(err, bloberror.LeaseAlreadyPresent) {
		return errors.Join(fmt.Errorf("%w: the upload is being completed by another caller", dossier.ErrConflict), err)
	}
	if err != nil {
		return err
	}
	working, lost := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { b.renew(working, holder, lost) })
	err = do(working)
	lost(context.Canceled)
	renewing.Wait()
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if err == nil {
		_ = b.remove(cleaning, record, dossier.Condition{}, holder.LeaseID()) // the object is there; Reclaim finds what is left
		return nil
	}
	_, released := request(cleaning, b, func(ctx context.Context) (lease.BlobReleaseResponse, error) {
		return holder.ReleaseLease(ctx, nil)
	})
	return errors.Join(err, gone(released))
}

// renew keeps the lease until ctx ends, and ends ctx when it cannot.
func (b *Backend) renew(ctx context.Context, holder *lease.BlobClient, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(leaseRenewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		_, err := request(ctx, b, func(ctx context.Context) (lease.BlobRenewResponse, error) { return holder.RenewLease(ctx, nil) })
		if err != nil && ctx.Err() == nil {
			lost(fmt.Errorf("%w: the lease of the upload was lost: %w", dossier.ErrConflict, err))
			return
		}
	}
}
