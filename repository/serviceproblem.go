package repository

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/dossier-go/dossier"
)

// errStore says that a store refused the credentials of this server: no fault of the client's.
var errStore = errors.New("the store refused this server")

// statuses is the one table from errors to HTTP statuses (RFC 9110, section 15). The first row that matches decides. Where
// package filehttp knows an error too, it has the same status there.
var statuses = []struct {
	err    error
	status int
	text   string
}{
	{dossier.ErrOutcomeUnknown, http.StatusInternalServerError, "it is not known whether the change was made"},
	{dossier.ErrRollbackOnly, http.StatusInternalServerError, "the change was not made"},
	{errStore, http.StatusBadGateway, "the file store did not answer as it should"},
	{ErrFields, http.StatusUnprocessableEntity, "some fields are not what they must be"},
	{ErrDuplicate, http.StatusConflict, "there is one like it already"},
	{ErrForeignKey, http.StatusConflict, "something that it belongs to is missing, or something belongs to it"},
	{ErrCheck, http.StatusUnprocessableEntity, "a value is not allowed"},
	{ErrNotNull, http.StatusUnprocessableEntity, "a value is missing"},
	{ErrSerialization, http.StatusServiceUnavailable, "others were faster; try again"},
	{ErrMultiple, http.StatusInternalServerError, "more than one was found"},
	{dossier.ErrNotFound, http.StatusNotFound, "not found"},
	{dossier.ErrNotExist, http.StatusNotFound, "not found"},
	{dossier.ErrTooLarge, http.StatusRequestEntityTooLarge, "too large"},
	{dossier.ErrExist, http.StatusPreconditionFailed, "it exists already"},
	{dossier.ErrPrecondition, http.StatusPreconditionFailed, "a condition of the request does not hold"},
	{dossier.ErrNotModified, http.StatusNotModified, "not modified"},
	{dossier.ErrConflict, http.StatusConflict, "another change is in the way"},
	{dossier.ErrStale, http.StatusConflict, "it changed in the meantime"},
	{dossier.ErrType, http.StatusUnsupportedMediaType, "this type of content is not accepted"},
	{dossier.ErrChecksum, http.StatusBadRequest, "the content does not have the expected checksum"},
	{dossier.ErrShortSource, http.StatusBadRequest, "the content is too short"},
	{dossier.ErrUnauthenticated, http.StatusUnauthorized, "not authenticated"},
	{dossier.ErrPermission, http.StatusForbidden, "not permitted"},
	{dossier.ErrExpired, http.StatusForbidden, "it has expired"},
	{dossier.ErrBadSignature, http.StatusForbidden, "it was not signed here"},
	{dossier.ErrThrottled, http.StatusServiceUnavailable, "try again later"},
	{dossier.ErrUnavailable, http.StatusServiceUnavailable, "try again later"},
	{dossier.ErrLeaseLost, http.StatusServiceUnavailable, "the upload took too long; try again"},
	{dossier.ErrClosed, http.StatusServiceUnavailable, "try again later"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "it took too long"},
	{context.Canceled, http.StatusServiceUnavailable, "the request was given up"},
	{errors.ErrUnsupported, http.StatusNotImplemented, "this is not supported here"},
	{dossier.ErrInvalidKey, http.StatusBadRequest, "malformed request"},
	{dossier.ErrInvalid, http.StatusBadRequest, "malformed request"},
}

// StatusOf returns the HTTP status for an error of a repository or service, or of a database that a session passed on
// ([Recognise]), by one table: 404 for dossier.ErrNotFound and ErrNotExist; 409 for [ErrDuplicate], [ErrForeignKey],
// dossier.ErrStale and ErrConflict, because other rows are in the way; 422 for an [*Invalid], [ErrCheck] and [ErrNotNull]; 412
// for ErrExist and ErrPrecondition; 413 for ErrTooLarge and [http.MaxBytesError], 415 for ErrType; 400 for ErrInvalid and what
// is wrong with a file's bytes; 401, 403 for who may not; 503 for [ErrSerialization], ErrUnavailable, ErrThrottled and what
// else may succeed later; 504 for a deadline; 501 for errors.ErrUnsupported; 502 when a store refused this server; 200 for nil;
// 500 for everything else, [ErrMultiple] and dossier.ErrOutcomeUnknown among it, which nobody must take for "try again".
func StatusOf(err error) int {
	status, _ := statusOf(err)
	return status
}

