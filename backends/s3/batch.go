package s3

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dossier-go/dossier"
)

// DeleteBatch implements [dossier.BatchDeleter] with up to 1,000 keys in one request, one request after the other, as
// Config.DeleteBatch says.
func (b *Backend) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var chunk []string
		for key := range keys {
			if err := errors.Join(b.open(), dossier.CheckKey(key)); err != nil {
				if b.open() != nil {
					err = b.open()
				}
				if !yield(key, fail("delete", key, err)) {
					return
				}
				continue
			}
			if chunk = append(chunk, key); len(chunk) == b.chunkSize() {
				if !b.deleteChunk(ctx, chunk, yield) {
					return
				}
				chunk = chunk[:0]
			}
		}
		b.deleteChunk(ctx, chunk, yield)
	}
}

// chunkSize is how many keys are deleted before their results are given out.
func (b *Backend) chunkSize() int {
	if b.batchMode() == BatchSingle {
		return b.cfg.Parallel
	}
	return b.limits.maxBatch
}

// batchMode is what Config says, or what BatchAuto has found out.
func (b *Backend) batchMode() BatchMode {
	if found := b.batch.Load(); found != nil {
		return *found
	}
	return b.cfg.DeleteBatch
}

// deleteChunk deletes keys and yields their results. It returns false when the loop was left.
func (b *Backend) deleteChunk(ctx context.Context, chunk []string, yield func(string, error) bool) bool {
	if len(chunk) == 0 {
		return true
	}
	failures, err := b.deleteKeys(ctx, chunk)
	for _, key := range chunk {
		failure := err
		if failure == nil {
			failure = failures[key]
		}
		if !yield(key, fail("delete", key, failure)) {
			return false
		}
	}
	return true
}

// deleteKeys deletes keys in the way that the server takes.
func (b *Backend) deleteKeys(ctx context.Context, keys []string) (map[string]error, error) {
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	modes := []BatchMode{b.batchMode()}
	if modes[0] == BatchAuto {
		modes = []BatchMode{BatchChecksum, BatchContentMD5, BatchSingle}
	}
	for i, mode := range modes {
		if mode == BatchSingle {
			b.remember(modes, mode)
			return b.deleteSingly(ctx, keys), nil
		}
		failures, err := b.deleteMany(ctx, keys, mode)
		if err == nil {
			b.remember(modes, mode)
			return failures, nil
		}
		if i == len(modes)-1 || !refusedForm(err) {
			return nil, withContext(ctx, err)
		}
	}
	return nil, nil // not reached
}

// remember keeps what BatchAuto found.
func (b *Backend) remember(modes []BatchMode, mode BatchMode) {
	if len(modes) > 1 {
		b.batch.Store(&mode)
	}
}

// refusedForm says that a server did not like how it was asked, and not what for.
func refusedForm(err error) bool {
	switch status(err) {
	case http.StatusMethodNotAllowed, http.StatusLengthRequired, http.StatusNotImplemented, http.StatusUnsupportedMediaType:
		return true
	case http.StatusBadRequest:
		kind := kindOfError(err)
		return kind == nil || errors.Is(kind, dossier.ErrInvalid) || errors.Is(kind, dossier.ErrChecksum) ||
			errors.Is(kind, errors.ErrUnsupported)
	}
	return false
}

// deleteMany is one DeleteObjects. It returns what failed.
func (b *Backend) deleteMany(ctx context.Context, keys []string, mode BatchMode) (map[string]error, error) {
	var objects []types.ObjectIdentifier
	asked := map[string]bool{}
	for _, key := range keys {
		if !asked[key] {
			asked[key] = true
			objects = append(objects, types.ObjectIdentifier{Key: aws.String(key)})
		}
	}
	in := &s3.DeleteObjectsInput{Bucket: &b.bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)}}
	t := b.small()
	options := []func(*s3.Options){t.options}
	if mode == BatchContentMD5 {
		options = append(options, contentMD5)
	}
	out, err := b.client.DeleteObjects(ctx, in, options...)
	if err != nil && t.lost {
		err = &unknownError{err}
	}
	if err != nil {
		return nil, err
	}
	failures := map[string]error{}
	for _, failed := range out.Errors {
		code := aws.ToString(failed.Code)
		if code != "NoSuchKey" {
			failures[aws.ToString(failed.Key)] = &smithy.GenericAPIError{Code: code, Message: aws.ToString(failed.Message)}
		}
	}
	return failures, nil
}

// contentMD5 replaces the SDK's checksum by a Content-MD5, for servers of before 2024 (as the SDK's documentation of
// "third-party compatibility" has it).
func contentMD5(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		for _, remove := range []func() error{
			func() error { _, err := stack.Initialize.Remove("AWSChecksum:SetupInputContext"); return err },
			func() error { _, err := stack.Build.Remove("AWSChecksum:RequestMetricsTracking"); return err },
			func() error { _, err := stack.Finalize.Remove("AWSChecksum:ComputeInputPayloadChecksum"); return err },
			func() error { _, err := stack.Finalize.Remove("addInputChecksumTrailer"); return err },
		} {
			_ = remove() // what is not there need not be removed
		}
		return smithyhttp.AddContentChecksumMiddleware(stack)
	})
}

// deleteSingly deletes each key with a request of its own, several at once.
func (b *Backend) deleteSingly(ctx context.Context, keys []string) map[string]error {
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		failures = map[string]error{}
		tickets  = make(chan struct{}, b.cfg.Parallel)
	)
	for _, key := range keys {
		tickets <- struct{}{}
		group.Go(func() {
			defer func() { <-tickets }()
			if err := b.delete(ctx, key, ""); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures[key] = err
			}
		})
	}
	group.Wait()
	return failures
}
