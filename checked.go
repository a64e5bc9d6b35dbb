package dossier

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// checked is the decorator behind which a [Registry] hands out a backend.
type checked struct {
	Forward
	name string
}

func newChecked(name string, b Backend) *checked {
	if c, ok := b.(*checked); ok {
		b = c.Inner // one decorator is enough; the new name stands
	}
	return &checked{Forward: Forward{Inner: b}, name: name}
}

// fail puts the registered name, the operation and the key into err.
func (c *checked) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if !errors.As(err, &known) {
		return &Error{Op: op, Backend: c.name, Key: key, Err: err}
	}
	named := *known
	named.Backend = c.name
	if err == error(known) { //nolint:errorlint // exactly this value, not a wrapped one
		return &named
	}
	named.Kind, named.Err = nil, err
	return &named
}

func (c *checked) Put(ctx context.Context, key string, src Source, opts PutOptions) (Info, error) {
	if err := errors.Join(CheckKey(key), CheckPutOptions(opts)); err != nil {
		return Info{}, c.fail("put", key, err)
	}
	info, err := c.Inner.Put(ctx, key, src, opts)
	return info, c.fail("put", key, err)
}

func (c *checked) Get(ctx context.Context, key string, opts GetOptions) (*Object, error) {
	if err := errors.Join(CheckKey(key), CheckGetOptions(opts)); err != nil {
		return nil, c.fail("get", key, err)
	}
	object, err := c.Inner.Get(ctx, key, opts)
	if err != nil {
		return nil, c.fail("get", key, err)
	}
	object.backend = c.name
	if opts.SkipVerify {
		return object, nil
	}
	return object.Verified(), nil
}

func (c *checked) Stat(ctx context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, c.fail("stat", key, err)
	}
	info, err := c.Inner.Stat(ctx, key)
	return info, c.fail("stat", key, err)
}

func (c *checked) Delete(ctx context.Context, key string, opts DeleteOptions) error {
	if err := errors.Join(CheckKey(key), CheckDeleteOptions(opts)); err != nil {
		return c.fail("delete", key, err)
	}
	return c.fail("delete", key, c.Inner.Delete(ctx, key, opts))
}

func (c *checked) List(ctx context.Context, opts ListOptions) iter.Seq2[Info, error] {
	if err := CheckListOptions(opts); err != nil {
		return failed[Info](c.fail("list", opts.Prefix, err))
	}
	return named(c, "list", opts.Prefix, c.Forward.List(ctx, opts))
}

// named puts the registered name into the errors of a sequence.
func named[T any](c *checked, op, key string, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for value, err := range seq {
			if !yield(value, c.fail(op, key, err)) {
				return
			}
		}
	}
}

// DeleteBatch yields an error for keys that break the rules and hands on the others.
func (c *checked) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var refused []string
		valid := func(next func(string) bool) {
			for key := range keys {
				if CheckKey(key) != nil {
					refused = append(refused, key)
				} else if !next(key) {
					return
				}
			}
		}
		for key, err := range DeleteBatch(ctx, c.Inner, valid) {
			if !yield(key, c.fail("delete", key, err)) {
				return
			}
		}
		for _, key := range refused {
			if !yield(key, c.fail("delete", key, CheckKey(key))) {
				return
			}
		}
	}
}

func (c *checked) Copy(ctx context.Context, dst, src string, opts CopyOptions) (Info, error) {
	if err := errors.Join(CheckKey(dst), CheckKey(src), CheckCopyOptions(opts)); err != nil {
		return Info{}, c.fail("copy", src, err)
	}
	info, err := c.Forward.Copy(ctx, dst, src, opts)
	return info, c.fail("copy", src, err)
}

func (c *checked) Move(ctx context.Context, dst, src string, opts CopyOptions) (Info, error) {
	if err := errors.Join(CheckKey(dst), CheckKey(src), CheckCopyOptions(opts)); err != nil {
		return Info{}, c.fail("move", src, err)
	}
	info, err := c.Forward.Move(ctx, dst, src, opts)
	return info, c.fail("move", src, err)
}

