package azure

import (
	"context"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/dossier-go/dossier"
)

// Lives of user delegation keys. The service gives them for seven days at most.
const (
	delegationLife    = 7 * 24 * time.Hour
	delegationReserve = 24 * time.Hour  // of life that a key must have left, else it is renewed
	delegationAge     = time.Hour       // up to which a key is not renewed only because a URL should live longer
	delegationSkew    = 5 * time.Minute // of the service's clock
)

// delegation keeps the user delegation key.
type delegation struct {
	client *service.Client
	turn   chan struct{} // held by the one who fetches

	mu      sync.RWMutex
	key     *service.UserDelegationCredential
	fetched time.Time
	expires time.Time
}

func newDelegation(client *service.Client) *delegation {
	return &delegation{client: client, turn: make(chan struct{}, 1)}
}

// credential returns a key and when it ends, if possible not before until. One caller at a time fetches a new key; the
// others go on with the old one as long as it is valid.
func (d *delegation) credential(
	ctx context.Context, b *Backend, until time.Time,
) (*service.UserDelegationCredential, time.Time, error) {
	key, ends, state := d.present(until)
	if state == keyFresh {
		return key, ends, nil
	}
	select {
	case d.turn <- struct{}{}:
	default:
		if state == keyValid {
			return key, ends, nil
		}
		select {
		case d.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, time.Time{}, dossier.ContextError(ctx)
		}
	}
	defer func() { <-d.turn }()
	if key, ends, state = d.present(until); state == keyFresh {
		return key, ends, nil
	}
	err := d.fetch(ctx, b)
	if err != nil && state == keyValid {
		return key, ends, nil
	}
	key, ends, _ = d.present(until)
	return key, ends, err
}

// keyState says what a key is good for.
type keyState int

const (
	keyMissing keyState = iota
	keyValid            // to be renewed soon
	keyFresh
)

func (d *delegation) present(until time.Time) (*service.UserDelegationCredential, time.Time, keyState) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	left := time.Until(d.expires)
	switch {
	case d.key == nil || left < delegationSkew:
		return nil, time.Time{}, keyMissing
	case left < delegationReserve || until.After(d.expires) && time.Since(d.fetched) > delegationAge:
		return d.key, d.expires, keyValid
	}
	return d.key, d.expires, keyFresh
}

// fetch asks the service for a new key.
func (d *delegation) fetch(ctx context.Context, b *Backend) error {
	now := time.Now().UTC()
	expires := now.Add(delegationLife - delegationSkew).Truncate(time.Second)
	start, end := now.Add(-delegationSkew).Format(sas.TimeFormat), expires.Format(sas.TimeFormat)
	key, err := request(ctx, b, func(ctx context.Context) (*service.UserDelegationCredential, error) {
		return d.client.GetUserDelegationCredential(ctx, service.KeyInfo{Start: &start, Expiry: &end}, nil)
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.key, d.fetched, d.expires = key, now, expires
	return nil
}
