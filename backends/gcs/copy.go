package gcs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// errMoved says that the source of a copy was replaced while it was copied.
var errMoved = fmt.Errorf("%w: the source was replaced again and again", dossier.ErrConflict)

// Copy implements [dossier.Copier] inside the store. The copy keeps the storage class of its source, and gets the access
// control list that the bucket gives to new objects.
func (b *Backend) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	var refused error
	if opts.If != (dossier.Condition{}) {
		refused = b.checkConditionalCopy()
	}
	err := b.check(ctx, dossier.CheckKey(dst), dossier.CheckKey(src), dossier.CheckCopyOptions(opts), refused)
	if err != nil {
		return dossier.Info{}, fail("copy", src, err)
	}
	info, err := b.rewrite(ctx, dst, src, opts, false)
	if err != nil {
		return dossier.Info{}, fail("copy", src, err)
	}
	return info, nil
}

func (b *Backend) checkConditionalCopy() error {
	if !b.capabilities().Has(dossier.CopyIfAbsent) {
		return fmt.Errorf("%w: the server does not honour conditions of copies", errors.ErrUnsupported)
	}
	return nil
}

// UpdateHeader implements [dossier.HeaderUpdater]: it copies the object onto itself inside the store, because a change of
// metadata alone can neither replace them as a whole nor make a new version. The access control list and the custom time
// stay, where they can be read. An object of a colder storage class counts as deleted early, and retention policies forbid
// it.
func (b *Backend) UpdateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	opts := dossier.PutOptions{Header: to.Header, Metadata: to.Metadata, If: cond}
	var bad error
	if cond.IfAbsent {
		bad = fmt.Errorf("%w: IfAbsent is no condition of an update", dossier.ErrInvalid)
	}
	set := b.capabilities()
	if bad == nil {
		bad = b.checkConditionalCopy() // without conditions it could bring back content that was just replaced
	}
	err := b.check(ctx, dossier.CheckKey(key), dossier.CheckPutOptions(opts), bad, set.CheckPut(opts))
	if err != nil {
		return dossier.Info{}, fail("update header", key, err)
	}
	info, err := b.rewrite(ctx, key, key, dossier.CopyOptions{SourceIf: cond, Replace: &to}, true)
	if err != nil {
		return dossier.Info{}, fail("update header", key, err)
	}
	return info, nil
}

// rewrite copies one generation of src, and begins again when that was replaced meanwhile. In place, it replaces
// nothing but that generation.
func (b *Backend) rewrite(ctx context.Context, dst, src string, opts dossier.CopyOptions, inPlace bool) (dossier.Info, error) {
	for range maxReplaced {
		from, err := b.stat(ctx, src)
		if err != nil {
			return dossier.Info{}, err
		}
		if err := meets(from, opts.SourceIf); err != nil {
			return dossier.Info{}, err
		}
		if inPlace {
			opts.If = dossier.Condition{Match: versionOf(from.Generation)}
		}
		attrs, err := b.rewriteOnce(ctx, dst, from, opts, inPlace)
		if err == nil {
			return infoOf(attrs), nil
		}
		again, err := b.rewriteAgain(ctx, from, opts, err)
		if !again {
			return dossier.Info{}, err
		}
	}
	return dossier.Info{}, errMoved
}

// rewriteAgain looks whether the failure of a copy is about its source, and then whether another one may be copied.
func (b *Backend) rewriteAgain(
	ctx context.Context, from *storage.ObjectAttrs, opts dossier.CopyOptions, err error,
) (bool, error) {
	about := errors.Is(err, dossier.ErrNotExist) || errors.Is(err, dossier.ErrPrecondition) || errors.Is(err, dossier.ErrExist)
	if !about || dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
		return false, err
	}
	present, asked := b.stat(ctx, from.Name)
	switch {
	case errors.Is(asked, dossier.ErrNotExist) && opts.SourceIf.Match == "":
		return false, asked
	case asked == nil && present.Generation == from.Generation:
		return errors.Is(err, dossier.ErrNotExist), err // it was there all the time: the destination is meant
	case opts.SourceIf.Match != "":
		return false, fmt.Errorf("%w: the source was replaced: %w", dossier.ErrPrecondition, err)
	}
	return asked == nil, err
}

// rewriteOnce copies the generation that from describes.
func (b *Backend) rewriteOnce(
	ctx context.Context, dst string, from *storage.ObjectAttrs, opts dossier.CopyOptions, inPlace bool,
) (attrs *storage.ObjectAttrs, err error) {
	w := &write{key: dst, cond: opts.If, putID: rand.Text()}
	if err := b.bind(w); err != nil {
		return nil, err
	}
	info := infoOf(from)
	header, metadata := info.Header, info.Metadata
	if opts.Replace != nil {
		header, metadata = opts.Replace.Header, opts.Replace.Metadata
	}
	w.attrs = attributesOf("", header, metadata, w.putID)
	w.attrs.StorageClass = from.StorageClass
	if inPlace {
		w.attrs.ACL, w.attrs.CustomTime, w.attrs.Contexts = from.ACL, from.CustomTime, from.Contexts
	}
	source := b.object(from.Name).Generation(from.Generation).If(storage.Conditions{GenerationMatch: from.Generation})
	copier := w.object.CopierFrom(source)
	copier.ObjectAttrs, copier.DestinationKMSKeyName = w.attrs, keyOf(from.KMSKeyName)
	lost, err := retry(ctx, b.cfg.pause, func() error {
		g := newGuard(ctx, b.cfg.StallTimeout)
		defer g.end()
		copier.ProgressFunc = func(uint64, uint64) { g.moved() } // a large copy takes several requests
		return g.explain(g.during(func() (err error) { attrs, err = copier.Run(g.ctx); return err }))
	})
	return b.settle(ctx, w, attrs, lost, err)
}

// keyOf is the name of a KMS key without its version, which the store adds: projects/…/cryptoKeys/K/cryptoKeyVersions/1.
func keyOf(name string) string {
	name, _, _ = strings.Cut(name, "/cryptoKeyVersions/")
	return name
}
