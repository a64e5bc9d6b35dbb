//go:build unix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Supported reports whether this system has the locks.
const Supported = true

// TryLock takes the exclusive lock, or returns ErrLocked at once.
func TryLock(f *os.File) error {
	err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// Lock waits for the exclusive lock.
func Lock(f *os.File) error { return flock(f, syscall.LOCK_EX) }

// Unlock gives the lock up; closing the file does too.
func Unlock(f *os.File) error { return flock(f, syscall.LOCK_UN) }

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
