package all

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/urlparam"
)

// opener opens the backends of one scheme.
type opener struct {
	scheme string
	form   string // how its URLs look
	open   func(u *url.URL, p *urlparam.Set) (dossier.Backend, error)
}

// openers are all schemes, in order.
func openers() []opener {
	return []opener{
		{"file", "file:///absolute/folder", openFile},
		{"mem", "mem://name", openMemory},
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
	b, err := openWith(o, u)
	if err != nil {
		return nil, fmt.Errorf("open %s backend: %w", o.scheme, err)
	}
	return b, nil
}

func openWith(o opener, u *url.URL) (dossier.Backend, error) {
	if u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("%w: the URL has a user name, password or fragment", dossier.ErrInvalid)
	}
	query, err := urlparam.Parse(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	return o.open(u, query)
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
