package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/internal/resume"
	"github.com/dossier-go/dossier/internal/stall"
)

// transfer is a read in progress. Its context ends with it, or when the service lets a read wait for too long; the time
// between two reads is the caller's.
type transfer struct {
	b        *Backend
	key      string
	caller   context.Context //nolint:containedctx // both live as long as the read
	ctx      context.Context //nolint:containedctx // see above
	cancel   context.CancelCauseFunc
	patience *time.Timer // nil: endless
}

func newTransfer(caller context.Context, b *Backend, key string) *transfer {
	t := &transfer{b: b, key: key, caller: caller}
	t.ctx, t.cancel = context.WithCancelCause(caller)
	if b.cfg.StallTimeout > 0 {
		t.patience = time.AfterFunc(b.cfg.StallTimeout, func() { t.cancel(stall.ErrStalled) })
	}
	return t
}

// stop releases everything.
func (t *transfer) stop() {
	t.rest()
	t.cancel(context.Canceled)
}

// wait begins a time in which the service has to do something, rest ends it.
func (t *transfer) wait() {
	if t.patience != nil {
		t.patience.Reset(t.b.cfg.StallTimeout)
	}
}

func (t *transfer) rest() {
	if t.patience != nil {
		t.patience.Stop()
	}
}

// download asks for a range under a condition.
func (t *transfer) download(cond dossier.Condition, s span) (blob.DownloadStreamResponse, error) {
	access, err := conditions(cond)
	if err != nil {
		return blob.DownloadStreamResponse{}, err
	}
	t.wait()
	defer t.rest()
	var raw *http.Response
	answer, err := t.b.client.NewBlobClient(t.key).DownloadStream(policy.WithCaptureResponse(verbatim(t.ctx), &raw),
		&blob.DownloadStreamOptions{Range: s.http(), AccessConditions: access})
	if err != nil {
		return answer, readError(because(t.caller, t.ctx, err), cond)
	}
	if raw != nil && raw.StatusCode == http.StatusNotModified {
		if answer.Body != nil {
			return answer, errors.Join(dossier.ErrNotModified, answer.Body.Close())
		}
		return answer, dossier.ErrNotModified
	}
	if found := stamped(dossier.Info{}, answer.ETag, nil).Version; cond.Match != "" && found != cond.Match {
		return answer, errors.Join(fmt.Errorf("%w: the service answered with the version %s, not with %s", dossier.ErrPrecondition,
			found, cond.Match), answer.Body.Close())
	}
	return answer, nil
}

// body is the content of a span of one version, whatever number of requests it takes.
func (t *transfer) body(first io.ReadCloser, version dossier.Version, s span) io.ReadCloser {
	open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		rest := span{s.from + offset, s.to}
		answer, err := t.download(dossier.Condition{Match: version}, rest)
		if err != nil {
			return nil, err
		}
		if from, _, _, err := contentRange(value(answer.ContentRange)); err != nil || from != rest.from {
			return nil, errors.Join(fmt.Errorf("%w: the service did not go on where the body broke", dossier.ErrUnavailable),
				answer.Body.Close())
		}
		return answer.Body, nil
	}
	policy := resume.Policy{Retryable: transient, Pause: func(attempt int) time.Duration {
		return time.Duration(attempt*attempt) * 50 * time.Millisecond
	}}
	return &transferBody{t, resume.NewReader(t.ctx, first, s.to-s.from, open, policy)}
}

// transient reports whether the rest of a body is worth asking for.
func transient(err error) bool {
	var e *dossier.Error
	if errors.As(fail("read", "", err), &e) && e.Retryable {
		return !errors.Is(err, stall.ErrStalled)
	}
	return neterror.Transient(err)
}

// transferBody names the errors of a body.
type transferBody struct {
	t    *transfer
	rest io.ReadCloser
}

// Read implements [io.Reader].
func (b *transferBody) Read(p []byte) (int, error) {
	b.t.wait()
	defer b.t.rest()
	n, err := b.rest.Read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure
		return n, err
	}
	if errors.Is(err, fs.ErrClosed) {
		return n, fail("read", b.t.key, dossier.ErrClosed)
	}
	return n, fail("read", b.t.key, because(b.t.caller, b.t.ctx, err))
}

// Close implements [io.Closer].
func (b *transferBody) Close() error {
	b.t.stop()
	return b.rest.Close()
}
