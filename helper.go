package dossier

import (
	"context"
	"errors"
	"io"
	"iter"
)

// List yields the objects of b; see [Lister]. Without that extension the one result is [errors.ErrUnsupported].
func List(ctx context.Context, b Backend, opts ListOptions) iter.Seq2[Info, error] {
	if l, ok := As[Lister](b); ok {
		return l.List(ctx, opts)
	}
	return failed[Info](unsupported("list", b, opts.Prefix, "the backend cannot list its objects"))
}

// DeleteBatch deletes each key and yields one result per key; see [BatchDeleter]. Without that extension it deletes
// one by one.
func DeleteBatch(ctx context.Context, b Backend, keys iter.Seq[string]) iter.Seq2[string, error] {
	if d, ok := As[BatchDeleter](b); ok {
		return d.DeleteBatch(ctx, keys)
	}
	return func(yield func(string, error) bool) {
		for key := range keys {
			if !yield(key, b.Delete(ctx, key, DeleteOptions{})) {
				return
			}
		}
	}
}

// Copy makes dst equal to src; see [Copier]. Without that extension the bytes are read and written again, pinned to
// one version of src, with the same conditions.
func Copy(ctx context.Context, b Backend, dst, src string, opts CopyOptions) (Info, error) {
	if c, ok := As[Copier](b); ok {
		info, err := c.Copy(ctx, dst, src, opts)
		if !errors.Is(err, errors.ErrUnsupported) {
			return info, err
		}
	}
	return copyThrough(ctx, b, dst, src, opts)
}

func copyThrough(ctx context.Context, b Backend, dst, src string, opts CopyOptions) (Info, error) {
	object, err := b.Get(ctx, src, GetOptions{If: opts.SourceIf})
	if err != nil {
		return Info{}, err
	}
	put := PutOptions{If: opts.If, Header: object.Header, Metadata: object.Metadata}
	if opts.Replace != nil {
		put.Header, put.Metadata = opts.Replace.Header, opts.Replace.Metadata
	}
	pinned := GetOptions{If: opts.SourceIf}
	if pinned.If.Match == "" && b.Describe().Capabilities.Has(GetMatch) {
		pinned.If.Match = object.Version
	}
	size, first := object.Size, object
	// Whoever reads the source closes it: a read that blocks when ctx ends must not be closed from here.
	info, err := b.Put(ctx, dst, OpenerSource(func() (io.ReadCloser, error) {
		if opened := first; opened != nil {
			first = nil
			return opened, nil
		}
		return b.Get(ctx, src, pinned)
	}, size), put)
	if first != nil {
		err = errors.Join(err, first.Close())
	}
	return info, err
}

// Move renames src to dst; see [Mover]. Without that extension it copies, then deletes src; a failure in between
// leaves both. Where the backend has GetMatch and DeleteMatch, a src that was written meanwhile is not deleted but
// [ErrPrecondition]. Moving a key to itself changes nothing.
func Move(ctx context.Context, b Backend, dst, src string, opts CopyOptions) (Info, error) {
	if m, ok := As[Mover](b); ok {
		info, err := m.Move(ctx, dst, src, opts)
		if !errors.Is(err, errors.ErrUnsupported) {
			return info, err
		}
	}
	if dst == src && opts == (CopyOptions{}) {
		return b.Stat(ctx, src)
	}
	return moveThrough(ctx, b, dst, src, opts)
}

func moveThrough(ctx context.Context, b Backend, dst, src string, opts CopyOptions) (Info, error) {
	if opts.SourceIf.Match == "" && b.Describe().Capabilities.Has(GetMatch|DeleteMatch) {
		found, err := b.Stat(ctx, src)
		if err != nil {
			return Info{}, err
		}
		opts.SourceIf.Match = found.Version
	}
	info, err := Copy(ctx, b, dst, src, opts)
	if err != nil || dst == src {
		return info, err
	}
	if !b.Describe().Capabilities.Has(DeleteMatch) {
		opts.SourceIf.Match = ""
	}
	return info, b.Delete(ctx, src, DeleteOptions{If: opts.SourceIf})
}

// SignURLs signs all requests or none; see [URLSigner]. Without that extension it is [errors.ErrUnsupported].
func SignURLs(ctx context.Context, b Backend, reqs ...SignRequest) ([]SignedRequest, error) {
	if s, ok := As[URLSigner](b); ok {
		return s.SignURLs(ctx, reqs)
	}
	return nil, unsupported("sign", b, "", "the backend cannot sign URLs")
}

// SignForm signs an upload form; see [FormSigner]. Without that extension it is [errors.ErrUnsupported].
func SignForm(ctx context.Context, b Backend, req FormRequest) (SignedForm, error) {
	if s, ok := As[FormSigner](b); ok {
		return s.SignForm(ctx, req)
	}
	return SignedForm{}, unsupported("sign form", b, req.Key, "the backend cannot sign forms")
}

// PublicURL returns the fixed URL of an object in a public store; see [PublicURLer]. Without that extension it is
// [errors.ErrUnsupported].
func PublicURL(b Backend, key string) (string, error) {
	if p, ok := As[PublicURLer](b); ok {
		return p.PublicURL(key)
	}
	return "", unsupported("public URL", b, key, "the objects of this backend have no public URL; sign one")
}

// ReadAll reads a whole object into memory: at most limit bytes, else [ErrTooLarge] before anything is read. A limit
// of 0 means no limit.
func ReadAll(ctx context.Context, b Backend, key string, limit int64) (content []byte, err error) {
	object, err := b.Get(ctx, key, GetOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	if limit > 0 && object.Size > limit {
		return nil, &Error{Op: "read", Key: key, Kind: ErrTooLarge, Err: tooLarge(limit)}
	}
	return io.ReadAll(object)
}
