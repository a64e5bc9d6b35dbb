package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// Get implements [dossier.Backend] with two requests: what the object is, and the bytes of that generation. A body that breaks is
// continued with the same generation; if that is gone by then, the read fails with [dossier.ErrPrecondition]. Objects with the
// Content-Encoding gzip are delivered as they are stored.
func (b *Backend) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	if err := b.check(ctx, dossier.CheckKey(key), dossier.CheckGetOptions(opts), b.checkGet(opts)); err != nil {
		return nil, fail("get", key, err)
	}
	object, err := b.get(ctx, key, opts)
	if err != nil {
		return nil, fail("get", key, err)
	}
	if opts.SkipVerify {
		return object, nil
	}
	return object.Verified(), nil
}

// checkGet refuses what was switched off.
func (b *Backend) checkGet(opts dossier.GetOptions) error {
	set := b.capabilities()
	switch {
	case opts.If != (dossier.Condition{}) && !set.Has(dossier.GetMatch):
		return fmt.Errorf("%w: conditional reads are switched off", errors.ErrUnsupported)
	case opts.Range.Offset < 0 && !set.Has(dossier.SuffixRange):
		return fmt.Errorf("%w: ranges from the end are switched off", errors.ErrUnsupported)
	}
	return nil
}

// maxReplaced is how often a read or a copy begins again because its object was replaced between two requests.
const maxReplaced = 20

// get asks again when the object was replaced between the two requests.
func (b *Backend) get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	for attempt := 1; ; attempt++ {
		attrs, err := b.stat(ctx, key)
		if err != nil {
			return nil, err
		}
		if err := meets(attrs, opts.If); err != nil {
			return nil, err
		}
		from, to, err := opts.Range.Resolve(attrs.Size)
		if err != nil {
			return nil, err
		}
		body, err := b.open(ctx, attrs, from, to)
		switch {
		case missing(err) && attempt < maxReplaced:
			continue
		case missing(err):
			return nil, fmt.Errorf("%w: the object was replaced again and again: %w", dossier.ErrConflict, err)
		case err != nil:
			return nil, err
		}
		return dossier.NewObject(infoOf(attrs), from, to, body), nil
	}
}

// meets compares the present object with a condition of a read.
func meets(attrs *storage.ObjectAttrs, cond dossier.Condition) error {
	version := versionOf(attrs.Generation)
	switch {
	case cond.Match != "" && cond.Match != version:
		return fmt.Errorf("%w: the version is %s", dossier.ErrPrecondition, version)
	case cond.NotMatch != "" && cond.NotMatch == version:
		return dossier.ErrNotModified
	}
	return nil
}

// Stat implements [dossier.Backend].
func (b *Backend) Stat(ctx context.Context, key string) (dossier.Info, error) {
	if err := b.check(ctx, dossier.CheckKey(key)); err != nil {
		return dossier.Info{}, fail("stat", key, err)
	}
	attrs, err := b.stat(ctx, key)
	if err != nil {
		return dossier.Info{}, fail("stat", key, err)
	}
	return infoOf(attrs), nil
}

// stat is for any name, also of what this package keeps for itself.
func (b *Backend) stat(ctx context.Context, name string) (attrs *storage.ObjectAttrs, err error) {
	g := newGuard(ctx, b.cfg.StallTimeout)
	defer g.end()
	err = g.during(func() error { attrs, err = b.object(name).Attrs(g.ctx); return err })
	switch {
	case err == nil:
		return attrs, nil
	case missing(err):
		return nil, b.absent(ctx, err)
	}
	return nil, g.explain(err)
}

// open begins to read the bytes [from, to) of one generation.
func (b *Backend) open(ctx context.Context, attrs *storage.ObjectAttrs, from, to int64) (io.ReadCloser, error) {
	if from == to {
		return http.NoBody, nil
	}
	r := &body{guard: newGuard(ctx, b.cfg.StallTimeout), key: attrs.Name, left: to - from}
	handle := b.object(attrs.Name).Generation(attrs.Generation).ReadCompressed(true)
	length := to - from
	if from == 0 && to == attrs.Size {
		length = -1 // no Range field: the answer carries the checksum
	}
	err := r.guard.during(func() (err error) {
		r.reader, err = handle.NewRangeReader(r.counted(), from, length)
		return err
	})
	if err != nil {
		err = r.guard.explain(err)
		r.guard.end()
		return nil, err
	}
	return r, nil
}

// body reads one generation. The client itself continues where the connection broke, without end; so its requests are
// counted, and too many without a byte in between end the read.
type body struct {
	guard    *guard
	reader   *storage.Reader
	key      string
	left     int64
	requests atomic.Int32
}

// counted returns the guard's context with a hook that net/http calls before each request.
func (r *body) counted() context.Context {
	return httptrace.WithClientTrace(r.guard.ctx, &httptrace.ClientTrace{GetConn: func(string) {
		if r.requests.Add(1) > 2*maxAttempts {
			r.guard.cancel(errBroken)
		}
	}})
}

// Read implements [io.Reader].
func (r *body) Read(p []byte) (n int, err error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	err = r.guard.during(func() (err error) { n, err = r.reader.Read(p); return err })
	r.left -= int64(n)
	if n > 0 {
		r.requests.Store(0)
	}
	switch {
	case r.left == 0:
		return n, io.EOF // what the client thinks of the checksum is for the Object to say
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		return n, io.ErrUnexpectedEOF
	}
	return n, r.broken(err)
}

func (r *body) broken(err error) error {
	if ended := r.guard.explain(err); ended != err { //nolint:errorlint // whether it is the same
		return fail("read", r.key, ended)
	}
	if missing(err) {
		err = fmt.Errorf("%w: the version that was read is gone: %w", dossier.ErrPrecondition, err)
	}
	return fail("read", r.key, err)
}

// Close is prompt, also while another goroutine reads.
func (r *body) Close() error {
	r.guard.end()
	_ = r.reader.Close() // nothing of it is of use any more
	return nil
}
