package fileobject

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dossier-go/dossier"
)

// Open returns a reader that can seek. It is lazy: the first Read asks the store for the rest of the object from where
// it stands, a Seek elsewhere makes the next Read ask again. So reading the last ten bytes of a large object transfers
// ten bytes or little more. All reads are of one version. It is for one goroutine and must be closed; ctx is used until
// then. Errors: dossier.ErrNotExist, ErrNoBackend; later ErrPrecondition when the object was exchanged.
func (f *FileObject) Open(ctx context.Context) (io.ReadSeekCloser, error) {
	info, err := f.Stat(ctx)
	if err != nil {
		return nil, err
	}
	b, err := f.backend(ctx)
	if err != nil {
		return nil, err
	}
	return &reader{ctx: ctx, backend: b, info: info}, nil
}

// skipAhead is how many bytes a Seek forward reads over rather than asking the store again.
const skipAhead = 32 << 10

type reader struct {
	ctx     context.Context //nolint:containedctx // io.Reader has none; it is the one given to Open
	backend dossier.Backend
	info    dossier.Info
	at      int64 // where the caller stands
	body    *dossier.Object
	bodyAt  int64 // where body stands
	closed  bool
}

func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, fmt.Errorf("read %s: %w", r.info.Key, dossier.ErrClosed)
	}
	if r.at >= r.info.Size {
		return 0, r.end()
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.position(); err != nil {
		return 0, err
	}
	n, err := r.body.Read(p)
	r.at += int64(n)
	r.bodyAt = r.at
	if errors.Is(err, io.EOF) && r.at < r.info.Size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// end drains an open body, so that its checksum is compared, and reports the end.
func (r *reader) end() error {
	if r.body == nil || r.bodyAt != r.info.Size {
		return io.EOF
	}
	_, err := r.body.Read(make([]byte, 1))
	if err == nil {
		err = io.EOF
	}
	return err
}

// position makes body stand where the caller does.
func (r *reader) position() error {
	if r.body != nil && r.at > r.bodyAt && r.at-r.bodyAt <= skipAhead {
		n, err := io.CopyN(io.Discard, r.body, r.at-r.bodyAt)
		if r.bodyAt += n; err != nil {
			return err
		}
	}
	if r.body != nil && r.at == r.bodyAt {
		return nil
	}
	if err := r.closeBody(); err != nil {
		return err
	}
	opts := dossier.GetOptions{}
	if r.at > 0 {
		opts.Range = dossier.Range{Offset: r.at, Length: -1}
	}
	if r.backend.Describe().Capabilities.Has(dossier.GetMatch) {
		opts.If.Match = r.info.Version
	}
	body, err := r.backend.Get(r.ctx, r.info.Key, opts)
	if err != nil {
		return err
	}
	if err := r.same(body.Info); err != nil {
		return errors.Join(err, body.Close())
	}
	r.body, r.bodyAt = body, r.at
	return nil
}

// same makes sure of the version where the store could not be asked to.
func (r *reader) same(now dossier.Info) error {
	known := r.info.Version != "" && now.Version != ""
	if now.Size != r.info.Size || known && now.Version != r.info.Version {
		return &dossier.Error{
			Op: "read", Key: r.info.Key, Kind: dossier.ErrPrecondition,
			Err: errors.New("the object was exchanged since it was opened; open it again"),
		}
	}
	return nil
}

// Seek implements [io.Seeker]. Seeking behind the end is allowed; reading there is io.EOF.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.info.Size
	default:
		return 0, fmt.Errorf("seek %s: %w: whence %d", r.info.Key, dossier.ErrInvalid, whence)
	}
	if r.closed {
		return 0, fmt.Errorf("seek %s: %w", r.info.Key, dossier.ErrClosed)
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek %s: %w: before the beginning", r.info.Key, dossier.ErrInvalid)
	}
	r.at = offset
	return offset, nil
}

func (r *reader) closeBody() error {
	if r.body == nil {
		return nil
	}
	body := r.body
	r.body = nil
	return body.Close()
}

// Close releases what is open. It may be called more than once.
func (r *reader) Close() error {
	r.closed = true
	return r.closeBody()
}
