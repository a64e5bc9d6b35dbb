package azure

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/dossier-go/dossier"
)

// UpdateHeader implements [dossier.HeaderUpdater]. Header and metadata are two requests of the service; what does not
// change is not sent. If both change, a reader in between finds the new header with the old metadata, and a process that
// is killed in between leaves that; each request is conditional on the version before, so nobody's write is lost.
func (b *Backend) UpdateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckDeleteOptions(dossier.DeleteOptions{If: cond}),
		dossier.CheckPutOptions(dossier.PutOptions{Header: to.Header, Metadata: to.Metadata}), b.checkReplacement(&to),
		b.needs(cond.Match != "", dossier.PutMatch))
	var info dossier.Info
	if err == nil {
		info, err = b.updateHeader(ctx, key, to, cond)
	}
	if err != nil {
		return dossier.Info{}, fail("update header", key, err)
	}
	return info, nil
}

func (b *Backend) updateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	for attempt := 1; ; attempt++ {
		present, err := b.stat(ctx, key, cond)
		if err != nil {
			return dossier.Info{}, err
		}
		info, err := b.replaceHeader(ctx, present, to)
		if !errors.Is(err, dossier.ErrPrecondition) {
			return info, err
		}
		if cond.Match != "" {
			return dossier.Info{}, err
		}
		if attempt == maxAttempts {
			return dossier.Info{}, fmt.Errorf("%w: the object changed %d times meanwhile", dossier.ErrConflict, attempt)
		}
	}
}

// replaceHeader changes one version.
func (b *Backend) replaceHeader(ctx context.Context, present dossier.Info, to dossier.Replacement) (dossier.Info, error) {
	info := present
	info.Header, info.Metadata = to.Header, maps.Clone(to.Metadata)
	var err error
	changed := false
	if info.Header != present.Header {
		if info, err = b.setHeader(ctx, info, present); err != nil {
			return dossier.Info{}, err
		}
		changed = true
	}
	untyped := (info.Header.ContentType == "") != (present.Header.ContentType == "")
	if untyped || !maps.Equal(info.Metadata, present.Metadata) {
		if info, err = b.setMetadata(ctx, info); err != nil {
			if changed && !errors.Is(err, dossier.ErrPrecondition) {
				err = &unclearError{err: err} // the header is new already
			}
			return dossier.Info{}, err
		}
	}
	return info, nil
}

// setHeader gives the present version (or any, if that is empty) the header of info.
func (b *Backend) setHeader(ctx context.Context, info, present dossier.Info) (dossier.Info, error) {
	made := info
	made.Metadata = present.Metadata
	return b.revise(ctx, info, made, present.Version, func(ctx context.Context, access *blob.AccessConditions) (dossier.Info, error) {
		answer, err := b.client.NewBlobClient(info.Key).SetHTTPHeaders(ctx, *storedHeader(info),
			&blob.SetHTTPHeadersOptions{AccessConditions: access})
		return stamped(info, answer.ETag, answer.LastModified), err
	})
}

// setMetadata gives the version of info its metadata.
func (b *Backend) setMetadata(ctx context.Context, info dossier.Info) (dossier.Info, error) {
	return b.revise(ctx, info, info, info.Version, func(ctx context.Context, access *blob.AccessConditions) (dossier.Info, error) {
		answer, err := b.client.NewBlobClient(info.Key).SetMetadata(ctx, encodeMetadata(info),
			&blob.SetMetadataOptions{AccessConditions: access})
		return stamped(info, answer.ETag, answer.LastModified), err
	})
}

// revise runs one request that changes a version without touching its bytes, so that it is as made says.
func (b *Backend) revise(
	ctx context.Context, info, made dossier.Info, version dossier.Version,
	do func(ctx context.Context, access *blob.AccessConditions) (dossier.Info, error),
) (dossier.Info, error) {
	cond := dossier.Condition{Match: version}
	access, err := conditions(cond)
	if err != nil {
		return dossier.Info{}, err
	}
	tracing, sent := counted(ctx)
	done, err := request(tracing, b, func(ctx context.Context) (dossier.Info, error) { return do(ctx, access) })
	switch {
	case err == nil:
		return done, nil
	case refused(err, cond) && sent.Load() > 1:
		if found, ok := b.revised(ctx, made); ok { // by an earlier repetition of this request, whose answer was lost
			info.Version, info.ETag, info.ModTime = found.Version, found.ETag, found.ModTime
			return info, nil
		}
	case !refusal(err, sent.Load()):
		return dossier.Info{}, &unclearError{err: err}
	}
	return dossier.Info{}, conditionError(err, cond)
}

// revised returns the present version and whether it is what a revision was to make.
func (b *Backend) revised(ctx context.Context, made dossier.Info) (dossier.Info, bool) {
	found, err := b.stat(ctx, made.Key, dossier.Condition{})
	return found, err == nil && found.PutID == made.PutID && found.PutID != "" && found.Header == made.Header &&
		maps.Equal(found.Metadata, made.Metadata)
}