func statusOf(err error) (status int, text string) {
	if err == nil {
		return http.StatusOK, ""
	}
	var store *dossier.Error
	var long *http.MaxBytesError
	switch {
	case errors.Is(err, dossier.ErrOutcomeUnknown) || errors.Is(err, dossier.ErrRollbackOnly): // whatever caused them
	case errors.As(err, &store) && (errors.Is(err, dossier.ErrPermission) || errors.Is(err, dossier.ErrUnauthenticated)):
		err = errStore
	case errors.As(err, &long):
		err = dossier.ErrTooLarge
	}
	err = Recognise(err)
	for _, row := range statuses {
		if errors.Is(err, row.err) {
			return row.status, row.text
		}
	}
	return http.StatusInternalServerError, "internal error"
}

// Problem is the body of an answer that is an error, as RFC 9457 has it.
type Problem struct {
	// Type is a URI that names the kind of problem. Default: empty, which means "about:blank": the status says it all.
	Type string `json:"type,omitempty"`
	// Title is the text of the status or kind, the same every time.
	Title string `json:"title"`
	// Status is the HTTP status. Default: 0, which Write makes 500.
	Status int `json:"status"`
	// Detail is what can be said of this one. Default: empty.
	Detail string `json:"detail,omitempty"`
	// Instance is a URI of this occurrence. Default: empty.
	Instance string `json:"instance,omitempty"`
	// Errors are single mistakes in what the client sent. Default: none.
	Errors []ProblemError `json:"errors,omitempty"`
}

// ProblemError is one mistake in what the client sent.
type ProblemError struct {
	// Detail says what is wrong.
	Detail string `json:"detail"`
	// Pointer is the place in the body that was sent, a JSON Pointer as a URI fragment: "#/title" (RFC 6901). Default: empty.
	Pointer string `json:"pointer,omitempty"`
	// Parameter is the name of the query parameter. Default: empty.
	Parameter string `json:"parameter,omitempty"`
}

// ProblemOf describes an error to a client: the status of [StatusOf], the fields of an [*Invalid], the parameters of a
// [*QueryError], and nothing of tables, constraints, keys or causes, which are for the log.
func ProblemOf(err error) Problem {
	status, text := statusOf(err)
	p := Problem{Title: http.StatusText(status), Status: status, Detail: text}
	var invalid *Invalid
	if errors.As(err, &invalid) {
		for _, field := range invalid.Fields {
			p.Errors = append(p.Errors, ProblemError{Detail: field.Reason, Pointer: pointerTo(field.Field)})
		}
	}
	var query *QueryError
	if errors.As(err, &query) {
		p.Errors = append(p.Errors, query.Problems...)
	}
	return p
}

// pointerTo is a JSON Pointer as a fragment, in which all but a few characters are escaped (RFC 6901, sections 3 and 6).
func pointerTo(field string) string {
	if field == "" {
		return "#"
	}
	fragment := url.URL{Fragment: "/" + strings.ReplaceAll(field, "~", "~0")}
	return "#" + fragment.EscapedFragment()
}

// WriteProblem answers with the [Problem] of an error, as application/problem+json that nobody caches; with a 503 it asks to
// try again after a second. Nothing may have been written before. Log err beside it: the answer does not have it.
func WriteProblem(w http.ResponseWriter, err error) { ProblemOf(err).Write(w) }

// Write answers with the problem.
func (p Problem) Write(w http.ResponseWriter) {
	if p.Status == 0 {
		p.Status = http.StatusInternalServerError
	}
	body, err := json.Marshal(p)
	if err != nil { // texts and a number: it cannot be
		http.Error(w, p.Title, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}
