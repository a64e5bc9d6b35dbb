//go:build !unix

package filelock

import (
	"errors"
	"os"
)

// Supported reports whether this system has the locks.
const Supported = false

// TryLock is errors.ErrUnsupported here.
func TryLock(*os.File) error { return errors.ErrUnsupported }

// Lock is errors.ErrUnsupported here.
func Lock(*os.File) error { return errors.ErrUnsupported }

// Unlock is errors.ErrUnsupported here.
func Unlock(*os.File) error { return errors.ErrUnsupported }
