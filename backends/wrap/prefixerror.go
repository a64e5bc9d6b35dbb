package wrap

import (
	"errors"
	"strings"

	"github.com/dossier-go/dossier"
)

// invalid is the error of a key that was refused here.
func (p *prefixed) invalid(op, key string, err error) error {
	return &dossier.Error{Op: op, Backend: p.inner.Describe().Scheme, Key: key, Kind: dossier.ErrInvalidKey, Err: err}
}

// fail takes the prefix out of the keys of an error of the inner backend: of an [*dossier.Error], of what it wraps, and
// of joined ones. Other errors that wrap one get an [*dossier.Error] in front, which errors.As finds first.
func (p *prefixed) fail(err error) error {
	if err == nil {
		return nil
	}
	var known *dossier.Error
	if !errors.As(err, &known) {
		return err
	}
	if err == error(known) { //nolint:errorlint // exactly this value, not a wrapped one
		named := p.named(known)
		named.Err = p.fail(known.Err)
		return named
	}
	if parts, ok := joined(err); ok {
		for i := range parts {
			parts[i] = p.fail(parts[i])
		}
		return errors.Join(parts...)
	}
	named := p.named(known)
	named.Kind, named.Err = nil, err
	return named
}

// named returns a copy of e with keys below the prefix.
func (p *prefixed) named(e *dossier.Error) *dossier.Error {
	named := *e
	named.Key = strings.TrimPrefix(e.Key, p.prefix)
	if e.Leaked != nil {
		named.Leaked = &dossier.Upload{Key: strings.TrimPrefix(e.Leaked.Key, p.prefix), ID: e.Leaked.ID}
	}
	return &named
}

// joined returns a copy of the errors of errors.Join, and whether err is such a one: it says nothing of its own.
func joined(err error) ([]error, bool) {
	j, ok := err.(interface{ Unwrap() []error }) //nolint:errorlint // exactly this value, not a wrapped one
	if !ok {
		return nil, false
	}
	parts := append([]error(nil), j.Unwrap()...)
	return parts, errors.Join(parts...).Error() == err.Error()
}
