package s3

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/internal/stall"
	"github.com/dossier-go/dossier/internal/uploader"
)

// kinds of error that this package makes or passes on, the telling ones first.
func kinds() []error {
	return []error{
		dossier.ErrClosed, dossier.ErrExist, dossier.ErrPrecondition, dossier.ErrNotModified, dossier.ErrConflict,
		dossier.ErrInvalidKey, dossier.ErrInvalid, dossier.ErrTooLarge, dossier.ErrShortSource, dossier.ErrRange,
		dossier.ErrChecksum, dossier.ErrConsumed, dossier.ErrNoContainer, dossier.ErrNotExist, dossier.ErrUnauthenticated,
		dossier.ErrPermission, dossier.ErrThrottled, dossier.ErrUnavailable, errors.ErrUnsupported,
	}
}

// unknownError is an error of a write that may have taken effect.
type unknownError struct{ err error }

func (e *unknownError) Error() string { return e.err.Error() }
func (e *unknownError) Unwrap() error { return e.err }

// leakError is an error that left a multipart upload behind.
type leakError struct {
	err    error
	upload dossier.Upload
}

func (e *leakError) Error() string { return e.err.Error() }
func (e *leakError) Unwrap() error { return e.err }

// fail makes err the backend's error of an operation.
func fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	e := &dossier.Error{Op: op, Backend: scheme, Key: key, Err: err}
	if errors.As(err, new(*unknownError)) {
		e.Outcome = dossier.OutcomeUnknown
	}
	if leak := (*leakError)(nil); errors.As(err, &leak) {
		e.Leaked = &leak.upload
	}
	e.Status, e.RequestID, e.RetryAfter = answerOf(err)
	e.Kind = kindOf(e, err)
	return e
}

// answerOf says what is known of the server's answer.
func answerOf(err error) (code int, request string, pause time.Duration) {
	var named interface{ ServiceRequestID() string }
	if errors.As(err, &named) {
		request = named.ServiceRequestID()
	}
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil || answer.Response.Response == nil {
		return status(err), request, 0
	}
	return answer.HTTPStatusCode(), request, retryAfter(answer.Response.Header.Get("Retry-After"))
}

// retryAfter reads the field of RFC 9110, section 10.2.3.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 && seconds < 1<<31 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// kindOf finds the kind of err, and completes e where the kind says more.
func kindOf(e *dossier.Error, err error) error {
	for _, kind := range kinds() {
		if errors.Is(err, kind) {
			e.Retryable = raced(err)
			return kind
		}
	}
	switch {
	case errors.As(err, new(*uploader.TooManyParts)):
		return dossier.ErrTooLarge
	case errors.Is(err, uploader.ErrReader):
		return dossier.ErrInvalid
	}
	if errors.As(err, new(*credentialError)) {
		e.Err = fmt.Errorf("no credentials: %w", err)
		return dossier.ErrUnauthenticated
	}
	if e.Status != 0 || codeOf(err) != "" {
		return kindOfAnswer(e, err)
	}
	if errors.Is(err, stall.ErrStalled) || neterror.Classify(err) != neterror.None {
		e.Retryable = errors.Is(err, stall.ErrStalled) || neterror.Transient(err)
		return dossier.ErrUnavailable
	}
	return nil
}

// kindOfAnswer is the kind of what the server answered.
func kindOfAnswer(e *dossier.Error, err error) error {
	code := codeOf(err)
	for _, row := range codes() {
		if slices.Contains(row.codes, code) {
			return row.apply(e, err)
		}
	}
	for _, row := range statuses() {
		if slices.Contains(row.statuses, e.Status) {
			return row.apply(e, err)
		}
	}
	if e.Status < http.StatusInternalServerError {
		return nil
	}
	e.Retryable = true
	if e.Status == http.StatusServiceUnavailable && e.RetryAfter > 0 { // the answer to a HEAD does not say SlowDown
		return dossier.ErrThrottled
	}
	return dossier.ErrUnavailable
}

// codeOf is the code of an error of the API, or empty.
func codeOf(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// regionOf is the region that the server said the bucket is in, or empty.
func regionOf(err error) string {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil && answer.Response.Response != nil {
		return answer.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}
