package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/dossier-go/dossier"
)

// attempts at something that other writers can undo at the same time.
const attempts = 100

// temp is a file that is being written and will become an object or a part. Its writer holds its lock, by which
// Reclaim knows that the writer lives.
type temp struct {
	b            *Backend
	operation    string
	folder, name string
	file         *os.File
	gone         bool // the path no longer names it
}

// path from the root.
func (t *temp) path() string { return t.folder + "/" + t.name }

// newTemp creates a file in a folder of the backend's own.
func (b *Backend) newTemp(operation, folder string) (*temp, error) {
	for range attempts {
		t := &temp{b: b, operation: operation, folder: folder, name: tempPrefix + rand.Text()}
		claimed, err := t.create()
		if claimed && err == nil {
			return t, nil
		}
		if err = errors.Join(err, t.discard()); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: other processes keep removing new files from %s", dossier.ErrUnavailable, folder)
}

// tempPrefix begins the names of temporary files, and of nothing else.
const tempPrefix = "tmp-"

// create makes the file and claims it. It is not claimed if Reclaim saw it between the two.
func (t *temp) create() (claimed bool, err error) {
	err = t.b.step(t.operation, "temp", func() (err error) {
		t.file, err = t.open()
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return false, errAbsent
	}
	if err != nil {
		return false, storeError(err)
	}
	if locked, err := tryLock(t.file); err != nil || !locked {
		return false, err
	}
	info, err := t.file.Stat()
	return err == nil && linkCount(info) > 0, storeError(err)
}

func (t *temp) open() (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	if t.folder == scratchFolder {
		return t.b.scratch.OpenFile(t.name, flags, t.b.cfg.FileMode)
	}
	return t.b.root.OpenFile(t.path(), flags, t.b.cfg.FileMode)
}

// sourceError is an error of where the bytes come from, not of the file system.
type sourceError struct{ error }

// write fills the file by one step.
func (t *temp) write(fill func() error) error {
	err := t.b.step(t.operation, "write", fill)
	if source := (*sourceError)(nil); errors.As(err, &source) {
		return source.error
	}
	return storeError(err)
}

// seal gives the file its attributes and waits until it is on the disk.
func (t *temp) seal(a attributes) error {
	if err := t.b.attach(t.operation, t.file, a); err != nil {
		return storeError(err)
	}
	if t.b.facts.attributes == 0 {
		// The version is made of times then; the kernel's clock is too coarse to tell two writes apart.
		if err := t.b.root.Chtimes(t.path(), time.Time{}, time.Now()); err != nil {
			return storeError(err)
		}
	}
	return storeError(t.b.sync(t.operation, t.file))
}

// sync is the step that waits for the file's bytes.
func (b *Backend) sync(operation string, file *os.File) error {
	if b.cfg.Durability == Fast {
		return nil
	}
	return b.step(operation, "sync", func() error { return b.syncFile(file) })
}

// finish closes the file after err, or after success, and removes it if it was not published. What could not be
// removed is left to Reclaim and told in the error.
func (t *temp) finish(err error) error {
	if !t.gone {
		return errors.Join(err, t.discard())
	}
	if closed := t.file.Close(); closed != nil { // a network file system may report a lost write here
		return errors.Join(err, &doubtful{storeError(closed)})
	}
	return err
}

func (t *temp) discard() error {
	if t.file == nil {
		return nil
	}
	closed := closeFile(t.file)
	err := t.b.step(t.operation, "discard", func() error { return t.b.root.Remove(t.path()) })
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("the temporary file %s is left to Reclaim: %w", t.path(), storeError(err))
	}
	return errors.Join(closed, err)
}
