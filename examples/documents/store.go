package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// filesPath is where the signed URLs of files in the data folder lead.
const filesPath = "/files"

// opener opens a store by its URL.
type opener func(ctx context.Context, storeURL string) (dossier.Backend, error)

// openStore opens the store of the files and registers it.
func (a *app) openStore(ctx context.Context) (err error) {
	if a.cfg.store == "" {
		a.store, err = a.openFolder() //nolint:contextcheck // opening a folder does not wait
	} else {
		a.store, err = a.openElsewhere(ctx)
	}
	if err != nil {
		return err
	}
	if a.cfg.around != nil {
		a.store = a.cfg.around(a.store)
	}
	return a.registry.Register(backendName, a.store)
}

func (a *app) openFolder() (dossier.Backend, error) {
	var err error
	if a.signer, err = signerIn(a.cfg.data); err != nil {
		return nil, err
	}
	files := filepath.Join(a.cfg.data, "files")
	b, err := local.New(files, local.Config{Signer: a.signer, BaseURL: filesPath, FileMode: 0o600, DirMode: 0o700})
	if err != nil {
		return nil, err // not a nil *local.Backend in an interface that is not nil
	}
	return b, nil
}

// openElsewhere opens a cloud store, whose links lead to its own server: the page must be allowed to show what is there.
func (a *app) openElsewhere(ctx context.Context) (dossier.Backend, error) {
	b, err := a.cfg.open(ctx, a.cfg.store)
	if err != nil {
		return nil, err
	}
	signed, err := dossier.SignURLs(ctx, b, dossier.SignRequest{Key: "documents", TTL: time.Minute})
	if err != nil {
		return nil, fmt.Errorf("the store signs no links, which the page needs: %w", err)
	}
	link, err := url.Parse(signed[0].URL)
	if err != nil {
		return nil, err
	}
	a.origin = link.Scheme + "://" + link.Host
	return b, nil
}
