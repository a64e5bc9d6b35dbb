package azure

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/dossier-go/dossier"
)

// sourceLife is how long the signature lives with which the service reads the source of a copy.
const sourceLife = time.Hour

// errSourceChanged says that the source of a copy is not the version that was looked up before.
var errSourceChanged = fmt.Errorf("%w: the source was changed meanwhile", dossier.ErrPrecondition)

// Copy implements [dossier.Copier] inside the service, without a moment in which a reader finds half a copy: up to 256 MiB
// in one request, more in blocks that are read from the source. Tags and tier are not copied. A copy with another header
// goes through a hidden object under dossier.ReservedSegment, because the service's copy keeps the header. A client that
// cannot give the service leave to read the source (a token credential without Config.Delegation, or none) gets
// errors.ErrUnsupported, and dossier.Copy streams.
func (b *Backend) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	err := b.check(ctx, dossier.CheckKey(dst), dossier.CheckKey(src), dossier.CheckCopyOptions(opts),
		b.checkReplacement(opts.Replace), b.needs(opts.If != dossier.Condition{}, dossier.CopyIfAbsent))
	var info dossier.Info
	if err == nil {
		info, err = b.copy(ctx, dst, src, opts)
	}
	if err != nil {
		return dossier.Info{}, fail("copy", src, err)
	}
	return info, nil
}

func (b *Backend) checkReplacement(to *dossier.Replacement) error {
	if to == nil {
		return nil
	}
	return errors.Join(checkNames(to.Metadata),
		b.description.Capabilities.CheckPut(dossier.PutOptions{Header: to.Header, Metadata: to.Metadata}))
}

func (b *Backend) copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	if !b.copies() {
		return dossier.Info{}, fmt.Errorf("%w: the credentials cannot give the service leave to read the source; "+
			"configure SharedKey or Delegation", errors.ErrUnsupported)
	}
	if _, err := conditions(opts.If); err != nil {
		return dossier.Info{}, err
	}
	if dst == src {
		return b.copyOntoItself(ctx, dst, opts)
	}
	for attempt := 1; ; attempt++ {
		source, err := b.stat(ctx, src, opts.SourceIf)
		if err != nil {
			return dossier.Info{}, err
		}
		c := &copying{b: b, source: source, info: copied(dst, source, opts.Replace), cond: opts.If}
		info, err := c.run(ctx)
		if !errors.Is(err, errSourceChanged) || opts.SourceIf.Match != "" || attempt == maxAttempts {
			return info, err
		}
	}
}

// copied describes the copy of source under dst.
func copied(dst string, source dossier.Info, replace *dossier.Replacement) dossier.Info {
	info := source
	info.Key, info.PutID = dst, rand.Text()
	if replace != nil {
		info.Header, info.Metadata = replace.Header, maps.Clone(replace.Metadata)
	}
	return info
}

// copyOntoItself replaces the header, or only looks whether the conditions hold.
func (b *Backend) copyOntoItself(ctx context.Context, key string, opts dossier.CopyOptions) (dossier.Info, error) {
	present, err := b.stat(ctx, key, dossier.Condition{})
	if err != nil {
		return dossier.Info{}, err
	}
	if opts.If.IfAbsent {
		return dossier.Info{}, dossier.ErrExist
	}
	for _, match := range []dossier.Version{opts.If.Match, opts.SourceIf.Match} {
		if match != "" && match != present.Version {
			return dossier.Info{}, fmt.Errorf("%w: the version is %s", dossier.ErrPrecondition, present.Version)
		}
	}
	if opts.Replace == nil {
		return present, nil
	}
	match := opts.If.Match
	if match == "" {
		match = opts.SourceIf.Match
	}
	return b.updateHeader(ctx, key, *opts.Replace, dossier.Condition{Match: match})
}

// copying is one attempt to copy a version.
type copying struct {
	b      *Backend
	source dossier.Info // of the version to copy
	info   dossier.Info // of the copy
	cond   dossier.Condition
	class  string
	tags   map[string]string
}

