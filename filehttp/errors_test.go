package filehttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// Every kind of failure has its status, also deep inside a chain, where it is joined with another or carried by the
// error of a store.
func TestStatusOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 200},
		{dossier.ErrBadSignature, 403},
		{dossier.ErrExpired, 403},
		{dossier.ErrPermission, 403},
		{dossier.ErrUnauthenticated, 401},
		{&dossier.Error{Kind: dossier.ErrPermission}, 502},
		{&dossier.Error{Kind: dossier.ErrUnauthenticated}, 502},
		{dossier.ErrNotExist, 404},
		{dossier.ErrNotFound, 404},
		{dossier.ErrExist, 412},
		{dossier.ErrPrecondition, 412},
		{dossier.ErrNotModified, 304},
		{dossier.ErrConflict, 409},
		{dossier.ErrStale, 409},
		{dossier.ErrTooLarge, 413},
		{&http.MaxBytesError{Limit: 1}, 413},
		{dossier.ErrType, 415},
		{dossier.ErrRange, 416},
		{dossier.ErrInvalid, 400},
		{dossier.ErrInvalidKey, 400},
		{dossier.ErrShortSource, 400},
		{dossier.ErrChecksum, 400},
		{io.ErrUnexpectedEOF, 400},
		{os.ErrDeadlineExceeded, 408},
		{dossier.ErrThrottled, 503},
		{dossier.ErrUnavailable, 503},
		{dossier.ErrClosed, 503},
		{dossier.ErrLeaseLost, 503},
		{context.DeadlineExceeded, 504},
		{context.Canceled, 503},
		{errors.ErrUnsupported, 501},
		{dossier.ErrNoBackend, 500},
		{dossier.ErrNoContainer, 500},
		{dossier.ErrOutcomeUnknown, 500},
		{dossier.ErrRollbackOnly, 500},
		{io.ErrClosedPipe, 500},
		{errors.New("anything"), 500},
	} {
		if got := filehttp.StatusOf(test.err); got != test.want {
			t.Errorf("%v: %d, want %d", test.err, got, test.want)
		}
		if test.err == nil {
			continue
		}
		if got := filehttp.StatusOf(fmt.Errorf("outer: %w", errors.Join(errors.New("close"), test.err))); got != test.want {
			t.Errorf("wrapped %v: %d, want %d", test.err, got, test.want)
		}
	}
}

// A missing object that the store reports is 404, although the error is the store's own.
func TestStatusOfStoreErrors(t *testing.T) {
	t.Parallel()
	err := &dossier.Error{Op: "get", Backend: "files", Key: "k", Kind: dossier.ErrNotExist, Err: errors.New("404 NoSuchKey")}
	if got := filehttp.StatusOf(err); got != 404 {
		t.Errorf("%d", got)
	}
}

// A commit whose end nobody knows comes with the lost connection that caused it. A 503 would say that nothing was done, and
// a client that tries again would do the work twice; so does the table of package repository.
func TestStatusOfAnUnknownOutcomeIsNotItsCause(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{dossier.ErrOutcomeUnknown, dossier.ErrRollbackOnly} {
		for _, cause := range []error{dossier.ErrUnavailable, dossier.ErrConflict, context.DeadlineExceeded, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded} {
			if got := filehttp.StatusOf(fmt.Errorf("%w after: %w", kind, cause)); got != 500 {
				t.Errorf("%v after %v: %d, want 500", kind, cause, got)
			}
		}
	}
	unknown := &dossier.Error{Op: "commit", Kind: dossier.ErrOutcomeUnknown, Err: dossier.ErrPermission}
	if got := filehttp.StatusOf(unknown); got != 500 {
		t.Errorf("an unknown outcome after a refusal: %d, want 500", got)
	}
}
