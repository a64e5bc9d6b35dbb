package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
)

// Delete implements [dossier.Backend]; a conditional one takes two requests. In a bucket with versioning it adds a delete
// marker, and older versions stay.
func (b *Backend) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckDeleteOptions(opts),
		b.needs(opts.If.Match != "", dossier.DeleteMatch, "conditional deletes"))
	if err == nil {
		err = b.delete(ctx, key, opts.If.Match)
	}
	return fail("delete", key, err)
}

func (b *Backend) delete(ctx context.Context, key string, match dossier.Version) error {
	in := &s3.DeleteObjectInput{Bucket: &b.bucket, Key: &key}
	if match != "" {
		tag, ours := tagOf(key, match)
		if !ours {
			return fmt.Errorf("%w: this is no version of the object", dossier.ErrPrecondition)
		}
		if _, err := b.head(ctx, key); errors.Is(kindOfError(err), dossier.ErrNotExist) { // some servers call that a success
			return fmt.Errorf("%w: there is no object: %w", dossier.ErrPrecondition, err)
		} else if err != nil {
			return withContext(ctx, err)
		}
		in.IfMatch = &tag
	}
	t := b.small()
	_, err := b.client.DeleteObject(ctx, in, t.options)
	switch {
	case err == nil:
		return nil
	case codeOf(err) == "NoSuchKey" && match == "":
		return nil
	case codeOf(err) == "NoSuchKey":
		return b.deletedBefore(t, fmt.Errorf("%w: there is no object: %w", dossier.ErrPrecondition, err))
	case status(err) == http.StatusPreconditionFailed:
		return b.deletedBefore(t, fmt.Errorf("%w: %w", dossier.ErrPrecondition, err))
	case t.lost:
		return &unknownError{withContext(ctx, err)}
	}
	return withContext(ctx, positive(err))
}

// deletedBefore doubts a refusal that follows an attempt of which nobody knows whether it deleted the object.
func (b *Backend) deletedBefore(t *trace, err error) error {
	if t.lost {
		return &unknownError{err}
	}
	return err
}

// withContext makes err tell that the caller's context ended, if it did.
func withContext(ctx context.Context, err error) error {
	if ended := dossier.ContextError(ctx); ended != nil && err != nil {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}
