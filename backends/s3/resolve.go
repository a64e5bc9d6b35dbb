package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"github.com/dossier-go/dossier"
)

// settleTime is how long a write whose answer was lost may take to be settled after the caller's context ended.
const settleTime = 10 * time.Second

// detached is a context for what must be done although the caller's may have ended.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

// settle turns the error of a request that writes the object into what became of the write: nil when it took effect after
// all, the caller's kind of condition when that did not hold, or an unknown outcome.
func (w *write) settle(ctx context.Context, t *trace, err error) error {
	if err == nil {
		return nil
	}
	if ended := dossier.ContextError(ctx); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	refused := w.refused(err)
	if !t.lost {
		return refused
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	head, headErr := w.b.head(ctx, w.key)
	if headErr == nil {
		if w.made(head) {
			w.etag, w.changed = aws.ToString(head.ETag), aws.ToTime(head.LastModified)
			return nil
		}
	}
	known := headErr == nil || errors.Is(kindOfError(headErr), dossier.ErrNotExist)
	if known && !t.silent {
		return refused // whoever answered the last attempt had not carried out an earlier one
	}
	return &unknownError{err}
}

// made says whether an object is this write's: by the put-id, or, for an upload of another process, by the ETag.
func (w *write) made(head *s3.HeadObjectOutput) bool {
	if w.putID == "" {
		return w.etag != "" && bare(w.etag) == bare(aws.ToString(head.ETag))
	}
	_, putID := splitMetadata(head.Metadata)
	return putID == w.putID
}

// kindOfError is the kind that fail would find.
func kindOfError(err error) error {
	var e *dossier.Error
	if err == nil || !errors.As(fail("", "", err), &e) {
		return nil
	}
	return e.Kind
}

// refused says what an answer means for the condition of the write.
func (w *write) refused(err error) error {
	conditional := w.ifAbsent != nil || w.ifMatch != nil
	switch code := status(err); {
	case code == http.StatusPreconditionFailed && w.ifAbsent != nil:
		return fmt.Errorf("%w: %w", dossier.ErrExist, err)
	case code == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", dossier.ErrPrecondition, err)
	case code == http.StatusNotFound && w.ifMatch != nil && codeOf(err) == "NoSuchKey":
		return fmt.Errorf("%w: there is no object: %w", dossier.ErrPrecondition, err)
	case code == http.StatusConflict && conditional && raced(err):
		return fmt.Errorf("%w: another write of the object is under way: %w", dossier.ErrConflict, err)
	}
	return err
}

// raced says that two conditional writes met; S3 wants the loser to try again.
func raced(err error) bool {
	return codeOf(err) == "ConditionalRequestConflict" || codeOf(err) == "OperationAborted"
}

// triesFor is how often a request with this answer is worth making. A server that keeps objects in folders may find a
// folder in its way that another request is just removing.
func triesFor(err error) int {
	switch {
	case raced(err):
		return 6
	case codeOf(err) == "ExistingObjectIsDirectory" || codeOf(err) == "ObjectParentIsFile":
		return 4
	}
	return 1
}

// settled makes a request that writes the object, again if it met another conditional write, and settles it.
func (w *write) settled(ctx context.Context, t *trace, request func() (etag *string, err error)) error {
	for try := 1; ; try++ {
		etag, err := request()
		setDefault(&w.etag, aws.ToString(etag))
		if try >= triesFor(err) {
			return w.settle(ctx, t, err)
		}
		if ended := rest(ctx, time.Duration(try)*20*time.Millisecond); ended != nil {
			return errors.Join(ended, err)
		}
	}
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return dossier.ContextError(ctx)
	}
}

// confirm asks for the description of the object that was written. The write is done: when that cannot be asked for, or
// somebody has written again meanwhile, what is known already is the answer, with the time of the answer.
func (w *write) confirm(ctx context.Context) (dossier.Info, error) {
	if ctx.Err() != nil {
		detachedCtx, cancel := detached(ctx)
		defer cancel()
		ctx = detachedCtx
	}
	head, err := w.b.headOnce(ctx, w.key)
	if err == nil && w.made(head) {
		return infoOf(w.key, head), nil
	}
	return w.described(), nil
}

// described is the description of the object that was written, without asking for it.
func (w *write) described() dossier.Info {
	if w.changed.IsZero() {
		w.changed = time.Now()
	}
	metadata, _ := splitMetadata(w.metadata)
	return dossier.Info{
		Key: w.key, Size: w.size, ETag: quoted(w.etag), Version: versionOf(w.key, w.etag),
		ModTime: w.changed.UTC().Truncate(time.Second),
		Header:  w.header, Metadata: metadata, Checksums: w.sums, PutID: w.putID,
	}
}

// answered takes over what the answer to a write says.
func (w *write) answered(etag *string, metadata middleware.Metadata) {
	setDefault(&w.etag, aws.ToString(etag))
	if at, ok := awsmiddleware.GetServerTime(metadata); ok {
		w.changed = at
	}
}
