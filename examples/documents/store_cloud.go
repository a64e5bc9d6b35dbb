//go:build cloud

package main

import (
	"context"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/all"
)

// openCloudStore opens any store. It links the libraries of three clouds, which take minutes to build: hence the tag.
func openCloudStore(ctx context.Context, storeURL string) (dossier.Backend, error) {
	return all.Open(ctx, storeURL)
}
