package local

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/dossier-go/dossier"
)

// errAbsent says that a look at the path showed that there is no object.
var errAbsent = errors.New("no such object")

// doubtful marks an error after which a change may have happened.
type doubtful struct{ error }

func (d *doubtful) Unwrap() error { return d.error }

func isDoubtful(err error) bool {
	var doubt *doubtful
	return errors.As(err, &doubt)
}

// kinds of error that this package makes or passes on.
var kinds = []error{
	dossier.ErrExist, dossier.ErrPrecondition, dossier.ErrNotModified, dossier.ErrConflict, dossier.ErrInvalidKey,
	dossier.ErrInvalid, dossier.ErrTooLarge, dossier.ErrShortSource, dossier.ErrRange, dossier.ErrChecksum,
	dossier.ErrPermission, dossier.ErrNoContainer, dossier.ErrClosed, dossier.ErrConsumed, dossier.ErrNotExist,
	dossier.ErrUnavailable,
}

// fail makes err the backend's error of an operation.
func (b *Backend) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &dossier.Error{Op: op, Backend: scheme, Key: key, Kind: kindOf(err), Err: err}
	if e.Kind == nil && errors.Is(err, errors.ErrUnsupported) {
		e.Kind = errors.ErrUnsupported
	}
	if isDoubtful(err) {
		e.Outcome = dossier.OutcomeUnknown
	}
	return e
}

// kindOf returns the first kind that err is of, nil if it is of none.
func kindOf(err error) error {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// storeError gives an error of the file system its kind, unless it has one. A missing path keeps only its text: what is missing here is
// never the object itself, so the error must not look like fs.ErrNotExist. The same goes for a name that is taken.
func storeError(err error) error {
	switch {
	case err == nil || kindOf(err) != nil:
		return err
	case isOneOf(err, syscall.ENOSPC, syscall.EDQUOT):
		return fmt.Errorf("%w: the volume is full or over its quota; free some space: %w", dossier.ErrUnavailable, err)
	case isOneOf(err, syscall.EACCES, syscall.EPERM, syscall.EROFS):
		return fmt.Errorf("%w: %w", dossier.ErrPermission, err)
	case isOneOf(err, syscall.ENAMETOOLONG, syscall.EILSEQ):
		return fmt.Errorf("%w: the file system takes no such name: %w", dossier.ErrInvalidKey, err)
	case errors.Is(err, fs.ErrClosed):
		return fmt.Errorf("%w: %w", dossier.ErrClosed, err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("%w: %s", dossier.ErrUnavailable, err.Error())
	}
	return fmt.Errorf("%w: %w", dossier.ErrUnavailable, err)
}

func isOneOf(err error, numbers ...syscall.Errno) bool {
	for _, number := range numbers {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// isNotFolder reports whether a path leads through a file.
func isNotFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

// refused reports whether err says for certain that a rename, link or removal did not happen. An input/output error or
// a stale handle does not: a network file system may have done it.
func refused(err error) bool {
	return kindOf(err) != nil || isAbsent(err) || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrPermission) ||
		errors.Is(err, fs.ErrClosed) ||
		isOneOf(err, syscall.EISDIR, syscall.ENOTEMPTY, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS,
			syscall.EXDEV, syscall.ENAMETOOLONG, syscall.EMLINK, syscall.ELOOP, syscall.EINVAL, syscall.EBUSY,
			syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOTSUP)
}

// change runs one step that changes a name; its error is doubtful when the change may have happened.
func (b *Backend) change(operation, name string, do func() error) error {
	happened := false
	err := b.step(operation, name, func() error {
		err := do()
		happened = err == nil || !refused(err)
		return err
	})
	if err != nil && happened {
		return &doubtful{storeError(err)}
	}
	return err
}

// missing is the error of an object that is not there: ErrNotExist if the store still is, else ErrNoContainer. For the
// handle of a folder that was removed answers "no such file" to everything.
func (b *Backend) missing() error {
	if err := b.alive(); err != nil {
		return err
	}
	return dossier.ErrNotExist
}

func (b *Backend) alive() error {
	_, err := b.root.Lstat(storeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s was removed while in use", dossier.ErrNoContainer, b.root.Name())
	}
	return storeError(err)
}
