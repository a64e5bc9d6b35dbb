package memory

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"github.com/dossier-go/dossier"
)

// Copy implements [dossier.Copier]. The copy shares the bytes and counts in full.
func (b *Backend) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	info, err := b.transfer(ctx, dst, src, opts, b.copyTo)
	if err != nil {
		return dossier.Info{}, fail("copy", src, err)
	}
	return info, nil
}

// Move implements [dossier.Mover] in one step. The object keeps its version, unless opts.Replace gives it another
// header. Moving a key to itself changes nothing but what opts.Replace asks for.
func (b *Backend) Move(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	info, err := b.transfer(ctx, dst, src, opts, b.moveTo)
	if err != nil {
		return dossier.Info{}, fail("move", src, err)
	}
	return info, nil
}

// transfer checks everything under the lock, then calls do.
func (b *Backend) transfer(ctx context.Context, dst, src string, opts dossier.CopyOptions,
	do func(dst string, from *object, replace *dossier.Replacement) (dossier.Info, error),
) (dossier.Info, error) {
	err := b.check(ctx, dossier.CheckKey(dst), dossier.CheckKey(src), dossier.CheckCopyOptions(opts))
	if err != nil {
		return dossier.Info{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	from, err := b.present(src)
	if err != nil {
		return dossier.Info{}, err
	}
	if opts.SourceIf.Match != "" && opts.SourceIf.Match != from.info.Version {
		return dossier.Info{}, fmt.Errorf("%w: the version of the source is %s", dossier.ErrPrecondition, from.info.Version)
	}
	if err := b.allows(dst, opts.If); err != nil {
		return dossier.Info{}, err
	}
	return do(dst, from, opts.Replace)
}

func (b *Backend) copyTo(dst string, from *object, replace *dossier.Replacement) (dossier.Info, error) {
	if err := b.count(from.content.size); err != nil {
		return dossier.Info{}, err
	}
	to := from.renewed(replace)
	to.info.PutID, to.info.ModTime = "", time.Now().UTC().Round(0)
	to.name(rand.Text())
	return b.set(dst, to), nil
}

func (b *Backend) moveTo(dst string, from *object, replace *dossier.Replacement) (dossier.Info, error) {
	src := from.info.Key
	if dst == src && replace == nil {
		return from.details(), nil
	}
	to := from.renewed(replace)
	if replace != nil {
		to.name(rand.Text())
	}
	b.used += from.content.size // for both, until src goes
	if dst != src {
		defer b.drop(src)
	}
	return b.set(dst, to), nil
}

// renewed returns an object of its own with the same bytes; replace may be nil.
func (o *object) renewed(replace *dossier.Replacement) *object {
	to := &object{info: o.details(), content: o.content}
	if replace != nil {
		to.info.Header, to.info.Metadata = replace.Header, maps.Clone(replace.Metadata)
	}
	return to
}

// UpdateHeader implements [dossier.HeaderUpdater].
func (b *Backend) UpdateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	opts := dossier.PutOptions{Header: to.Header, Metadata: to.Metadata, If: cond}
	var bad error
	if cond.IfAbsent {
		bad = fmt.Errorf("%w: IfAbsent is no condition of an update", dossier.ErrInvalid)
	}
	if err := b.check(ctx, dossier.CheckKey(key), dossier.CheckPutOptions(opts), bad); err != nil {
		return dossier.Info{}, fail("update header", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	from, err := b.present(key)
	if err == nil {
		err = b.allows(key, cond)
	}
	if err != nil {
		return dossier.Info{}, fail("update header", key, err)
	}
	info, err := b.moveTo(key, from, &to)
	return info, fail("update header", key, err)
}
