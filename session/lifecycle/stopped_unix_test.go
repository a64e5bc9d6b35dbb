//go:build unix

package lifecycle_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

const canStop = true

// stop stops the child, and returns when nothing in it moves any more.
func stop(child *os.Process) error {
	if err := child.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(child.Pid, &status, syscall.WUNTRACED, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err == nil && !status.Stopped() {
			err = fmt.Errorf("it did not stop: %v", status)
		}
		return err
	}
}

func goOn(child *os.Process) error { return child.Signal(syscall.SIGCONT) }
