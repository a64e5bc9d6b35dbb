//go:build !linux

package local

import (
	"errors"
	"os"
)

// direct is a short cut that Linux has.
type direct struct{ root *os.File }

func newDirect(_, _ *os.Root) (direct, error) { return direct{}, nil }

func (d direct) close() error { return nil }

func (d direct) open(string, int) (*os.File, error) { return nil, errors.ErrUnsupported }

func (d direct) rename(_, _ string) error { return errors.ErrUnsupported }
