package gcs

import (
	"errors"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
	"google.golang.org/api/googleapi"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/internal/stall"
)

// kinds of error that this package makes or passes on. The first one that fits is the kind.
var kinds = []error{
	dossier.ErrNoContainer, dossier.ErrExist, dossier.ErrPrecondition, dossier.ErrNotModified, dossier.ErrConflict,
	dossier.ErrInvalidKey, dossier.ErrTooLarge, dossier.ErrShortSource, dossier.ErrRange, dossier.ErrChecksum,
	dossier.ErrClosed, dossier.ErrConsumed,
	dossier.ErrPermission, dossier.ErrUnauthenticated, dossier.ErrThrottled, dossier.ErrUnavailable, dossier.ErrNotExist,
	dossier.ErrInvalid, errors.ErrUnsupported,
}

// fail makes err the backend's error of an operation.
func fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &dossier.Error{Op: op, Backend: scheme, Key: key, Err: err}
	e.Outcome = dossier.OutcomeOf(err)
	describe(e, err)
	return e
}

// describe fills in what the cause says.
func describe(e *dossier.Error, err error) {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			e.Kind = kind
			break
		}
	}
	var answer *googleapi.Error
	var token *auth.Error
	switch {
	case e.Kind == nil && ended(err):
	case errors.As(err, &token):
		describeToken(e, token)
	case errors.As(err, &answer):
		describeAnswer(e, answer)
	case e.Kind == nil:
		describeNetwork(e, err)
	}
	if e.Kind == dossier.ErrThrottled || e.Kind == dossier.ErrUnavailable && transient(err) {
		e.Retryable = true
	}
}

// describeAnswer is for what the store answered: https://cloud.google.com/storage/docs/json_api/v1/status-codes
func describeAnswer(e *dossier.Error, answer *googleapi.Error) {
	e.Status = answer.Code
	e.RequestID = answer.Header.Get("X-Guploader-Uploadid")
	e.RetryAfter = retryAfter(answer.Header)
	if e.Kind != nil {
		return
	}
	switch code := answer.Code; {
	case code == http.StatusUnauthorized:
		e.Kind = dossier.ErrUnauthenticated
	case code == http.StatusForbidden && limited(answer), code == http.StatusTooManyRequests:
		e.Kind = dossier.ErrThrottled
	case code == http.StatusForbidden:
		e.Kind = dossier.ErrPermission
	case code == http.StatusConflict:
		e.Kind = dossier.ErrConflict
	case code == http.StatusPreconditionFailed:
		e.Kind = dossier.ErrPrecondition
	case code == http.StatusRequestEntityTooLarge:
		e.Kind = dossier.ErrTooLarge
	case code == http.StatusRequestTimeout, code >= http.StatusInternalServerError:
		e.Kind = dossier.ErrUnavailable
	case code == http.StatusBadRequest && strings.Contains(answer.Message, "match calculated"):
		e.Kind = dossier.ErrChecksum // "Provided CRC32C … does not match calculated CRC32C": it has no reason of its own
	case code >= http.StatusBadRequest && code != http.StatusNotFound:
		e.Kind = dossier.ErrInvalid
	}
}

// describeToken is for a token that could not be had; what was asked for is then not known to the store.
func describeToken(e *dossier.Error, err *auth.Error) {
	e.Kind = dossier.ErrUnauthenticated
	if err.Response == nil {
		return
	}
	e.Status, e.RetryAfter = err.Response.StatusCode, retryAfter(err.Response.Header)
	if err.Temporary() {
		e.Kind = dossier.ErrUnavailable
	}
}

func describeNetwork(e *dossier.Error, err error) {
	if neterror.Classify(err) != neterror.None || errors.Is(err, stall.ErrStalled) || errors.Is(err, errBroken) {
		e.Kind = dossier.ErrUnavailable
	}
}
