package azure

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/internal/stall"
	"github.com/dossier-go/dossier/internal/uploader"
)

// kinds of error that this package makes or passes on.
var kinds = []error{
	dossier.ErrExist, dossier.ErrPrecondition, dossier.ErrNotModified, dossier.ErrInvalidKey, dossier.ErrInvalid,
	dossier.ErrTooLarge, dossier.ErrShortSource, dossier.ErrRange, dossier.ErrChecksum, dossier.ErrClosed, dossier.ErrConflict,
	dossier.ErrConsumed, dossier.ErrNotExist, dossier.ErrNoContainer, dossier.ErrPermission, dossier.ErrUnauthenticated,
	dossier.ErrThrottled, dossier.ErrUnavailable, errors.ErrUnsupported,
}

// fail makes err the backend's error of an operation.
func fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &dossier.Error{Op: op, Backend: scheme, Key: key, Err: err}
	var unclear *unclearError
	if errors.As(err, &unclear) {
		e.Outcome, e.Leaked = dossier.OutcomeUnknown, unclear.leaked
	}
	var answer *azcore.ResponseError
	answered := errors.As(err, &answer)
	if answered {
		describeAnswer(e, answer)
	}
	if kind := kindOf(err); kind != nil {
		e.Kind = kind
		e.Retryable = e.Retryable || errors.Is(kind, dossier.ErrConflict) // another caller was faster
	} else if !answered {
		describeFailure(e, err)
	}
	return e
}

// kindOf finds what was decided before; the source's and the context's errors have no kind.
func kindOf(err error) error {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// unclearError is the error of a write that may have taken effect.
type unclearError struct {
	err    error
	leaked *dossier.Upload // an upload that may be left
}

func (e *unclearError) Error() string { return e.err.Error() }
func (e *unclearError) Unwrap() error { return e.err }

// describeAnswer fills in what the service said.
func describeAnswer(e *dossier.Error, answer *azcore.ResponseError) {
	e.Status = answer.StatusCode
	e.Kind = kindOfCode(answer.ErrorCode, answer.StatusCode)
	e.Retryable = answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode == http.StatusTooManyRequests ||
		answer.StatusCode >= http.StatusInternalServerError && answer.StatusCode != http.StatusNotImplemented ||
		hasCode(answer, bloberror.LeaseIDMissing, bloberror.LeaseAlreadyPresent, bloberror.InvalidBlockList,
			bloberror.PendingCopyOperation)
	response := answer.RawResponse
	if response == nil {
		e.Err = &answerError{answer.StatusCode, answer.ErrorCode, e.Err}
		return
	}
	e.RequestID = response.Header.Get("x-ms-request-id")
	e.RetryAfter = retryAfter(response.Header.Get("Retry-After"))
	if hasCode(answer, bloberror.AuthorizationFailure) && says(answer, "failed to authenticate") {
		e.Kind = dossier.ErrUnauthenticated // as Azurite has it
	}
	if errors.Is(e.Kind, dossier.ErrUnauthenticated) && says(answer, "expired", "not valid in the specified time frame") {
		e.Err = errors.Join(dossier.ErrExpired, e.Err)
	}
	e.Err = &answerError{answer.StatusCode, answer.ErrorCode, e.Err}
}

// answerError says in one line what the service answered; the SDK's own text has many lines, the URL with its signature
// among them.
type answerError struct {
	status int
	code   string
	err    error
}

func (e *answerError) Error() string {
	text := "the service answered " + strconv.Itoa(e.status)
	if e.code != "" {
		text += " " + e.code
	}
	if hint := hints[e.code]; hint != "" {
		text += ": " + hint
	}
	return text
}

func (e *answerError) Unwrap() error { return e.err }

// says reports whether the detail of an answer has one of the texts. It is asked only where the service has no code: why it
// refused credentials.
func says(answer *azcore.ResponseError, texts ...string) bool {
	body, err := runtime.Payload(answer.RawResponse)
	return err == nil && slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(string(body), text) })
}

// retryAfter reads seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// describeFailure classifies an error that is not an answer of the service.
func describeFailure(e *dossier.Error, err error) {
	var tooMany *uploader.TooManyParts
	switch {
	case errors.As(err, &tooMany):
		e.Kind = dossier.ErrTooLarge
	case errors.Is(err, uploader.ErrReader):
		e.Kind = dossier.ErrInvalid
	case errors.Is(err, stall.ErrStalled):
		e.Kind, e.Retryable = dossier.ErrUnavailable, true
	case unauthenticated(err):
		e.Kind = dossier.ErrUnauthenticated
	case neterror.Classify(err) != neterror.None:
		e.Kind, e.Retryable = dossier.ErrUnavailable, neterror.Transient(err)
	}
}

// unauthenticated reports whether there was no token to send.
func unauthenticated(err error) bool {
	var failed *azidentity.AuthenticationFailedError
	var required *azidentity.AuthenticationRequiredError
	if errors.As(err, &failed) || errors.As(err, &required) {
		return true
	}
	// A credential that could not even try is an error whose type has no name outside of its package.
	return hasType(err, reflect.TypeOf(azidentity.NewCredentialUnavailableError("")))
}

// hasType reports whether an error of this type is in the tree of err.
func hasType(err error, want reflect.Type) bool {
	if err == nil || reflect.TypeOf(err) == want {
		return err != nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the tree is walked here
		return slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return hasType(err, want) })
	}
	return hasType(errors.Unwrap(err), want)
}
