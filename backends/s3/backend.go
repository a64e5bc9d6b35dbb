package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/uploader"
)

// scheme of this kind of store, in descriptions and errors.
const scheme = "s3"

// Backend stores objects in one bucket. It is safe for concurrent use.
type Backend struct {
	client       *s3.Client
	bucket       string
	cfg          Config
	store        string // identity, as in dossier.Description
	capabilities dossier.Capabilities
	limits       limits
	pool         *uploader.Pool
	signing      signing

	closed       atomic.Bool
	batch        atomic.Pointer[BatchMode] // what BatchAuto found out
	writing      busy
	noPartCopies atomic.Bool // the server was found to refuse them
	ending       turns       // of completions and abortions
}

// New returns a backend over a bucket. It makes no request: a missing bucket or wrong credentials show with the first
// call. The client stays the caller's; its retries, HTTP client, endpoint and addressing style are used as they are.
//
// Errors: ErrInvalid for a nil client, a malformed bucket name or configuration.
func New(client *s3.Client, bucket string, cfg Config) (*Backend, error) {
	if client == nil {
		return nil, fail("new", "", fmt.Errorf("%w: the client is nil", dossier.ErrInvalid))
	}
	cfg, err := cfg.normalized()
	if err = errors.Join(err, checkBucket(bucket)); err != nil {
		return nil, fail("new", "", err)
	}
	b := &Backend{
		client: client, bucket: bucket, cfg: cfg, limits: awsLimits, store: storeOf(client.Options(), bucket),
		pool: uploader.NewPool(cfg.Memory, int(cfg.PartSize)),
	}
	b.capabilities = claimed(cfg)
	return b, nil
}

// storeOf names the service, unless it is Amazon's own, and the bucket.
func storeOf(options s3.Options, bucket string) string {
	if endpoint := aws.ToString(options.BaseEndpoint); endpoint != "" {
		return scheme + ":" + strings.TrimRight(endpoint, "/") + "/" + bucket
	}
	return scheme + ":" + bucket
}

// Close makes every later call [dossier.ErrClosed]. It does not wait for calls under way and closes no connection: the
// client is the caller's. It may be repeated.
func (b *Backend) Close() error {
	b.closed.Store(true)
	return nil
}

// open says whether the backend is in use.
func (b *Backend) open() error {
	if b.closed.Load() {
		return dossier.ErrClosed
	}
	return nil
}

// check says whether a call may go on. A closed store says so before it finds fault with the arguments.
func (b *Backend) check(ctx context.Context, checks ...error) error {
	if err := b.open(); err != nil {
		return err
	}
	if err := errors.Join(checks...); err != nil {
		return err
	}
	return dossier.ContextError(ctx)
}

// needs refuses what the store does not offer.
func (b *Backend) needs(asked bool, of dossier.Capabilities, what string) error {
	if asked && !b.capabilities.Has(of) {
		return fmt.Errorf("%w: the store does not offer %s (capability %v)", errors.ErrUnsupported, what, of)
	}
	return nil
}

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
