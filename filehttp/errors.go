package filehttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/dossier-go/dossier"
)

// Failures that only HTTP has.
var (
	errMethod         = errors.New("method not allowed")
	errLengthRequired = errors.New("length required")
	errMediaType      = errors.New("unsupported media type")
	errBusy           = errors.New("too many streams")
	errDiffers        = errors.New("the stored object is not the one that the row describes")
	errStoreRefused   = errors.New("the store refused the credentials of this server")
)

// answer is what the client is told about an error: nothing about keys, stores or causes.
type answer struct {
	err    error
	status int
	text   string
}

// answers is the one table from errors to statuses (RFC 9110, section 15). The first row that matches decides, so the
// more specific ones come first.
var answers = []answer{
	{dossier.ErrOutcomeUnknown, http.StatusInternalServerError, "internal error"},
	{dossier.ErrRollbackOnly, http.StatusInternalServerError, "internal error"}, // its cause is of an earlier call
	{dossier.ErrExpired, http.StatusForbidden, "the signature has expired"},
	{dossier.ErrBadSignature, http.StatusForbidden, "the request is not signed, or not what was signed"},
	{errMethod, http.StatusMethodNotAllowed, "this method is not allowed here"},
	{errLengthRequired, http.StatusLengthRequired, "send a Content-Length"},
	{errMediaType, http.StatusUnsupportedMediaType, "this content type or encoding is not accepted here"},
	{errBusy, http.StatusServiceUnavailable, "too many downloads at once; try again"},
	{errDiffers, http.StatusInternalServerError, "the file cannot be served"},
	{errStoreRefused, http.StatusBadGateway, "the file store did not answer as it should"},
	{os.ErrDeadlineExceeded, http.StatusRequestTimeout, "the request came too slowly"},
	{dossier.ErrNotFound, http.StatusNotFound, "not found"},
	{dossier.ErrNotExist, http.StatusNotFound, "not found"},
	{dossier.ErrTooLarge, http.StatusRequestEntityTooLarge, "too large"},
	{dossier.ErrExist, http.StatusPreconditionFailed, "it exists already"},
	{dossier.ErrPrecondition, http.StatusPreconditionFailed, "a condition of the request does not hold"},
	{dossier.ErrNotModified, http.StatusNotModified, "not modified"},
	{dossier.ErrConflict, http.StatusConflict, "another change is in the way"},
	{dossier.ErrStale, http.StatusConflict, "it changed in the meantime"},
	{dossier.ErrRange, http.StatusRequestedRangeNotSatisfiable, "the range cannot be served"},
	{dossier.ErrType, http.StatusUnsupportedMediaType, "this type of content is not accepted"},
	{dossier.ErrChecksum, http.StatusBadRequest, "the content does not have the expected checksum"},
	{dossier.ErrShortSource, http.StatusBadRequest, "the content is too short"},
	{dossier.ErrUnauthenticated, http.StatusUnauthorized, "not authenticated"},
	{dossier.ErrPermission, http.StatusForbidden, "not permitted"},
	{dossier.ErrThrottled, http.StatusServiceUnavailable, "try again later"},
	{dossier.ErrUnavailable, http.StatusServiceUnavailable, "try again later"},
	{dossier.ErrLeaseLost, http.StatusServiceUnavailable, "the upload took too long; try again"},
	{dossier.ErrClosed, http.StatusServiceUnavailable, "try again later"},
	{io.ErrUnexpectedEOF, http.StatusBadRequest, "the request ended early"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "the file store took too long"},
	{context.Canceled, http.StatusServiceUnavailable, "the request was given up"},
	{errors.ErrUnsupported, http.StatusNotImplemented, "this is not supported here"},
	{dossier.ErrInvalidKey, http.StatusBadRequest, "malformed request"},
	{dossier.ErrInvalid, http.StatusBadRequest, "malformed request"},
}

// StatusOf returns the HTTP status for an error of this module, by one table: 403 for signatures and ErrPermission, 404
// for ErrNotExist and ErrNotFound, 412 for ErrExist and ErrPrecondition, 409 for ErrConflict and ErrStale, 413 for
// ErrTooLarge and [http.MaxBytesError], 415 for ErrType, 416 for ErrRange, 400 for ErrInvalid, ErrInvalidKey,
// ErrShortSource and ErrChecksum, 401 for ErrUnauthenticated, 408 for a body that came too slowly, 501 for
// errors.ErrUnsupported, 503 for ErrThrottled, ErrUnavailable and ErrClosed, 504 for a deadline, 502 when the store refused
// this server's own credentials, 200 for nil and 500 for everything else, whatever comes with dossier.ErrOutcomeUnknown or
// ErrRollbackOnly among it: nobody must take these for "try again".
//
// The same error can mean different things to different callers: a [dossier.Error] with ErrPermission comes from the
// store and is no fault of the client (502); a bare ErrPermission, as a Lookup returns it, is (403).
func StatusOf(err error) int { return answerTo(err).status }

func answerTo(err error) answer {
	if err == nil {
		return answer{nil, http.StatusOK, ""}
	}
	var store *dossier.Error
	var long *http.MaxBytesError
	switch {
	case errors.Is(err, dossier.ErrOutcomeUnknown): // also a dossier.Error, with whatever the commit failed with
	case errors.As(err, &store) && (errors.Is(err, dossier.ErrPermission) || errors.Is(err, dossier.ErrUnauthenticated)):
		err = errStoreRefused
	case errors.As(err, &long):
		err = dossier.ErrTooLarge
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return a
		}
	}
	return answer{err, http.StatusInternalServerError, "internal error"}
}

// refuse answers err as plain text. Nothing may have been written before.
func refuse(w http.ResponseWriter, err error) {
	a := answerTo(err)
	h := w.Header()
	for _, name := range []string{
		"Content-Length", "Content-Disposition", "Content-Encoding", "Content-Language", "ETag", "Last-Modified", "Accept-Ranges",
	} {
		h.Del(name)
	}
	protect(h, "")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if a.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.FormatInt(retryAfter(err), 10))
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.text+"\n")
}

// retryAfter is the pause that the store asked for in whole seconds, at least one.
func retryAfter(err error) int64 {
	var store *dossier.Error
	if errors.As(err, &store) && store.RetryAfter > time.Second {
		return int64((store.RetryAfter + time.Second - 1) / time.Second)
	}
	return 1
}
