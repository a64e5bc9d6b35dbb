package gcs

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/internal/stall"
)

// kinds of error that this package makes or passes on. The first one that fits is the kind.
var kinds = []error{
	dossier.ErrNoContainer, dossier.ErrExist, dossier.ErrPrecondition, dossier.ErrNotModified, dossier.ErrConflict, dossier.ErrInvalidKey,
	dossier.ErrTooLarge, dossier.ErrShortSource, dossier.ErrRange, dossier.ErrChecksum, dossier.ErrClosed, dossier.ErrConsumed,
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

// limited reports whether a 403 is about the rate of requests.
func limited(answer *googleapi.Error) bool {
	for _, item := range answer.Errors {
		switch item.Reason {
		case "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded":
			return true
		}
	}
	return false
}

// retryAfter reads the field of RFC 9110, section 10.2.3.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 16); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// ended reports whether err is of a context that ended.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && neterror.Classify(err) == neterror.None
}

// status returns what the store answered, 0 if it did not.
func status(err error) int {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}

// missing reports whether the store said that there is no such object, or no such bucket.
func missing(err error) bool {
	return errors.Is(err, storage.ErrObjectNotExist) || status(err) == http.StatusNotFound
}

// transient reports whether the same request may succeed soon.
func transient(err error) bool {
	var token *auth.Error
	if errors.As(err, &token) {
		return token.Temporary()
	}
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		code := answer.Code
		return code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= http.StatusInternalServerError ||
			code == http.StatusForbidden && limited(answer)
	}
	return neterror.Transient(err) || errors.Is(err, stall.ErrStalled) || errors.Is(err, errBroken)
}

// maybeApplied reports whether the request that failed so may have taken effect: not if the store refused it, nor if it
// never got there.
func maybeApplied(err error) bool {
	var token *auth.Error
	switch code := status(err); {
	case err == nil, errors.As(err, &token), code == http.StatusTooManyRequests:
		return false
	case code != 0:
		return code == http.StatusRequestTimeout || code >= http.StatusInternalServerError
	}
	switch neterror.Classify(err) {
	case neterror.DNS, neterror.TLS, neterror.Refused:
		return false
	default:
		return true
	}
}

// namedMissing tells from the answer to a request for an object which of the two is missing: the object, the bucket, or
// "" when it does not say. The JSON API says it in its message only, the XML API in a code.
func namedMissing(err error) string {
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		return ""
	}
	var body struct{ Code string }
	if xml.Unmarshal([]byte(answer.Body), &body) == nil {
		switch body.Code {
		case "NoSuchBucket":
			return "bucket"
		case "NoSuchKey":
			return "object"
		}
	}
	switch {
	case strings.HasPrefix(answer.Message, "No such object: "):
		return "object"
	case strings.HasPrefix(answer.Message, "The specified bucket does not exist"):
		return "bucket"
	}
	return ""
}
