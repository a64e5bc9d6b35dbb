// Package resume reads a body that goes on where it broke. Object stores close connections in the middle of large
// objects; the rest of the same version can be asked for by range.
//
// It knows nothing of versions: the [Opener] must ask for the very version that the first body is of (by ETag,
// generation or version id) and fail when that is gone, so that bytes of two versions are never mixed.
package resume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// Opener returns the bytes from offset on, which counts from the first byte of the first body, of the version that the
// first body was of. It is called with a context that ends when the reader is closed.
type Opener func(ctx context.Context, offset int64) (io.ReadCloser, error)

// ErrTooLong is the error of a body that has more bytes than were announced.
var ErrTooLong = errors.New("the body has more bytes than its announced length")

// Policy says when to try again. Its zero value tries again after early ends only, without pauses.
type Policy struct {
	Attempts  int                             // to go on without a byte of progress in between; default: 3, negative: none
	Retryable func(error) bool                // whether a failed read or open may be tried again; default: no error
	Pause     func(attempt int) time.Duration // before the attempt, counted from 1; default: none
}

const defaultAttempts = 3

// NewReader returns a reader of the length bytes that begin with first, or of all that first has when length is
// negative. When a read fails with an error that the policy calls retryable, or ends before length, it opens the rest.
//
// An end before length is always worth another attempt, and [io.ErrUnexpectedEOF] when no attempts are left. An error
// that no attempt could mend is that of the last attempt, joined with the one that made the first attempt necessary.
// After the end of ctx nothing is tried again. What first says at its end, beyond an error that is retryable, is
// passed on, so that a body that verifies a checksum at its end does so here too.
//
// Close may be called at any time, also during a Read in another goroutine, which it ends. A Read after Close fails
// with [fs.ErrClosed].
func NewReader(ctx context.Context, first io.ReadCloser, length int64, open Opener, p Policy) io.ReadCloser {
	if p.Attempts == 0 {
		p.Attempts = defaultAttempts
	}
	ctx, cancel := context.WithCancelCause(ctx)
	return &reader{ctx: ctx, cancel: cancel, open: open, policy: p, length: length, body: first}
}

// reader is used by one goroutine at a time, but for Close.
type reader struct {
	ctx    context.Context //nolint:containedctx // lives as long as the body
	cancel context.CancelCauseFunc
	open   Opener
	policy Policy
	length int64
	offset int64 // of the next byte
	failed int   // attempts since the last progress
	cause  error // what made the first of them necessary
	err    error // final
	broken error // of the body, when it came together with bytes

	mu     sync.Mutex // guards what follows
	body   io.ReadCloser
	closed bool
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 && r.err == nil {
		return 0, nil
	}
	for r.err == nil {
		n, err := r.readOnce(p)
		if n > 0 {
			r.offset += int64(n)
			r.failed, r.cause = 0, nil
			r.broken = err
			return n, nil
		}
		if err == nil {
			return 0, nil
		}
		r.handle(err)
	}
	return 0, r.err
}

// readOnce reads from the current body, at most up to the end. At the end it asks the body for one byte more, which is
// how the body gets to say that all is well, or not.
func (r *reader) readOnce(p []byte) (int, error) {
	if err := r.broken; err != nil {
		r.broken = nil
		return 0, err
	}
	body, err := r.current()
	if err != nil {
		return 0, err
	}
	if r.length < 0 {
		return body.Read(p)
	}
	left := r.length - r.offset
	if left > 0 {
		return body.Read(p[:min(left, int64(len(p)))])
	}
	n, err := body.Read(make([]byte, 1))
	if n > 0 {
		return 0, ErrTooLong
	}
	return 0, err
}

func (r *reader) current() (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, fs.ErrClosed
	}
	return r.body, nil
}

// handle decides what an error of the body means, and tries to go on if that is allowed: then r.err remains nil.
func (r *reader) handle(err error) {
	complete := r.length >= 0 && r.offset == r.length
	atEnd := err == io.EOF //nolint:errorlint // a wrapped io.EOF is a failure, not the end
	switch {
	case atEnd && (complete || r.length < 0):
		r.err = io.EOF
	case r.ended() != nil:
		r.err = join(r.ended(), err)
	case complete && r.retryable(err):
		r.err = io.EOF // the connection broke after the last byte, which costs nothing
	case atEnd:
		r.reopen(fmt.Errorf("%w: %d of %d bytes", io.ErrUnexpectedEOF, r.offset, r.length))
	case !complete && r.retryable(err):
		r.reopen(err)
	default:
		r.err = join(err, r.cause)
	}
}

func (r *reader) retryable(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || r.policy.Retryable != nil && r.policy.Retryable(err)
}

// reopen replaces the body. It leaves r.err nil if it could.
func (r *reader) reopen(err error) {
	if r.cause == nil {
		r.cause = err
	}
	for r.failed < r.policy.Attempts {
		r.failed++
		if r.err = r.pause(); r.err != nil {
			return
		}
		body, openErr := r.open(r.ctx, r.offset)
		if openErr == nil {
			r.err = r.replace(body)
			return
		}
		if err = openErr; r.ended() != nil || !r.retryable(err) {
			break
		}
	}
	r.err = join(err, r.cause)
	if ended := r.ended(); ended != nil {
		r.err = join(ended, r.err)
	}
}

// pause waits as the policy says, or until the context ends.
func (r *reader) pause() error {
	if r.policy.Pause == nil {
		return nil
	}
	timer := time.NewTimer(r.policy.Pause(r.failed))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.ctx.Done():
		return join(r.ended(), r.cause)
	}
}

// replace makes body the current one, unless the reader was closed meanwhile.
func (r *reader) replace(body io.ReadCloser) error {
	r.mu.Lock()
	old, closed := r.body, r.closed
	if !closed {
		r.body = body
	}
	r.mu.Unlock()
	if closed {
		return errors.Join(fs.ErrClosed, body.Close())
	}
	_ = old.Close() // it is broken, and what it says about that is known
	return nil
}

// ended returns nil while the context goes on, then an error that is both its Err and its cause.
func (r *reader) ended() error {
	err, cause := r.ctx.Err(), context.Cause(r.ctx)
	if err == nil || errors.Is(cause, fs.ErrClosed) || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// Close implements [io.Closer]. It ends a Read and a pause that are under way; a second call does nothing.
func (r *reader) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	body := r.body
	r.mu.Unlock()
	r.cancel(fs.ErrClosed)
	return body.Close()
}

// join joins errors, leaving out the second when the first tells it already.
func join(err, other error) error {
	if other == nil || errors.Is(err, other) {
		return err
	}
	if errors.Is(other, err) {
		return other
	}
	return errors.Join(err, other)
}
