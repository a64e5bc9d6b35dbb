package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/internal/stall"
)

// trace follows one request of the API through the attempts that the SDK makes of it: it ends attempts that stand still,
// and knows whether one may have taken effect without an answer.
type trace struct {
	patience time.Duration // 0: endless
	body     *sentBody     // of the request, or nil
	keeps    bool          // the answer's body is read afterwards; see dog
	header   [][2]string   // added to each attempt

	attempts int
	lost     bool            // an attempt may have taken effect although it failed
	silent   bool            // … and nobody who knows has answered it, so that it may take effect even later
	dog      *stall.Watchdog // of the attempt that succeeded, if it is kept
	ctx      context.Context //nolint:containedctx // of that attempt
}

// small is a trace of a request that the server answers at once.
func (b *Backend) small() *trace { return &trace{patience: b.cfg.StallTimeout} }

// slow is a trace of a request that has the server move bytes before it answers.
func (b *Backend) slow() *trace { return &trace{patience: 5 * b.cfg.StallTimeout} }

// options puts the trace into the SDK's stack of one request.
func (t *trace) options(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, t.add)
}

func (t *trace) add(stack *middleware.Stack) error {
	err := stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("dossierAttempt", t.attempt), "Retry", middleware.After)
	for _, field := range t.header {
		err = errors.Join(err, smithyhttp.SetHeaderValue(field[0], field[1])(stack))
	}
	if _, there := stack.Finalize.Get("GetIdentity"); err != nil || !there {
		return err
	}
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("dossierIdentity", identified), "GetIdentity", middleware.After)
}

// identityKey is the context key of an attempt's identified flag.
type identityKey struct{}

// identified notes that credentials were found.
func identified(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	if found, ok := ctx.Value(identityKey{}).(*bool); ok {
		*found = true
	}
	return next.HandleFinalize(ctx, in)
}

// credentialError is a failure before the request was made, for want of credentials.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

// attempt is one attempt.
func (t *trace) attempt(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, metadata middleware.Metadata, err error,
) {
	t.attempts++
	identity := false
	watched, dog := stall.Watch(context.WithValue(ctx, identityKey{}, &identity), t.patience)
	if t.body != nil {
		t.body.dog.Store(dog)
	}
	out, metadata, err = next.HandleFinalize(watched, in)
	if err == nil && t.keeps {
		t.dog, t.ctx = dog, watched
		return out, metadata, nil
	}
	stalled := errors.Is(context.Cause(watched), stall.ErrStalled)
	dog.Stop()
	switch {
	case err == nil:
		return out, metadata, nil
	case stalled:
		err = stall.ErrStalled // and not a cancelled context, so that it is tried again
	case !identity && ctx.Err() == nil && status(err) == 0:
		return out, metadata, &credentialError{err}
	}
	t.note(err)
	return out, metadata, err
}

// note remembers whether a failed attempt may take effect all the same.
func (t *trace) note(err error) {
	if t.body != nil && !t.body.complete.Load() {
		return // the server refuses a body that is shorter than announced
	}
	switch code := status(err); {
	case code == 0:
		class := neterror.Classify(err)
		t.silent = t.silent || class != neterror.DNS && class != neterror.TLS && class != neterror.Refused
	case code < http.StatusMultipleChoices && codeOf(err) == "":
		t.silent = true // it succeeded, but how was cut off
	case code < http.StatusMultipleChoices:
		t.lost = true // a success that turned into an error; see the body of a completion
	case code == http.StatusBadGateway || code == http.StatusGatewayTimeout:
		t.silent = true // a proxy gave up
	case code >= http.StatusInternalServerError:
		t.lost = true
	}
	t.lost = t.lost || t.silent
}

// status is the HTTP status that an error was made of, or 0.
func status(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// sentBody is the body of a request that knows whether all of it was handed over.
type sentBody struct {
	io.ReadSeeker
	left     int64
	size     int64
	dog      atomic.Pointer[stall.Watchdog]
	complete atomic.Bool // in some attempt
}

func newSentBody(r io.ReadSeeker, size int64) *sentBody {
	body := &sentBody{ReadSeeker: r, left: size, size: size}
	body.complete.Store(size == 0)
	return body
}

// Read implements [io.Reader].
func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadSeeker.Read(p)
	if dog := b.dog.Load(); dog != nil && n > 0 {
		dog.Touch()
	}
	if b.left -= int64(n); b.left <= 0 {
		b.complete.Store(true)
	}
	return n, err
}

// Seek implements [io.Seeker].
func (b *sentBody) Seek(offset int64, whence int) (int64, error) {
	at, err := b.ReadSeeker.Seek(offset, whence)
	if err == nil {
		b.left = b.size - at
	}
	return at, err
}
