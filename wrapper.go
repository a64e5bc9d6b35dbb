package dossier

import (
	"context"
	"io"
	"iter"
	"time"
)

// Wrapper is implemented by backends that stand in front of another one and implement every extension interface by
// calling it. [As] asks the inner backend whether an extension is really there.
type Wrapper interface {
	Backend
	// Wrapped returns the inner backend; callers use it only to ask for abilities, never to go round the wrapper.
	Wrapped() Backend
}

// As returns b as the extension interface T. For a [Wrapper] it answers truthfully: ok is false when the inner backend
// does not have T, and the value returned is the wrapper, never the inner backend.
func As[T any](b Backend) (t T, ok bool) {
	t, ok = b.(T)
	if !ok {
		return t, false
	}
	if w, wraps := b.(Wrapper); wraps {
		if _, ok = As[T](w.Wrapped()); !ok {
			var zero T
			return zero, false
		}
	}
	return t, true
}

// Forward implements [Backend] and every extension interface by calling Inner. Embed it in a wrapper and override what
// the wrapper changes: a wrapper that changes keys must override every method that has one. Extensions that Inner does
// not have return [errors.ErrUnsupported], and [As] does not offer them.
type Forward struct {
	Inner Backend
}

// Wrapped implements [Wrapper].
func (f Forward) Wrapped() Backend { return f.Inner }

// Describe implements [Backend].
func (f Forward) Describe() Description { return f.Inner.Describe() }

// Put implements [Backend].
func (f Forward) Put(ctx context.Context, key string, src Source, opts PutOptions) (Info, error) {
	return f.Inner.Put(ctx, key, src, opts)
}

// Get implements [Backend].
func (f Forward) Get(ctx context.Context, key string, opts GetOptions) (*Object, error) {
	return f.Inner.Get(ctx, key, opts)
}

// Stat implements [Backend].
func (f Forward) Stat(ctx context.Context, key string) (Info, error) { return f.Inner.Stat(ctx, key) }

// Delete implements [Backend].
func (f Forward) Delete(ctx context.Context, key string, opts DeleteOptions) error {
	return f.Inner.Delete(ctx, key, opts)
}

// List implements [Lister].
func (f Forward) List(ctx context.Context, opts ListOptions) iter.Seq2[Info, error] {
	return List(ctx, f.Inner, opts)
}

// DeleteBatch implements [BatchDeleter].
func (f Forward) DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return DeleteBatch(ctx, f.Inner, keys)
}

// Copy implements [Copier].
func (f Forward) Copy(ctx context.Context, dst, src string, opts CopyOptions) (Info, error) {
	if c, ok := As[Copier](f.Inner); ok {
		return c.Copy(ctx, dst, src, opts)
	}
	return Info{}, unsupported("copy", f.Inner, src, "the backend cannot copy inside the store")
}

// Move implements [Mover].
func (f Forward) Move(ctx context.Context, dst, src string, opts CopyOptions) (Info, error) {
	if m, ok := As[Mover](f.Inner); ok {
		return m.Move(ctx, dst, src, opts)
	}
	return Info{}, unsupported("move", f.Inner, src, "the backend cannot move inside the store")
}

// SignURLs implements [URLSigner].
func (f Forward) SignURLs(ctx context.Context, reqs []SignRequest) ([]SignedRequest, error) {
	return SignURLs(ctx, f.Inner, reqs...)
}

// SignForm implements [FormSigner].
func (f Forward) SignForm(ctx context.Context, req FormRequest) (SignedForm, error) {
	return SignForm(ctx, f.Inner, req)
}

func (f Forward) multipart(key string) (MultipartBackend, error) {
	if m, ok := As[MultipartBackend](f.Inner); ok {
		return m, nil
	}
	return nil, unsupported("multipart", f.Inner, key, "the backend has no multipart uploads")
}

// CreateUpload implements [MultipartBackend].
func (f Forward) CreateUpload(ctx context.Context, key string, opts PutOptions) (Upload, error) {
	m, err := f.multipart(key)
	if err != nil {
		return Upload{}, err
	}
	return m.CreateUpload(ctx, key, opts)
}

// PutPart implements [MultipartBackend].
func (f Forward) PutPart(ctx context.Context, upload Upload, number int, src Source) (Part, error) {
	m, err := f.multipart(upload.Key)
	if err != nil {
		return Part{}, err
	}
	return m.PutPart(ctx, upload, number, src)
}

// Parts implements [MultipartBackend].
func (f Forward) Parts(ctx context.Context, upload Upload) iter.Seq2[Part, error] {
	m, err := f.multipart(upload.Key)
	if err != nil {
		return failed[Part](err)
	}
	return m.Parts(ctx, upload)
}

// CompleteUpload implements [MultipartBackend].
func (f Forward) CompleteUpload(ctx context.Context, upload Upload, parts []Part) (Info, error) {
	m, err := f.multipart(upload.Key)
	if err != nil {
		return Info{}, err
	}
	return m.CompleteUpload(ctx, upload, parts)
}

// AbortUpload implements [MultipartBackend].
func (f Forward) AbortUpload(ctx context.Context, upload Upload) error {
	m, err := f.multipart(upload.Key)
	if err != nil {
		return err
	}
	return m.AbortUpload(ctx, upload)
}

// Uploads implements [MultipartBackend].
func (f Forward) Uploads(ctx context.Context, prefix string) iter.Seq2[Upload, error] {
	m, err := f.multipart(prefix)
	if err != nil {
		return failed[Upload](err)
	}
	return m.Uploads(ctx, prefix)
}

// UpdateHeader implements [HeaderUpdater].
func (f Forward) UpdateHeader(ctx context.Context, key string, to Replacement, cond Condition) (Info, error) {
	if u, ok := As[HeaderUpdater](f.Inner); ok {
		return u.UpdateHeader(ctx, key, to, cond)
	}
	return Info{}, unsupported("update header", f.Inner, key, "the backend cannot change headers in place")
}

// Reclaim implements [Reclaimer].
func (f Forward) Reclaim(ctx context.Context, olderThan time.Duration) (ReclaimReport, error) {
	if r, ok := As[Reclaimer](f.Inner); ok {
		return r.Reclaim(ctx, olderThan)
	}
	return ReclaimReport{}, unsupported("reclaim", f.Inner, "", "the backend has nothing to reclaim")
}

// Probe implements [Prober].
func (f Forward) Probe(ctx context.Context) (Description, error) {
	if p, ok := As[Prober](f.Inner); ok {
		return p.Probe(ctx)
	}
	return Description{}, unsupported("probe", f.Inner, "", "the backend has no probe; its description is fixed")
}

// PublicURL implements [PublicURLer].
func (f Forward) PublicURL(key string) (string, error) { return PublicURL(f.Inner, key) }

// Close closes Inner if it is an [io.Closer].
func (f Forward) Close() error {
	if c, ok := f.Inner.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// failed is a sequence of one error.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		yield(zero, err)
	}
}

var (
	_ Lister           = Forward{}
	_ BatchDeleter     = Forward{}
	_ Copier           = Forward{}
	_ Mover            = Forward{}
	_ URLSigner        = Forward{}
	_ FormSigner       = Forward{}
	_ MultipartBackend = Forward{}
	_ HeaderUpdater    = Forward{}
	_ Reclaimer        = Forward{}
	_ Prober           = Forward{}
	_ PublicURLer      = Forward{}
	_ Wrapper          = Forward{}
)
