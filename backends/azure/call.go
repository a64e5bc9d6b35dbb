package azure

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/stall"
)

// call runs one request under the watchdog and returns its error with the reason that belongs to it.
func call[T any](
	ctx context.Context, b *Backend, do func(ctx context.Context, dog *stall.Watchdog) (T, error),
) (T, error) {
	watched, dog := stall.Watch(ctx, b.cfg.StallTimeout)
	defer dog.Stop()
	result, err := do(verbatim(watched), dog)
	return result, because(ctx, watched, err)
}

// request is call for requests without a body to watch.
func request[T any](ctx context.Context, b *Backend, do func(ctx context.Context) (T, error)) (T, error) {
	return call(ctx, b, func(ctx context.Context, _ *stall.Watchdog) (T, error) { return do(ctx) })
}

// verbatim keeps package net/http from undoing a Content-Encoding: what is stored is what is read.
func verbatim(ctx context.Context) context.Context {
	return policy.WithHTTPHeader(ctx, http.Header{"Accept-Encoding": {"identity"}})
}

// because removes what is secret from an error of net/http, and returns the end of ctx, or the stall, when that is why there is no answer.
func because(ctx, watched context.Context, err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		failed.URL, _, _ = strings.Cut(failed.URL, "?") // where a shared access signature is
	}
	if err == nil || answerOf(err) != nil {
		return err
	}
	if ended := dossier.ContextError(ctx); ended != nil {
		return ended
	}
	if cause := context.Cause(watched); errors.Is(cause, stall.ErrStalled) {
		return cause
	}
	return err
}

// lentBody is the content of a request. Package net/http may go on reading a body after the request has failed, but the
// memory behind it belongs to somebody else then: end waits for a Read in progress and fails all later ones.
type lentBody struct {
	mu    sync.Mutex
	inner io.ReadSeeker
	ended bool
}

func (l *lentBody) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return 0, dossier.ErrClosed
	}
	return l.inner.Read(p)
}

// Seek implements [io.Seeker].
func (l *lentBody) Seek(offset int64, whence int) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return 0, dossier.ErrClosed
	}
	return l.inner.Seek(offset, whence)
}

// Close implements [io.Closer]; the SDK may read a closed body again when it repeats a request.
func (l *lentBody) Close() error { return nil }

func (l *lentBody) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}
