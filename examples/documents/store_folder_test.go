//go:build !cloud

package main

import (
	"errors"
	"strings"
	"testing"
)

// Without the tag there are no clouds in the binary, and that is what the error says.
func TestStoreNeedsTheTag(t *testing.T) {
	t.Parallel()
	_, err := openApp(t.Context(), config{data: t.TempDir(), store: "s3://bucket", open: openCloudStore})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "-tags cloud") {
		t.Error(err)
	}
}
