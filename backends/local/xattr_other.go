//go:build !linux

package local

import (
	"errors"
	"os"
)

// setAttribute cannot: the standard library has no extended attributes of this system.
func setAttribute(*os.File, []byte) error { return errors.ErrUnsupported }

func getAttribute(*os.File) ([]byte, error) { return nil, nil }

func resetAttribute(*os.File, []byte) error { return nil }
