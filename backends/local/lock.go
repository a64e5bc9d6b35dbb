package local

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/filelock"
)

// lockCount is the number of lock files; keys are spread over them. All processes must agree on it.
const lockCount = 64

// locks guard the moment in which a key changes: a channel between goroutines and flock on a file between processes.
type locks struct {
	root  *os.Root
	mode  fs.FileMode
	locks [lockCount]lock
}

type lock struct {
	turn chan struct{} // holds a token while the lock is free
	file *os.File      // opened by the first holder
}

func newLocks(root *os.Root, mode fs.FileMode) *locks {
	l := &locks{root: root, mode: mode}
	for i := range l.locks {
		l.locks[i].turn = make(chan struct{}, 1)
		l.locks[i].turn <- struct{}{}
	}
	return l
}

// close closes the files; nobody may hold a lock.
func (l *locks) close() error {
	var errs []error
	for i := range l.locks {
		if file := l.locks[i].file; file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}

// hold waits for the locks of keys until ctx ends, always in the same order, and returns what gives them back.
func (l *locks) hold(ctx context.Context, keys ...string) (release func(), err error) {
	numbers := make([]int, 0, 2)
	for _, key := range keys {
		numbers = append(numbers, lockNumber(key))
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	for i, number := range numbers {
		if err := l.take(ctx, number); err != nil {
			l.give(numbers[:i])
			return nil, err
		}
	}
	return func() { l.give(numbers) }, nil
}

func lockNumber(key string) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(key)) // a hash never fails
	return int(sum.Sum32() % lockCount)
}

func (l *locks) take(ctx context.Context, number int) error {
	one := &l.locks[number]
	select {
	case <-one.turn:
	case <-ctx.Done():
		return dossier.ContextError(ctx)
	}
	err := l.open(one, number)
	if err == nil {
		err = waitLock(ctx, one.file)
	}
	if err != nil {
		one.turn <- struct{}{}
	}
	return err
}

func (l *locks) open(one *lock, number int) (err error) {
	if one.file != nil {
		return nil
	}
	name := fmt.Sprintf("%s/%02x", lockFolder, number)
	one.file, err = l.root.OpenFile(name, os.O_RDWR|os.O_CREATE, l.mode)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s was removed while in use", dossier.ErrNoContainer, lockFolder)
	}
	return storeError(err)
}

func (l *locks) give(numbers []int) {
	for _, number := range slices.Backward(numbers) {
		if filelock.Supported {
			_ = filelock.Unlock(l.locks[number].file) // only a bad handle can fail
		}
		l.locks[number].turn <- struct{}{}
	}
}

// Pauses between two looks at a lock that another process holds: it is held for a few system calls.
const (
	firstPause = 50 * time.Microsecond
	longPause  = 2 * time.Millisecond
)

// waitLock locks the file, or ends with ctx. It asks again and again, because a system call that waits cannot be
// cancelled.
func waitLock(ctx context.Context, file *os.File) error {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		locked, err := tryLock(file)
		if locked || err != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return dossier.ContextError(ctx)
		}
	}
}

// tryLock locks the open file, unless another handle has the lock; closing the file, or the death of the process,
// unlocks it. On a system without such locks it does nothing.
func tryLock(file *os.File) (locked bool, err error) {
	if !filelock.Supported {
		return true, nil
	}
	err = filelock.TryLock(file)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, filelock.ErrLocked):
		return false, nil
	case isOneOf(err, syscall.ENOTSUP, syscall.ENOSYS, syscall.ENOLCK, syscall.EINVAL):
		return false, fmt.Errorf("%w: the file system has no locks (flock); use another volume", errors.ErrUnsupported)
	}
	return false, storeError(err)
}
