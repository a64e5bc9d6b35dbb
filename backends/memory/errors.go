package memory

import (
	"errors"

	"github.com/dossier-go/dossier"
)

// kinds of error that this package makes or passes on.
var kinds = []error{
	dossier.ErrExist, dossier.ErrPrecondition, dossier.ErrNotModified, dossier.ErrInvalidKey, dossier.ErrInvalid,
	dossier.ErrTooLarge, dossier.ErrShortSource, dossier.ErrRange, dossier.ErrChecksum, dossier.ErrClosed,
	dossier.ErrConsumed, dossier.ErrNotExist, errors.ErrUnsupported,
}

// fail makes err the backend's error of an operation.
func fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &dossier.Error{Op: op, Backend: scheme, Key: key, Err: err}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			e.Kind = kind
			break
		}
	}
	return e
}
