package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/uploader"
)

// scheme of this kind of store, in descriptions, errors and URLs.
const scheme = "azblob"

// Backend is one container. It is safe for concurrent use.
type Backend struct {
	client      *container.Client
	cfg         Config
	place       place
	pool        *uploader.Pool
	delegation  *delegation // nil without Config.Delegation
	description dossier.Description
	closed      atomic.Bool
	stray       sync.Map // of leases that could not be given back: upload id to lease id
	release     func()   // what Open holds; nil for a client of the caller
}

// New returns a backend over the container of client. It makes no request. The client stays the caller's, and its retry
// policy applies to every request.
//
// Errors: dossier.ErrInvalid.
func New(client *container.Client, cfg Config) (*Backend, error) {
	if client == nil {
		return nil, fail("open", "", fmt.Errorf("%w: the client is nil", dossier.ErrInvalid))
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fail("open", "", err)
	}
	at, err := placeOf(client.URL())
	if err != nil {
		return nil, fail("open", "", err)
	}
	b := &Backend{client: client, cfg: cfg, place: at, pool: uploader.NewPool(cfg.Memory, int(cfg.PartSize))}
	if cfg.Delegation != nil && cfg.SharedKey == nil {
		b.delegation = newDelegation(cfg.Delegation)
	}
	b.description = b.describe()
	return b, nil
}

// signing is what a shared access signature grants and binds.
const signing = dossier.SignGet | dossier.SignPut | dossier.SignDelete | dossier.BindIfAbsent

func (b *Backend) describe() dossier.Description {
	set := dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch | dossier.CopyIfAbsent |
		dossier.SuffixRange | dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C | dossier.VerifiesChecksums |
		dossier.ConsistentList | dossier.FlatKeys | dossier.Durable | dossier.StoresClass | dossier.StoresTags
	if b.signs() {
		set |= signing
	}
	if b.copies() {
		set |= dossier.Multipart
		if b.signs() {
			set |= dossier.SignPart
		}
	}
	return dossier.Description{
		Scheme: scheme, Store: b.place.store, Capabilities: set &^ b.cfg.Without,
		Limits: dossier.Limits{
			MaxKey: dossier.MaxKeyLength, MaxObject: maxBlocks * maxBlockSize, MaxPut: maxBlockSize, MaxPart: maxBlockSize,
			MaxParts: dossier.MaxPartNumber, MaxBatch: maxBatch, MaxSignedLife: dossier.MaxSignedLife, MaxMetadata: dossier.MaxMetadata,
		},
	}
}

// Describe implements [dossier.Backend].
func (b *Backend) Describe() dossier.Description { return b.description }

// can reports whether a capability is claimed.
func (b *Backend) can(c dossier.Capabilities) bool { return b.description.Capabilities.Has(c) }

// Close makes later calls fail with [dossier.ErrClosed]; it waits for nothing, and open objects stay readable. It may be
// repeated.
func (b *Backend) Close() error {
	if !b.closed.Swap(true) && b.release != nil {
		b.release()
	}
	return nil
}

// check says whether a call may go on. A closed store says so before it finds fault with the arguments.
func (b *Backend) check(ctx context.Context, checks ...error) error {
	if b.closed.Load() {
		return dossier.ErrClosed
	}
	if err := errors.Join(checks...); err != nil {
		return err
	}
	return dossier.ContextError(ctx)
}

// needs refuses what is not claimed.
func (b *Backend) needs(asked bool, c dossier.Capabilities) error {
	if asked && !b.can(c) {
		return fmt.Errorf("%w: the store does not offer %v", errors.ErrUnsupported, c)
	}
	return nil
}

var (
	_ dossier.Backend          = (*Backend)(nil)
	_ dossier.Lister           = (*Backend)(nil)
	_ dossier.BatchDeleter     = (*Backend)(nil)
	_ dossier.Copier           = (*Backend)(nil)
	_ dossier.URLSigner        = (*Backend)(nil)
	_ dossier.MultipartBackend = (*Backend)(nil)
	_ dossier.HeaderUpdater    = (*Backend)(nil)
	_ dossier.Reclaimer        = (*Backend)(nil)
	_ dossier.Prober           = (*Backend)(nil)
	_ dossier.PublicURLer      = (*Backend)(nil)
	_ io.Closer                = (*Backend)(nil)
)
