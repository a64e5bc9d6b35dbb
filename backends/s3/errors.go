package s3

import "github.com/dossier-go/dossier"

// fail makes err the backend's error of an operation.
func fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	return &dossier.Error{Op: op, Backend: scheme, Key: key, Err: err}
}