func (c *checked) SignURLs(ctx context.Context, reqs []SignRequest) ([]SignedRequest, error) {
	reqs = slices.Clone(reqs)
	for i := range reqs {
		if reqs[i].Method == "" {
			reqs[i].Method = "GET"
		}
		if err := CheckSignRequest(reqs[i]); err != nil {
			return nil, c.fail("sign", reqs[i].Key, err)
		}
	}
	signed, err := SignURLs(ctx, c.Inner, reqs...)
	return signed, c.fail("sign", "", err)
}

func (c *checked) SignForm(ctx context.Context, req FormRequest) (SignedForm, error) {
	if err := CheckFormRequest(req); err != nil {
		return SignedForm{}, c.fail("sign form", req.Key, err)
	}
	form, err := SignForm(ctx, c.Inner, req)
	return form, c.fail("sign form", req.Key, err)
}

func (c *checked) CreateUpload(ctx context.Context, key string, opts PutOptions) (Upload, error) {
	if err := errors.Join(CheckKey(key), CheckPutOptions(opts)); err != nil {
		return Upload{}, c.fail("create upload", key, err)
	}
	upload, err := c.Forward.CreateUpload(ctx, key, opts)
	return upload, c.fail("create upload", key, err)
}

func (c *checked) PutPart(ctx context.Context, upload Upload, number int, src Source) (Part, error) {
	if err := errors.Join(CheckKey(upload.Key), checkPartNumber(number)); err != nil {
		return Part{}, c.fail("put part", upload.Key, err)
	}
	part, err := c.Forward.PutPart(ctx, upload, number, src)
	return part, c.fail("put part", upload.Key, err)
}

func (c *checked) Parts(ctx context.Context, upload Upload) iter.Seq2[Part, error] {
	if err := CheckKey(upload.Key); err != nil {
		return failed[Part](c.fail("list parts", upload.Key, err))
	}
	return named(c, "list parts", upload.Key, c.Forward.Parts(ctx, upload))
}

func (c *checked) CompleteUpload(ctx context.Context, upload Upload, parts []Part) (Info, error) {
	if err := errors.Join(CheckKey(upload.Key), checkPartOrder(parts)); err != nil {
		return Info{}, c.fail("complete upload", upload.Key, err)
	}
	info, err := c.Forward.CompleteUpload(ctx, upload, parts)
	return info, c.fail("complete upload", upload.Key, err)
}

func (c *checked) AbortUpload(ctx context.Context, upload Upload) error {
	if err := CheckKey(upload.Key); err != nil {
		return c.fail("abort upload", upload.Key, err)
	}
	return c.fail("abort upload", upload.Key, c.Forward.AbortUpload(ctx, upload))
}

func (c *checked) Uploads(ctx context.Context, prefix string) iter.Seq2[Upload, error] {
	if err := CheckPrefix(prefix); err != nil {
		return failed[Upload](c.fail("list uploads", prefix, err))
	}
	return named(c, "list uploads", prefix, c.Forward.Uploads(ctx, prefix))
}

func (c *checked) UpdateHeader(ctx context.Context, key string, to Replacement, cond Condition) (Info, error) {
	opts := PutOptions{Header: to.Header, Metadata: to.Metadata}
	if err := errors.Join(CheckKey(key), CheckPutOptions(opts), CheckDeleteOptions(DeleteOptions{If: cond})); err != nil {
		return Info{}, c.fail("update header", key, err)
	}
	info, err := c.Forward.UpdateHeader(ctx, key, to, cond)
	return info, c.fail("update header", key, err)
}

func (c *checked) Reclaim(ctx context.Context, olderThan time.Duration) (ReclaimReport, error) {
	report, err := c.Forward.Reclaim(ctx, olderThan)
	return report, c.fail("reclaim", "", err)
}

func (c *checked) Probe(ctx context.Context) (Description, error) {
	description, err := c.Forward.Probe(ctx)
	return description, c.fail("probe", "", err)
}

func (c *checked) PublicURL(key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", c.fail("public URL", key, err)
	}
	url, err := c.Forward.PublicURL(key)
	return url, c.fail("public URL", key, err)
}