// run makes the copy in the way that fits.
func (c *copying) run(ctx context.Context) (dossier.Info, error) {
	switch {
	case c.source.Size > maxSyncCopy:
		return c.byBlocks(ctx)
	case c.info.Header != c.source.Header:
		return c.throughHidden(ctx)
	}
	return c.atOnce(ctx)
}

// atOnce copies in one synchronous request (Copy Blob From URL).
func (c *copying) atOnce(ctx context.Context) (dossier.Info, error) {
	from, err := c.b.sourceURL(ctx, c.source.Key)
	if err != nil {
		return dossier.Info{}, err
	}
	access, err := conditions(c.cond)
	if err != nil {
		return dossier.Info{}, err
	}
	options := &blob.CopyFromURLOptions{
		Metadata: encodeMetadata(c.info), Tier: tier(c.class), BlobTags: c.tags, BlobAccessConditions: access,
		SourceModifiedAccessConditions: &blob.SourceModifiedAccessConditions{SourceIfMatch: etagOf(c.source.Version)},
	}
	info, err := c.b.settled(ctx, c.info, c.cond, func(ctx context.Context) (dossier.Info, error) {
		return request(ctx, c.b, func(ctx context.Context) (dossier.Info, error) {
			answer, err := c.b.client.NewBlobClient(c.info.Key).CopyFromURL(ctx, from, options)
			return stamped(c.info, answer.ETag, answer.LastModified), err
		})
	})
	if hasCode(err, bloberror.ConditionNotMet) { // which one?
		if now, lost := c.b.stat(ctx, c.source.Key, dossier.Condition{}); lost == nil && now.Version != c.source.Version {
			return info, errors.Join(errSourceChanged, err)
		}
	}
	return info, sourceError(err)
}

// sourceError recognises that the source is another version now, or gone.
func sourceError(err error) error {
	answer := answerOf(err)
	missing := answer != nil && answer.StatusCode == http.StatusNotFound && hasCode(err, bloberror.CannotVerifyCopySource)
	if missing || hasCode(err, bloberror.SourceConditionNotMet) {
		return errors.Join(errSourceChanged, err)
	}
	return err
}

// throughHidden copies to a hidden object, gives that the header, and copies it on.
func (c *copying) throughHidden(ctx context.Context) (info dossier.Info, err error) {
	hidden := hiddenCopies + rand.Text()
	defer func() {
		left := c.b.cleanUp(ctx, func(ctx context.Context) error { return c.b.remove(ctx, hidden, dossier.Condition{}, nil) })
		if err != nil {
			err = errors.Join(err, left) // after a success Reclaim finds what is left
		}
	}()
	first := &copying{b: c.b, source: c.source, info: c.source}
	first.info.Key, first.info.PutID = hidden, rand.Text()
	if _, err := first.atOnce(ctx); err != nil {
		return dossier.Info{}, err
	}
	second := *c
	second.source = c.info
	second.source.Key = hidden
	second.source, err = c.b.setHeader(ctx, second.source, dossier.Info{})
	if err != nil {
		return dossier.Info{}, err
	}
	return second.atOnce(ctx)
}

// copies reports whether the service can be given leave to read the source of a copy.
func (b *Backend) copies() bool {
	if len(b.place.sas) > 0 || b.signs() {
		return true
	}
	_, err := b.client.NewBlobClient("x").GetSASURL(sas.BlobPermissions{Read: true}, time.Now().Add(sourceLife), nil)
	return err == nil
}

// sourceURL is where the service reads the source of a copy, with leave to do so.
func (b *Backend) sourceURL(ctx context.Context, key string) (string, error) {
	if len(b.place.sas) > 0 {
		return b.place.url(key) + "?" + b.place.sas.Encode(), nil
	}
	if !b.signs() {
		return b.client.NewBlobClient(key).GetSASURL(sas.BlobPermissions{Read: true}, time.Now().Add(sourceLife), nil)
	}
	signed, err := b.sign(ctx, key, sas.BlobSignatureValues{
		Permissions: "r", ExpiryTime: time.Now().Add(sourceLife).UTC().Truncate(time.Second),
	})
	return signed.url, err
}
