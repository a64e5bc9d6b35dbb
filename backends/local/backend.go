package local

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/dossier-go/dossier"
)

// scheme of this kind of store, in descriptions and errors.
const scheme = "file"

// Backend is a folder as a store. It is safe for concurrent use, by several processes too.
type Backend struct {
	cfg     Config
	root    *os.Root // the folder
	scratch *os.Root // .dossier/tmp
	direct  direct
	locks   *locks
	gate    gate
	store   string // identity
	facts   facts
	buffers sync.Pool // of *[]byte
}

// bufferSize of one copy in bytes: large enough to make system calls rare, small enough to stay in the processor's
// cache between hashing and writing.
const bufferSize = 256 << 10

// New opens the folder dir as a store and prepares its ".dossier" folder. It creates dir (mode 0o755 before umask)
// unless cfg.MustExist is set, needs the right to write there, and tries once what the file system can do. Several
// processes may open the same folder; they are one store. If they run as different users, FileMode and DirMode must let
// each write what the others made.
//
// Errors: dossier.ErrInvalid (configuration, not a folder, damaged store file), dossier.ErrNoContainer (MustExist),
// dossier.ErrPermission, errors.ErrUnsupported (file system without locks, that folds names, or without required
// attributes).
func New(dir string, cfg Config) (*Backend, error) {
	b := &Backend{}
	b.buffers.New = func() any { buffer := make([]byte, bufferSize); return &buffer }
	if err := b.open(dir, cfg); err != nil {
		return nil, b.fail("open", "", errors.Join(err, b.release()))
	}
	b.gate.release = b.release
	return b, nil
}

func (b *Backend) open(dir string, cfg Config) (err error) {
	if b.cfg, err = cfg.normalised(); err != nil {
		return err
	}
	if b.root, err = openFolder(dir, b.cfg); err != nil {
		return err
	}
	if err = b.layOut(); err != nil {
		return err
	}
	if b.store, err = b.identify(context.Background()); err != nil {
		return err
	}
	if b.facts, err = b.examine(); err != nil {
		return err
	}
	return b.facts.check(b.cfg)
}

func (b *Backend) release() error {
	errs := []error{b.direct.close()}
	if b.locks != nil {
		errs = append(errs, b.locks.close())
	}
	for _, root := range []*os.Root{b.scratch, b.root} {
		if root != nil {
			errs = append(errs, root.Close())
		}
	}
	return errors.Join(errs...)
}

// Close ends the use of the folder: later calls are [dossier.ErrClosed], those in progress finish, open objects stay
// readable. It may be repeated.
func (b *Backend) Close() error { return b.fail("close", "", b.gate.close()) }

// begin lets an operation in; whoever got nil calls b.gate.leave. A closed store says so before it finds fault with
// the arguments.
func (b *Backend) begin(ctx context.Context, checks ...error) error {
	if err := b.gate.enter(); err != nil {
		return err
	}
	err := errors.Join(checks...)
	if err == nil {
		err = dossier.ContextError(ctx)
	}
	if err != nil {
		b.gate.leave()
	}
	return err
}

// Describe implements [dossier.Backend].
func (b *Backend) Describe() dossier.Description { return b.description(b.facts) }

func (b *Backend) description(f facts) dossier.Description {
	return dossier.Description{
		Scheme: scheme, Store: scheme + ":" + b.store,
		Capabilities: b.capabilities(f),
		Limits: dossier.Limits{
			MaxKey: dossier.MaxKeyLength, MaxParts: dossier.MaxPartNumber,
			MaxSignedLife: dossier.MaxSignedLife, MaxMetadata: dossier.MaxMetadata,
		},
	}
}

func (b *Backend) capabilities(f facts) dossier.Capabilities {
	set := dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch | dossier.CopyIfAbsent |
		dossier.AtomicMove | dossier.SuffixRange | dossier.VerifiesChecksums | dossier.ConsistentList | dossier.Multipart
	if f.attributes > 0 {
		set |= dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C
	}
	if f.syncs {
		set |= dossier.Durable
	}
	if b.signs() {
		set |= signing
	}
	return set
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
