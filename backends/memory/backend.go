package memory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/dossier-go/dossier"
)

// scheme of this kind of store, in descriptions and errors.
const scheme = "mem"

// Config of [New]. The zero value is ready for use: no limit, no signer, a store of its own.
type Config struct {
	// Budget is how many bytes of content may be held: of objects, of parts of unfinished uploads, and of Puts in
	// progress, so replacing an object needs room for both. A write that does not fit is dossier.ErrTooLarge and
	// changes nothing. Default: 0, no limit.
	Budget int64
	// Signer signs URLs and forms; package filehttp serves and verifies them. Default: nil, signing is
	// errors.ErrUnsupported.
	Signer *dossier.Signer
	// BaseURL is where the store is served: an absolute URL, or a path beginning with "/". Default: "", signing is
	// errors.ErrUnsupported.
	BaseURL string
	// Name is the identity of the store, for tests that need a known one. Two backends never share objects, so no two
	// may have one name. Default: "", a random name.
	Name string
}

// Backend is a store in memory. It is safe for concurrent use.
type Backend struct {
	cfg Config

	mu      sync.RWMutex
	closed  bool
	used    int64 // bytes of content, reserved ones included
	objects map[string]*object
	keys    keyList
	uploads map[string]*upload
}

// object is one version of one object. It is never changed.
type object struct {
	info    dossier.Info
	content content
}

// New returns an empty store. A negative budget is none.
func New(cfg Config) *Backend {
	cfg.Budget = max(cfg.Budget, 0)
	if cfg.Name == "" {
		cfg.Name = rand.Text()
	}
	return &Backend{cfg: cfg, objects: map[string]*object{}, uploads: map[string]*upload{}}
}

// Describe implements [dossier.Backend].
func (b *Backend) Describe() dossier.Description {
	set := dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch | dossier.CopyIfAbsent |
		dossier.AtomicMove | dossier.SuffixRange | dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C |
		dossier.VerifiesChecksums | dossier.ConsistentList | dossier.FlatKeys | dossier.Multipart
	if b.signs() {
		set |= signing
	}
	return dossier.Description{
		Scheme: scheme, Store: scheme + ":" + b.cfg.Name, Capabilities: set,
		Limits: dossier.Limits{
			MaxKey: dossier.MaxKeyLength, MaxObject: b.cfg.Budget, MaxParts: dossier.MaxPartNumber,
			MaxSignedLife: dossier.MaxSignedLife, MaxMetadata: dossier.MaxMetadata,
		},
	}
}

// Close drops everything: later calls are [dossier.ErrClosed], open objects stay readable. It may be repeated.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.objects, b.uploads, b.keys = nil, nil, keyList{}
	return nil
}

// Probe implements [dossier.Prober]; nothing outside the process could differ from the description.
func (b *Backend) Probe(ctx context.Context) (dossier.Description, error) {
	if err := b.check(ctx); err != nil {
		return dossier.Description{}, fail("probe", "", err)
	}
	return b.Describe(), nil
}

// check says whether a call may go on. A closed store says so before it finds fault with the arguments.
func (b *Backend) check(ctx context.Context, checks ...error) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.open(); err != nil {
		return err
	}
	if err := errors.Join(checks...); err != nil {
		return err
	}
	return dossier.ContextError(ctx)
}

// open says whether the store is in use. The caller holds the lock.
func (b *Backend) open() error {
	if b.closed {
		return dossier.ErrClosed
	}
	return nil
}

// reserve counts n more bytes, or refuses them.
func (b *Backend) reserve(n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count(n)
}

// count is reserve for callers that hold the lock.
func (b *Backend) count(n int64) error {
	if b.cfg.Budget > 0 && n > b.cfg.Budget-b.used {
		return fmt.Errorf("%w: %d bytes more do not fit the budget of %d, of which %d are in use; "+
			"delete objects or raise Config.Budget", dossier.ErrTooLarge, n, b.cfg.Budget, b.used)
	}
	b.used += n
	return nil
}

func (b *Backend) unreserve(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
}

var (
	_ dossier.Backend          = (*Backend)(nil)
	_ dossier.Lister           = (*Backend)(nil)
	_ dossier.BatchDeleter     = (*Backend)(nil)
	_ dossier.Copier           = (*Backend)(nil)
	_ dossier.Mover            = (*Backend)(nil)
	_ dossier.URLSigner        = (*Backend)(nil)
	_ dossier.FormSigner       = (*Backend)(nil)
	_ dossier.MultipartBackend = (*Backend)(nil)
	_ dossier.HeaderUpdater    = (*Backend)(nil)
	_ dossier.Reclaimer        = (*Backend)(nil)
	_ dossier.Prober           = (*Backend)(nil)
	_ io.Closer                = (*Backend)(nil)
)
