package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// problem is the body of an error (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

const problemType = "application/problem+json"

// refusal is an error that says what the client is told.
type refusal struct {
	status int
	detail string
}

func (r *refusal) Error() string { return r.detail }

func badRequest(detail string) error { return &refusal{http.StatusBadRequest, detail} }

// refuse answers an error, and logs those that are this server's own. Nothing was written before.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if hasStalled(r) {
		err = os.ErrDeadlineExceeded
	}
	status, detail := explain(err)
	if status >= http.StatusInternalServerError && r.Context().Err() == nil {
		slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	linger(r)
	writeProblem(w, status, detail)
}

// explain finds what the client is told: nothing of keys, paths and causes.
func explain(err error) (status int, detail string) {
	var told *refusal
	if errors.As(err, &told) {
		return told.status, told.detail
	}
	status = filehttp.StatusOf(err)
	if errors.Is(err, dossier.ErrType) {
		return status, "This type of file is not accepted here. A page is an image or a PDF."
	}
	return status, details[status]
}

var details = map[int]string{
	http.StatusBadRequest:            "The request is malformed, or it broke off.",
	http.StatusForbidden:             "This is not permitted; pages of other sites may not change anything here.",
	http.StatusNotFound:              "There is no such document or page.",
	http.StatusMethodNotAllowed:      "This method does not exist here.",
	http.StatusRequestTimeout:        "The upload stalled.",
	http.StatusConflict:              "The document was changed in the meantime; load it again.",
	http.StatusPreconditionFailed:    "A condition of the request does not hold.",
	http.StatusRequestEntityTooLarge: "The file is larger than is accepted here, or there are too many.",
	http.StatusUnsupportedMediaType:  "Send a form of type multipart/form-data.",
	http.StatusInternalServerError:   "Something went wrong here. Nothing was changed, as far as is known.",
	http.StatusServiceUnavailable:    "Not now; try again in a moment.",

	http.StatusRequestedRangeNotSatisfiable: "The file does not have these bytes.",
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Del("Content-Length")
	h.Set("Content-Type", problemType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{"about:blank", http.StatusText(status), status, detail})
}

// lingerMost is how much of a refused upload is still read.
const lingerMost = 32 << 20

// linger reads on for a while after an upload was refused: a browser that is still sending would see a broken connection
// in place of the answer. A client that waits to be asked for the body (Expect: 100-continue) is not asked.
func linger(r *http.Request) {
	if r.Body != nil && r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, r.Body, lingerMost)
	}
}
