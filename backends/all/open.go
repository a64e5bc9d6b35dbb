package all

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
	"github.com/dossier-go/dossier/backends/gcs"
	"github.com/dossier-go/dossier/backends/s3"
	"github.com/dossier-go/dossier/backends/wrap"
	"github.com/dossier-go/dossier/internal/urlparam"
)

// opener opens the backends of one scheme.
type opener struct {
	scheme string
	form   string // how its URLs look
	open   func(ctx context.Context, u *url.URL) (dossier.Backend, error)
}

// openers are all schemes, in order.
func openers() []opener {
	return []opener{
		{"file", "file:///absolute/folder", openFile},
		{"mem", "mem://name", openMemory},
		{"s3", "s3://bucket", service(s3.Open)},
		{"gs", "gs://bucket", service(gcs.Open)},
		{"azblob", "azblob://container", service(azure.Open)},
	}
}

// Open opens the backend that the URL names; see the package's documentation for schemes and parameters. Close it with
// the registry that it is put in.
//
// Errors: dossier.ErrInvalid (malformed URL or parameter), errors.ErrUnsupported (unknown scheme),
// dossier.ErrNoContainer (missing folder), those of the backend's package.
func Open(ctx context.Context, rawURL string) (dossier.Backend, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("open backend: %w", err)
	}
	u, err := parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("open backend: %w", err)
	}
	at := slices.IndexFunc(openers(), func(o opener) bool { return o.scheme == u.Scheme })
	if at < 0 {
		return nil, fmt.Errorf("open backend: %w: the scheme %q; there are %s", errors.ErrUnsupported, u.Scheme, forms())
	}
	o := openers()[at]
	b, err := openWith(ctx, o, u)
	if err != nil {
		return nil, fmt.Errorf("open %s backend: %w", o.scheme, err)
	}
	return b, nil
}

func openWith(ctx context.Context, o opener, u *url.URL) (dossier.Backend, error) {
	if u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("%w: the URL has a user name, password or fragment", dossier.ErrInvalid)
	}
	prefix, u, err := takePrefix(u)
	if err != nil {
		return nil, err
	}
	b, err := o.open(ctx, u)
	if err != nil || prefix == "" {
		return b, err
	}
	prefixed, err := wrap.Prefix(b, prefix)
	if err != nil {
		return nil, errors.Join(err, closed(b))
	}
	return prefixed, nil
}

// takePrefix returns the parameter prefix, which is the same for every scheme, and the URL without it. It is checked
// before anything is opened, made or asked.
func takePrefix(u *url.URL) (string, *url.URL, error) {
	query, err := urlparam.Parse(u.RawQuery)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	prefix, given, err := query.Cut("prefix")
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	if !given {
		return "", u, nil
	}
	if dossier.CheckKey(strings.TrimSuffix(prefix, "/")) != nil { // whose error would repeat the value
		return "", nil, fmt.Errorf("%w: the parameter prefix: want the beginning of keys up to a slash, such as tenant/7", dossier.ErrInvalid)
	}
	rest := *u
	rest.RawQuery = query.Encode()
	return prefix, &rest, nil
}

// closed closes what was opened in vain.
func closed(b dossier.Backend) error {
	if c, ok := b.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// service makes an opener of a package's own, which reads its parameters itself.
func service[B dossier.Backend](open func(context.Context, string) (B, error)) func(context.Context, *url.URL) (dossier.Backend, error) {
	return func(ctx context.Context, u *url.URL) (dossier.Backend, error) {
		b, err := open(ctx, u.String())
		if err != nil {
			return nil, err // not a nil pointer in an interface that is not nil
		}
		return b, nil
	}
}

// parse is url.Parse without the URL in its errors.
func parse(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the text is no URL; the forms are %s", dossier.ErrInvalid, forms())
	case u.Scheme == "":
		return nil, fmt.Errorf("%w: the URL has no scheme; the forms are %s", dossier.ErrInvalid, forms())
	}
	return u, nil
}

func forms() string {
	var all []string
	for _, o := range openers() {
		all = append(all, o.form)
	}
	return strings.Join(all, ", ")
}
