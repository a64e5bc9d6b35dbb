package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/storage"
	gax "github.com/googleapis/gax-go/v2"

	"github.com/dossier-go/dossier"
)

// scheme of this kind of store, in URLs, descriptions and errors.
const scheme = "gs"

// maxObject is the largest object in bytes: https://cloud.google.com/storage/quotas#objects
const maxObject = 5 << 40

// Backend is a bucket. It is safe for concurrent use.
type Backend struct {
	cfg     Config
	client  *storage.Client
	bucket  *storage.BucketHandle
	name    string
	base    base // of signed URLs
	signing *signing
	room    *room
	scratch sync.Pool
	closed  atomic.Bool
	owned   bool // the client is closed with the backend
	without atomic.Uint64
}

// New returns the backend of a bucket. The client must be one of storage.NewClient without storage.WithJSONReads, with which it
// refuses to read objects as they are stored; it stays the caller's. New makes no request.
//
// Errors: dossier.ErrInvalid (the configuration).
func New(client *storage.Client, bucket string, cfg Config) (*Backend, error) {
	if client == nil || bucket == "" {
		return nil, fail("new", "", fmt.Errorf("%w: there must be a client and the name of a bucket", dossier.ErrInvalid))
	}
	cfg, err := cfg.completed()
	if err != nil {
		return nil, fail("new", "", err)
	}
	base, err := parseBase(cfg.Endpoint)
	if err != nil {
		return nil, fail("new", "", err)
	}
	signing, err := newSigning(cfg, base)
	if err != nil {
		return nil, fail("new", "", err)
	}
	b := &Backend{cfg: cfg, client: client, name: bucket, base: base, signing: signing, room: newRoom(cfg)}
	b.bucket = client.Bucket(bucket).Retryer(
		storage.WithPolicy(storage.RetryIdempotent), storage.WithMaxAttempts(maxAttempts),
		storage.WithBackoff(gax.Backoff{Initial: cfg.pause, Max: longestPause, Multiplier: 2}),
	)
	b.scratch.New = func() any { return new([scratchSize]byte) }
	b.without.Store(uint64(cfg.Without))
	return b, nil
}

// capabilities of every bucket.
const capabilities = dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch | dossier.CopyIfAbsent |
	dossier.SuffixRange | dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C | dossier.VerifiesChecksums |
	dossier.ConsistentList | dossier.FlatKeys | dossier.Durable | dossier.StoresClass | dossier.StoresACL | dossier.Multipart

// Describe implements [dossier.Backend].
func (b *Backend) Describe() dossier.Description {
	store := scheme + ":" + b.name
	if b.cfg.Endpoint != "" && b.base != cloudBase {
		store = scheme + ":" + b.base.String() + "/" + b.name
	}
	return dossier.Description{
		Scheme: scheme, Store: store, Capabilities: b.capabilities(),
		Limits: dossier.Limits{
			MaxKey: dossier.MaxKeyLength, MaxObject: maxObject, MaxPut: maxObject,
			MaxPart: maxObject, MaxParts: dossier.MaxPartNumber,
			MaxSignedLife: dossier.MaxSignedLife, MaxMetadata: dossier.MaxMetadata,
		},
	}
}

func (b *Backend) capabilities() dossier.Capabilities {
	set := capabilities
	if b.signing != nil {
		set |= signingCapabilities
	}
	return set &^ dossier.Capabilities(b.without.Load())
}

// Close makes later calls [dossier.ErrClosed]; what is going on may end, and open objects stay readable. It may be repeated.
// A client that [Open] made is closed too, one that was given to [New] is not.
func (b *Backend) Close() error {
	if b.closed.Swap(true) || !b.owned {
		return nil
	}
	if err := b.client.Close(); err != nil {
		return fail("close", "", err)
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

// object is the handle of a key for calls that are repeated by the client: those that change nothing.
func (b *Backend) object(key string) *storage.ObjectHandle { return b.bucket.Object(key) }

// changing is the handle of a key for calls that only [retry] repeats, since it keeps in mind that an answer was lost.
func (b *Backend) changing(key string) *storage.ObjectHandle {
	return b.bucket.Object(key).Retryer(storage.WithPolicy(storage.RetryNever))
}

// detached returns a context for what must be done or known although ctx has ended.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), detachedLimit)
}

// detachedLimit is how long an ended call may go on to find out what became of it, or to clean up.
const detachedLimit = 15 * time.Second

var (
	_ dossier.Backend          = (*Backend)(nil)
	_ dossier.Lister           = (*Backend)(nil)
	_ dossier.BatchDeleter     = (*Backend)(nil)
	_ dossier.Copier           = (*Backend)(nil)
	_ dossier.URLSigner        = (*Backend)(nil)
	_ dossier.FormSigner       = (*Backend)(nil)
	_ dossier.MultipartBackend = (*Backend)(nil)
	_ dossier.HeaderUpdater    = (*Backend)(nil)
	_ dossier.Reclaimer        = (*Backend)(nil)
	_ dossier.Prober           = (*Backend)(nil)
	_ dossier.PublicURLer      = (*Backend)(nil)
	_ io.Closer                = (*Backend)(nil)
)
