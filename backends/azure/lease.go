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
	leaseSeconds = 15 // the service's least
	leaseRenewal = 5 * time.Second
	leasePoll    = 100 * time.Millisecond
)

// underLease runs do while it alone holds the record of an upload. If do succeeds the record is deleted, else it is given
// back.
func (b *Backend) underLease(ctx context.Context, up dossier.Upload, do func(ctx context.Context) error) error {
	record := hiddenUploads + up.ID
	holder, err := lease.NewBlobClient(b.client.NewBlobClient(record), &lease.BlobClientOptions{LeaseID: b.strayLease(up.ID)})
	if err != nil {
		return err
	}
	tracing, sent := counted(ctx)
	_, err = request(tracing, b, func(ctx context.Context) (lease.BlobAcquireResponse, error) {
		return holder.AcquireLease(ctx, leaseSeconds, nil)
	})
	if hasCode(err, bloberror.LeaseAlreadyPresent) {
		return errors.Join(fmt.Errorf("%w: the upload is being completed by another caller", dossier.ErrConflict), err)
	}
	if err != nil {
		if !refusal(err, sent.Load()) {
			return errors.Join(err, b.giveBack(ctx, up.ID, holder))
		}
		return err
	}
	working, lost := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { b.renew(working, holder, lost) })
	err = do(working)
	lost(context.Canceled)
	renewing.Wait()
	if err != nil {
		return errors.Join(err, b.giveBack(ctx, up.ID, holder))
	}
	err = b.cleanUp(ctx, func(ctx context.Context) error {
		return b.remove(ctx, record, dossier.Condition{}, holder.LeaseID())
	})
	if err != nil {
		b.stray.Store(up.ID, *holder.LeaseID())
		return &unclearError{err: fmt.Errorf("the object is there, but the record of its upload is too: %w", err), leaked: &up}
	}
	return nil
}

// strayLease is a lease of this process that it could not give back; it may go on with that.
func (b *Backend) strayLease(id string) *string {
	if held, there := b.stray.LoadAndDelete(id); there {
		lease, _ := held.(string)
		return &lease
	}
	return nil
}

// giveBack ends the lease, if there is one, before its time.
func (b *Backend) giveBack(ctx context.Context, id string, holder *lease.BlobClient) error {
	err := b.cleanUp(ctx, func(ctx context.Context) error {
		_, err := request(ctx, b, func(ctx context.Context) (lease.BlobReleaseResponse, error) { return holder.ReleaseLease(ctx, nil) })
		if hasCode(err, bloberror.LeaseIDMismatchWithLeaseOperation, bloberror.LeaseNotPresentWithLeaseOperation) {
			return nil
		}
		return gone(err)
	})
	if err != nil {
		b.stray.Store(id, *holder.LeaseID())
	}
	return err
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
