package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/internal/resume"
	"github.com/dossier-go/dossier/internal/stall"
)

// read is one object being read, over as many requests as it takes.
type read struct {
	b           *Backend
	key         string
	span        string // range field of the next request
	match       string // ETag of the next request's condition
	notMatch    string
	verify      bool
	first, last int64 // bytes [first, last) are read
}

// request opens a body. The SDK does not verify it: its check ends with the body that breaks, and its CRC64NVME is slow.
func (r *read) request(ctx context.Context) (io.ReadCloser, *s3.GetObjectOutput, error) {
	in := &s3.GetObjectInput{
		Bucket: &r.b.bucket, Key: &r.key, Range: optional(r.span), IfMatch: optional(r.match), IfNoneMatch: optional(r.notMatch),
	}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = r.b.cfg.SSE.customer()
	t := r.b.small()
	t.keeps = true
	if r.span == "" && r.b.cfg.Checksum != NoChecksum {
		t.header = [][2]string{{"X-Amz-Checksum-Mode", "ENABLED"}}
	}
	out, err := r.b.client.GetObject(ctx, in, t.options, func(o *s3.Options) {
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	if err != nil {
		if t.dog != nil {
			t.dog.Stop()
		}
		return nil, nil, positive(err)
	}
	return &watchedBody{body: t.dog.ReadCloser(out.Body), ctx: t.ctx, dog: t.dog}, out, nil
}

// watchedBody is the body of an answer that ends when nothing arrives although it is being read.
type watchedBody struct {
	body io.ReadCloser
	ctx  context.Context //nolint:containedctx // lives as long as the body
	dog  *stall.Watchdog
}

// Read implements [io.Reader].
func (w *watchedBody) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	if err != nil && errors.Is(context.Cause(w.ctx), stall.ErrStalled) {
		err = stall.ErrStalled
	}
	return n, err
}

// Close implements [io.Closer]. It ends the request, so that closing is prompt however much is left.
func (w *watchedBody) Close() error {
	w.dog.Stop()
	_ = w.body.Close() // what broke it was said by Read
	return nil
}

// reader goes on where the body breaks, and checks what it can.
func (r *read) reader(ctx context.Context, info dossier.Info, body io.ReadCloser) io.ReadCloser {
	length := r.last - r.first
	rest := resume.NewReader(ctx, body, length, r.reopen, resume.Policy{Retryable: broken, Pause: pause})
	checked := &checkedBody{ReadCloser: rest, ctx: ctx, key: r.key, left: length}
	whole := r.first == 0 && r.last == info.Size
	if whole && r.verify && info.Checksums.CRC64NVME != nil {
		checked.want = info.Checksums.CRC64NVME
	}
	return checked
}

// reopen asks for the rest of the version that is being read.
func (r *read) reopen(ctx context.Context, offset int64) (io.ReadCloser, error) {
	from := r.first + offset
	next := &read{b: r.b, key: r.key, match: r.match, span: fmt.Sprintf("bytes=%d-%d", from, r.last-1)}
	body, out, err := next.request(ctx)
	if err != nil {
		if status(err) == http.StatusPreconditionFailed || status(err) == http.StatusNotFound {
			err = fmt.Errorf("%w: the object was replaced or deleted while it was read: %w", dossier.ErrPrecondition, err)
		}
		return nil, err
	}
	have, err := servedRange(out)
	if err == nil && (have.from > from || quoted(aws.ToString(out.ETag)) != r.match) {
		err = fmt.Errorf("%w: the server does not answer with the rest of the same version", dossier.ErrPrecondition)
	}
	if err == nil {
		err = skip(body, from-have.from)
	}
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return body, nil
}

// broken says whether a failed read may go on.
func broken(err error) bool {
	if errors.Is(err, dossier.ErrPrecondition) {
		return false
	}
	return errors.Is(err, stall.ErrStalled) || status(err) >= http.StatusInternalServerError ||
		status(err) == 0 && neterror.Transient(err)
}

// pause before an attempt to go on; the SDK waits between its own.
func pause(attempt int) time.Duration { return time.Duration(attempt-1) * 100 * time.Millisecond }

// checkedBody verifies the checksum with the last byte, because [dossier.Object] reads no further.
type checkedBody struct {
	io.ReadCloser
	ctx  context.Context //nolint:containedctx // lives as long as the body
	key  string
	left int64
	want []byte // CRC64NVME; nil: not verified
	sums crc.Sums
}

// Read implements [io.Reader].
func (c *checkedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	if c.want != nil {
		c.sums.Write(p[:n]) //nolint:errcheck // it never fails
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure, not the end
		if ended := dossier.ContextError(c.ctx); ended != nil && !errors.Is(err, ended) {
			err = errors.Join(ended, err)
		}
		return n, fail("read", c.key, err)
	}
	if c.left == 0 && n > 0 && c.want != nil && string(crc.Bytes64(c.sums.CRC64NVME)) != string(c.want) {
		return n, fail("read", c.key, fmt.Errorf("%w: the stored bytes are not those that were written; restore the object",
			dossier.ErrChecksum))
	}
	return n, err
}
