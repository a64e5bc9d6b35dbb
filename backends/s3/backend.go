package s3

import (
	"io"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
)

// scheme of this kind of store, in descriptions and errors.
const scheme = "s3"

// Backend stores objects in one bucket. It is safe for concurrent use.
type Backend struct {
	client *s3.Client
	bucket string
	cfg    Config

	signing signing // what signed URLs and forms need

	closed atomic.Bool
}

// New returns a backend over a bucket. It makes no request: a missing bucket or wrong credentials show with the first
// call. Errors: ErrInvalid for a malformed bucket name or configuration.
func New(client *s3.Client, bucket string, cfg Config) (*Backend, error) {
	return &Backend{client: client, bucket: bucket, cfg: cfg}, nil
}

// everything is what Amazon S3 honours.
const everything = dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch | dossier.SuffixRange |
	dossier.StoresMetadata | dossier.StoresHeader | dossier.VerifiesChecksums | dossier.ConsistentList | dossier.FlatKeys |
	dossier.Durable | dossier.SignGet | dossier.SignPut | dossier.SignDelete | dossier.SignPost | dossier.BindType |
	dossier.BindLength | dossier.BindIfAbsent | dossier.BindChecksum | dossier.Multipart | dossier.SignPart |
	dossier.StoresClass | dossier.StoresTags | dossier.StoresACL

// Describe implements [dossier.Backend].
func (b *Backend) Describe() dossier.Description {
	return dossier.Description{
		Scheme: scheme, Store: scheme + ":" + b.bucket, Capabilities: everything &^ b.cfg.Without,
	}
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

var _ io.Closer = (*Backend)(nil)
