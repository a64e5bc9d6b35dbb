//go:build !cloud

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
)

// openCloudStore opens nothing: without the tag no cloud's library is linked, so that the demo builds quickly.
func openCloudStore(context.Context, string) (dossier.Backend, error) {
	return nil, fmt.Errorf("-store: %w in this binary; run it with: go run -tags cloud ./examples/documents", errors.ErrUnsupported)
}
