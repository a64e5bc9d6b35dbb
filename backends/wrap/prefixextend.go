package wrap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

// reserved reports whether a key below the prefix is no object's.
func reserved(key string) bool {
	return key == dossier.ReservedSegment || strings.HasPrefix(key, dossier.ReservedSegment+"/")
}

// fullPrefix returns the inner backend's prefix of keys.
func (p *prefixed) fullPrefix(op, prefix string) (string, error) {
	err := dossier.CheckPrefix(prefix)
	if err == nil && len(prefix) > p.maxKey {
		err = fmt.Errorf("%w: a prefix of %d bytes, at most %d are allowed", dossier.ErrInvalidKey, len(prefix), p.maxKey)
	}
	if err != nil {
		return "", p.invalid(op, prefix, err)
	}
	return p.prefix + prefix, nil
}

// List implements [dossier.Lister].
func (p *prefixed) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	full, err := p.fullPrefix("list", opts.Prefix)
	if err != nil {
		return failed[dossier.Info](err)
	}
	opts.Prefix = full
	if opts.After != "" {
		opts.After = p.prefix + opts.After
	}
	return func(yield func(dossier.Info, error) bool) {
		for info, err := range dossier.List(ctx, p.inner, opts) {
			info = p.relative(info)
			if err == nil && reserved(info.Key) {
				continue
			}
			if !yield(info, p.fail(err)) {
				return
			}
		}
	}
}

// DeleteBatch implements [dossier.BatchDeleter]. Keys that are refused here come last.
func (p *prefixed) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var refused []string
		valid := func(next func(string) bool) {
			for key := range keys {
				full, err := p.full("delete", key)
				if err != nil {
					refused = append(refused, key)
				} else if !next(full) {
					return
				}
			}
		}
		for key, err := range dossier.DeleteBatch(ctx, p.inner, valid) {
			if !yield(strings.TrimPrefix(key, p.prefix), p.fail(err)) {
				return
			}
		}
		for _, key := range refused {
			if _, err := p.full("delete", key); !yield(key, err) {
				return
			}
		}
	}
}

// pair returns the inner backend's keys of a copy or move.
func (p *prefixed) pair(op, dst, src string) (string, string, error) {
	fullDst, err := p.full(op, dst)
	if err != nil {
		return "", "", err
	}
	fullSrc, err := p.full(op, src)
	return fullDst, fullSrc, err
}

// Copy implements [dossier.Copier].
func (p *prefixed) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	fullDst, fullSrc, err := p.pair("copy", dst, src)
	if err != nil {
		return dossier.Info{}, err
	}
	info, err := dossier.Forward{Inner: p.inner}.Copy(ctx, fullDst, fullSrc, opts)
	return p.relative(info), p.fail(err)
}

// Move implements [dossier.Mover].
func (p *prefixed) Move(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	fullDst, fullSrc, err := p.pair("move", dst, src)
	if err != nil {
		return dossier.Info{}, err
	}
	info, err := dossier.Forward{Inner: p.inner}.Move(ctx, fullDst, fullSrc, opts)
	return p.relative(info), p.fail(err)
}

// UpdateHeader implements [dossier.HeaderUpdater].
func (p *prefixed) UpdateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	full, err := p.full("update header", key)
	if err != nil {
		return dossier.Info{}, err
	}
	info, err := dossier.Forward{Inner: p.inner}.UpdateHeader(ctx, full, to, cond)
	return p.relative(info), p.fail(err)
}

// SignURLs implements [dossier.URLSigner].
func (p *prefixed) SignURLs(ctx context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	reqs = slices.Clone(reqs)
	var bad error
	for i := range reqs {
		full, err := p.full("sign", reqs[i].Key)
		bad = errors.Join(bad, err)
		reqs[i].Key = full
	}
	if bad != nil {
		return nil, bad
	}
	signed, err := dossier.SignURLs(ctx, p.inner, reqs...)
	return signed, p.fail(err)
}

// SignForm implements [dossier.FormSigner].
func (p *prefixed) SignForm(ctx context.Context, req dossier.FormRequest) (dossier.SignedForm, error) {
	full, err := p.full("sign form", req.Key)
	if err != nil {
		return dossier.SignedForm{}, err
	}
	req.Key = full
	form, err := dossier.SignForm(ctx, p.inner, req)
	return form, p.fail(err)
}

// PublicURL implements [dossier.PublicURLer].
func (p *prefixed) PublicURL(key string) (string, error) {
	full, err := p.full("public URL", key)
	if err != nil {
		return "", err
	}
	url, err := dossier.PublicURL(p.inner, full)
	return url, p.fail(err)
}

// Probe implements [dossier.Prober].
func (p *prefixed) Probe(ctx context.Context) (dossier.Description, error) {
	d, err := dossier.Forward{Inner: p.inner}.Probe(ctx)
	if err != nil {
		return dossier.Description{}, p.fail(err)
	}
	return p.describe(d), nil
}

// failed is a sequence of one error.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}
