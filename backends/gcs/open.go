package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/urlparam"
)

// Environment variables with the HMAC key that [Open] signs with.
const (
	AccessIDVariable = "GCS_HMAC_ACCESS_ID"
	SecretVariable   = "GCS_HMAC_SECRET" //nolint:gosec // a name
)

// scope of the credentials: the store, and signBlob.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// location is what a URL says.
type location struct {
	bucket    string
	cfg       Config
	anonymous bool
	probe     bool
}

// Open returns the backend of a URL; see the documentation of the package for its parameters. The client uses the
// application default credentials. Open makes sure that the bucket is there. At an endpoint that is not Google's it also
// probes what the store honours, and clears the capabilities that it lacks.
//
// Errors: [dossier.ErrInvalid] (the URL), [dossier.ErrNoContainer], [dossier.ErrUnauthenticated], [dossier.ErrPermission],
// [dossier.ErrUnavailable]. None quotes the URL.
func Open(ctx context.Context, rawURL string) (*Backend, error) {
	at, err := parseURL(rawURL)
	if err != nil {
		return nil, fail("open", "", fmt.Errorf("%w: %w", dossier.ErrInvalid, err))
	}
	b, err := open(ctx, at)
	if err != nil {
		return nil, fail("open", "", err)
	}
	return b, nil
}

func parseURL(rawURL string) (at location, err error) {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil || u.Scheme != scheme || u.Host == "" || u.Opaque != "":
		return at, errors.New("the form is gs://bucket?parameter=value")
	case strings.Trim(u.Path, "/") != "" || u.User != nil || u.Fragment != "":
		return at, errors.New("the URL has a path, user name, password or fragment")
	}
	p, err := urlparam.Parse(u.RawQuery)
	if err != nil {
		return at, err
	}
	at.bucket = u.Host
	at.cfg = Config{
		Endpoint: p.Text("endpoint"), Memory: p.Size("memory"), PartSize: p.Size("part_size"), Parallel: p.Number("parallel", 1000),
		StallTimeout: p.Duration("stall_timeout"), Class: p.Text("class"), ACL: p.Text("acl"), PublicURL: p.Text("public_url"),
		SigningAccount: p.Text("signing_account"),
		HMAC:           HMACKey{AccessID: os.Getenv(AccessIDVariable), Secret: os.Getenv(SecretVariable)},
	}
	at.anonymous = p.Truth("anonymous")
	at.probe = p.Choice("probe", "true", "false") == 0 && at.cfg.Endpoint != ""
	return at, p.Done()
}

// open connects and looks.
func open(ctx context.Context, at location) (*Backend, error) {
	var opts []option.ClientOption
	if at.anonymous {
		opts = append(opts, option.WithoutAuthentication())
	} else {
		found, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{scope}})
		if err != nil {
			return nil, fmt.Errorf("%w: there are no application default credentials: %w", dossier.ErrUnauthenticated, err)
		}
		at.cfg.Credentials = found
		opts = append(opts, option.WithAuthCredentials(found))
	}
	if at.cfg.Endpoint != "" {
		opts = append(opts, option.WithEndpoint(strings.TrimSuffix(at.cfg.Endpoint, "/")+"/storage/v1/"))
	}
	if _, err := parseBase(at.cfg.Endpoint); err != nil {
		return nil, err
	}
	client, err := storage.NewClient(context.WithoutCancel(ctx), opts...)
	if err != nil {
		return nil, err
	}
	b, err := New(client, at.bucket, at.cfg)
	if err == nil {
		b.owned = true
		err = b.examine(ctx, at.probe)
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return b, nil
}

// examine makes sure that the bucket is there, and what it honours.
func (b *Backend) examine(ctx context.Context, probe bool) error {
	err := b.look(ctx)
	if err != nil && !errors.Is(err, iterator.Done) {
		return b.listError(err)
	}
	if !probe {
		return nil
	}
	lacking, err := b.probe(ctx)
	b.without.Or(uint64(lacking))
	return err
}
