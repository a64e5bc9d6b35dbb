package azure

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/neterror"
)

// settleTimeout is how long it may take to find out what became of a write, when its own context is over too.
const settleTimeout = 15 * time.Second

// counted returns a context under which requests that reached a server are counted, the SDK's own repetitions too.
func counted(ctx context.Context) (context.Context, *atomic.Int32) {
	sent := new(atomic.Int32)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Add(1) }}), sent
}

// commit runs the request that makes an object visible, and finds out what became of it when the answer does not say.
func (w *write) commit(ctx context.Context, info dossier.Info, do func(ctx context.Context) (dossier.Info, error)) error {
	done, err := w.b.settled(ctx, info, w.opts.If, do)
	if err == nil {
		w.info = done
	}
	return err
}

// settled runs a request that writes an object with the put id of info. An answer that was lost, or that may speak of an
// earlier repetition of the same request, is settled by looking for the put id. If that does not help the error is an
// *unclearError.
func (b *Backend) settled(
	ctx context.Context, info dossier.Info, cond dossier.Condition, do func(ctx context.Context) (dossier.Info, error),
) (dossier.Info, error) {
	tracing, sent := counted(ctx)
	done, err := do(tracing)
	if err == nil {
		return done, nil
	}
	lost := hasCode(err, bloberror.InvalidBlockList)
	definite := refusal(err, sent.Load())
	repeated := sent.Load() > 1 // what is said of the last one says nothing of those before
	if definite && !repeated && !lost && !refused(err, cond) {
		return dossier.Info{}, err
	}
	looking, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	present, missing := b.stat(looking, info.Key, dossier.Condition{})
	switch {
	case missing == nil && present.PutID == info.PutID:
		return present, nil
	case definite && repeated && !hasCode(missing, bloberror.BlobNotFound) && missing != nil:
		return dossier.Info{}, &unclearError{err: err}
	case definite && lost:
		return dossier.Info{}, errors.Join(errBlocksLost, err)
	case definite:
		return dossier.Info{}, conditionError(err, cond)
	}
	return dossier.Info{}, &unclearError{err: err}
}

// refusal reports whether an error proves that the request changed nothing, apart from earlier repetitions of it.
func refusal(err error, sent int32) bool {
	if answer := answerOf(err); answer != nil {
		busy := answer.StatusCode == http.StatusServiceUnavailable || answer.StatusCode == http.StatusTooManyRequests
		if busy {
			return sent <= 1
		}
		return answer.StatusCode < http.StatusInternalServerError && answer.StatusCode != http.StatusRequestTimeout
	}
	if unauthenticated(err) {
		return true // no token, no request; that of the token itself is not counted
	}
	if sent > 0 {
		return false
	}
	class := neterror.Classify(err)
	return class != neterror.Broken && class != neterror.Other || isContextEnd(err)
}

func isContextEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
