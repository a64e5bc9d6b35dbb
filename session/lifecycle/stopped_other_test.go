//go:build !unix

package lifecycle_test

import (
	"errors"
	"os"
)

const canStop = false

func stop(*os.Process) error { return errors.ErrUnsupported }

func goOn(*os.Process) error { return errors.ErrUnsupported }
