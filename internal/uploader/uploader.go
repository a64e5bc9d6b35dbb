package uploader

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dossier-go/dossier/internal/crc"
)

// Source is what to upload.
type Source struct {
	// Reader has the bytes, in order. It returns io.EOF only when everything about them is right; any other error
	// fails the upload. Its Read must return soon after the caller's context ended.
	Reader io.Reader
	// At has the same bytes. It may be nil; with it, no part is held in memory.
	At io.ReaderAt
	// Size is the length in bytes, or -1 when it is not known.
	Size int64
	// Interrupt makes a Read of Reader return soon, mostly by ending the context that Reader was opened with. It is
	// called at most once, by another goroutine, while a Read runs and a part request has failed; no Read follows. If it
	// is nil, the failure is reported when the Read returns by itself.
	Interrupt func()
}

// Body is the content of one request. It can be rewound any number of times, until the request's method returns.
type Body struct {
	io.ReadSeeker
	Sums crc.Sums // of the content, with its size
}

// Target makes the requests of one upload. All contexts derive from that of [Upload]; they end when the upload failed.
type Target interface {
	// PutWhole stores everything in one request. No other method is called then.
	PutWhole(ctx context.Context, body *Body) error
	// Begin creates the multipart upload; it returns before any part is sent. If it fails, what it may have made all the
	// same is its own to clean up.
	Begin(ctx context.Context) error
	// PutPart sends one part. Numbers begin at 1 and have no gaps. It is called from several goroutines at once.
	PutPart(ctx context.Context, number int, body *Body) error
	// Complete makes the object out of all its parts; total is of all bytes in their order. It may return a
	// *[CompleteError].
	Complete(ctx context.Context, total crc.Sums, parts int) error
	// Abort gives up the multipart upload. Its context is not the caller's and ends after 30 seconds. No PutPart is
	// running and none follows.
	Abort(ctx context.Context) error
}

// CompleteError lets a target say what an error of Complete means.
type CompleteError struct {
	Err     error
	Unknown bool // the object may exist now, so the upload must not be aborted
}

func (e *CompleteError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *CompleteError) Unwrap() error { return e.Err }

// AbortError is joined with the error of an upload that could not be aborted: its parts are still stored.
type AbortError struct{ Err error }

func (e *AbortError) Error() string {
	return "the multipart upload could not be aborted: " + e.Err.Error()
}

// Unwrap returns the error of Abort.
func (e *AbortError) Unwrap() error { return e.Err }

// TooManyParts is the error of a source that is larger than the plan and the pool allow.
type TooManyParts struct {
	Size  int64 // of the source in bytes, or -1 when it was not known
	Limit int64 // the largest size in bytes that could have been sent
}

func (e *TooManyParts) Error() string {
	if e.Size < 0 {
		return fmt.Sprintf("the source of unknown size has more than the %d bytes that can be sent; "+
			"declare its size, send it from a file, or allow more memory", e.Limit)
	}
	return fmt.Sprintf("the source has %d bytes, of which only %d can be sent; send it from a file or allow more memory",
		e.Size, e.Limit)
}

// ErrReader is the error of a source whose Reader returns impossible counts.
var ErrReader = errors.New("the reader returned an impossible count")
