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

	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/internal/stall"
)

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
