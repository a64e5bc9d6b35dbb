package wrap

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/dossier-go/dossier"
)

// prefixed is the part of a store under a prefix. It does not embed [dossier.Forward]: a method that is forgotten here
// must be missing, not reach the store with a key that has no prefix.
type prefixed struct {
	inner  dossier.Backend
	prefix string // ends with "/"
	store  string
	maxKey int // bytes of a key without the prefix
}

// Prefix returns the objects of b whose keys begin with prefix and a slash as a store of their own, whose keys do not
// have that beginning: "a" in the prefix "tenant/7" is "tenant/7/a" in b. A slash at the end of prefix may be left out.
//
// No key leads out of the prefix, and nothing that the store returns has the prefix but what goes to others: signed
// URLs, the fields of signed forms, and public URLs, which name the object as b does. Errors have keys without the
// prefix; the text of their causes is the inner backend's. A key that with the prefix is longer than b takes is
// [dossier.ErrInvalidKey] before any request. Below the prefix [dossier.ReservedSegment] is reserved as in every store.
//
// Describe().Store is that of b, a slash and the prefix. So two backends over the same prefix have the same Store, and
// a prefix in a prefix has that of the joined one. Capabilities are those of b, and so are the extension interfaces but
// one: [dossier.Reclaimer], which works on a whole store, with the temporary files and uploads of everyone else in it.
// Probe makes its requests under the reserved segment of b, outside of the prefix. Close closes b.
//
// Errors: [dossier.ErrInvalidKey] for a prefix that is no key, or that leaves no room for one; [dossier.ErrInvalid]
// when b is nil.
func Prefix(b dossier.Backend, prefix string) (dossier.Backend, error) {
	if b == nil {
		return nil, fmt.Errorf("prefix: %w: the backend is nil", dossier.ErrInvalid)
	}
	prefix = strings.TrimSuffix(prefix, "/")
	if err := dossier.CheckKey(prefix); err != nil {
		return nil, fmt.Errorf("prefix: %w", err)
	}
	d := b.Describe()
	p := &prefixed{inner: b, prefix: prefix + "/", store: d.Store + "/" + prefix}
	p.maxKey = d.Limits.MaxKey
	if p.maxKey <= 0 || p.maxKey > dossier.MaxKeyLength {
		p.maxKey = dossier.MaxKeyLength
	}
	p.maxKey -= len(p.prefix)
	if p.maxKey < 1 {
		return nil, fmt.Errorf("prefix: %w: %d bytes leave no room for a key", dossier.ErrInvalidKey, len(prefix))
	}
	return p, nil
}

// Wrapped implements [dossier.Wrapper].
func (p *prefixed) Wrapped() dossier.Backend { return p.inner }

// Describe implements [dossier.Backend].
func (p *prefixed) Describe() dossier.Description { return p.describe(p.inner.Describe()) }

func (p *prefixed) describe(d dossier.Description) dossier.Description {
	d.Store, d.Limits.MaxKey = p.store, p.maxKey
	return d
}

// full returns the inner backend's key.
func (p *prefixed) full(op, key string) (string, error) {
	err := dossier.CheckKey(key)
	if err == nil && len(key) > p.maxKey {
		err = fmt.Errorf("%w: it has %d bytes, at most %d are allowed below the prefix", dossier.ErrInvalidKey, len(key), p.maxKey)
	}
	if err != nil {
		return "", p.invalid(op, key, err)
	}
	return p.prefix + key, nil
}

// relative returns the key below the prefix.
func (p *prefixed) relative(info dossier.Info) dossier.Info {
	info.Key = strings.TrimPrefix(info.Key, p.prefix)
	return info
}

// Put implements [dossier.Backend].
func (p *prefixed) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	full, err := p.full("put", key)
	if err != nil {
		return dossier.Info{}, err
	}
	info, err := p.inner.Put(ctx, full, src, opts)
	return p.relative(info), p.fail(err)
}

// Get implements [dossier.Backend].
func (p *prefixed) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	full, err := p.full("get", key)
	if err != nil {
		return nil, err
	}
	object, err := p.inner.Get(ctx, full, opts)
	if err != nil {
		return nil, p.fail(err)
	}
	object.Info = p.relative(object.Info)
	if _, ok := object.File(); ok {
		return object, nil // a file has no keys in its errors, and serving needs it
	}
	outer := dossier.NewObject(object.Info, object.From, object.To, &body{object, p})
	if opts.SkipVerify {
		return outer, nil
	}
	return outer.Verified(), nil // the inner object ends with the outer one's last byte, before it has compared anything
}

// body is an object of the inner backend, with errors that name the key without the prefix.
type body struct {
	io.ReadCloser
	prefixed *prefixed
}

func (b *body) Read(buffer []byte) (int, error) {
	n, err := b.ReadCloser.Read(buffer)
	return n, b.prefixed.fail(err)
}

func (b *body) Close() error { return b.prefixed.fail(b.ReadCloser.Close()) }

// Stat implements [dossier.Backend].
func (p *prefixed) Stat(ctx context.Context, key string) (dossier.Info, error) {
	full, err := p.full("stat", key)
	if err != nil {
		return dossier.Info{}, err
	}
	info, err := p.inner.Stat(ctx, full)
	return p.relative(info), p.fail(err)
}

// Delete implements [dossier.Backend].
func (p *prefixed) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	full, err := p.full("delete", key)
	if err != nil {
		return err
	}
	return p.fail(p.inner.Delete(ctx, full, opts))
}

// Close closes the inner backend if it is an [io.Closer].
func (p *prefixed) Close() error {
	if c, ok := p.inner.(io.Closer); ok {
		return p.fail(c.Close())
	}
	return nil
}
