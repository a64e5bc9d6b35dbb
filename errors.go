package dossier

import (
	"errors"
	"io/fs"
	"strings"
	"time"
)

// kind is a sentinel error that may also be one of the standard library's.
type kind struct {
	text string
	same error // the standard library's error of this meaning, or nil
}

func (k *kind) Error() string        { return k.text }
func (k *kind) Is(target error) bool { return k.same != nil && target == k.same }

// The kinds of failure. Every error of this module that a caller may treat apart answers [errors.Is] for one of them.
// An ability that a backend does not have is [errors.ErrUnsupported], always before any side effect.
var (
	// ErrNotExist says that the store positively answered that the object is not there. It is never said because of
	// a network, permission or configuration failure. It Is [fs.ErrNotExist].
	ErrNotExist error = &kind{"object does not exist", fs.ErrNotExist}
	// ErrExist says that a create-only write found an object, or that a name is taken. It Is [fs.ErrExist].
	ErrExist error = &kind{"already exists", fs.ErrExist}
	// ErrPrecondition says that a Match condition did not hold; nothing was changed.
	ErrPrecondition error = &kind{"precondition failed", nil}
	// ErrNotModified says that a conditional read found the version that the caller has.
	ErrNotModified error = &kind{"not modified", nil}
	// ErrConflict says that another writer or another reference is in the way; nothing was changed.
	ErrConflict error = &kind{"conflict", nil}
	// ErrInvalidKey says that a key breaks the key rules; see [CheckKey].
	ErrInvalidKey error = &kind{"invalid key", nil}
	// ErrInvalid says that an argument, option, tag or stored value is malformed. It Is [fs.ErrInvalid].
	ErrInvalid error = &kind{"invalid argument", fs.ErrInvalid}
	// ErrTooLarge says that content is over a size limit.
	ErrTooLarge error = &kind{"too large", nil}
	// ErrShortSource says that a source ended before its declared size, or is under a minimum size.
	ErrShortSource error = &kind{"source is shorter than declared", nil}
	// ErrRange says that a byte range starts after the end of the object.
	ErrRange error = &kind{"range not satisfiable", nil}
	// ErrChecksum says that bytes do not have the expected checksum.
	ErrChecksum error = &kind{"checksum mismatch", nil}
	// ErrType says that the content type found in the bytes is not accepted.
	ErrType error = &kind{"content type not accepted", nil}
	// ErrPermission says that the store refused the operation to this caller. It Is [fs.ErrPermission].
	ErrPermission error = &kind{"permission denied", fs.ErrPermission}
	// ErrUnauthenticated says that the credentials are missing, wrong or expired.
	ErrUnauthenticated error = &kind{"not authenticated", nil}
	// ErrThrottled says that the store asked for fewer requests; see [Error.RetryAfter].
	ErrThrottled error = &kind{"throttled", nil}
	// ErrUnavailable says that the store, or the way to it, does not work now.
	ErrUnavailable error = &kind{"unavailable", nil}
	// ErrNoContainer says that the bucket, container or root folder is missing.
	ErrNoContainer error = &kind{"bucket or root folder does not exist", nil}
	// ErrNoBackend says that no backend is registered under a name.
	ErrNoBackend error = &kind{"no such backend", nil}
	// ErrClosed says that the value was closed. It Is [fs.ErrClosed].
	ErrClosed error = &kind{"closed", fs.ErrClosed}
	// ErrConsumed says that a source that can be read once was needed again.
	ErrConsumed error = &kind{"source was read already and cannot be read again", nil}
	// ErrStale says that a row is not what the caller loaded; load it again.
	ErrStale error = &kind{"row changed since it was loaded", nil}
	// ErrNotFound says that there is no such row.
	ErrNotFound error = &kind{"row not found", nil}
	// ErrLeaseLost says that an upload took longer than its lease and a sweep reclaimed it; nothing was committed.
	ErrLeaseLost error = &kind{"upload lease lost", nil}
	// ErrOutcomeUnknown says that it could not be found out whether a write or COMMIT took effect. The journal keeps
	// what is needed to settle it; nothing was compensated.
	ErrOutcomeUnknown error = &kind{"outcome unknown", nil}
	// ErrRollbackOnly says that an earlier error ended the transaction: only Rollback is left.
	ErrRollbackOnly error = &kind{"unit of work can only be rolled back", nil}
	// ErrUploadInTransaction says that bytes cannot be uploaded while this transaction is open; stage them first.
	ErrUploadInTransaction error = &kind{"upload inside an open transaction", nil}
	// ErrExpired says that a signature or token is past its time.
	ErrExpired error = &kind{"expired", nil}
	// ErrBadSignature says that a signature does not belong to the request.
	ErrBadSignature error = &kind{"bad signature", nil}
)

// Outcome says what is known about the effect of a failed write.
type Outcome uint8

const (
	// OutcomeNotApplied: nothing was changed. It is the zero value.
	OutcomeNotApplied Outcome = iota
	// OutcomeUnknown: the write may or may not have taken effect.
	OutcomeUnknown
)

// String returns "not applied" or "unknown".
func (o Outcome) String() string {
	if o == OutcomeUnknown {
		return "unknown"
	}
	return "not applied"
}

// Error is the error of every storage operation. [errors.Is] sees Kind and Err.
type Error struct {
	// Op is the operation in lower case: "put", "get", "sign" … Default: empty.
	Op string
	// Backend is the registered name, or the scheme when the backend is used without a registry. Default: empty.
	Backend string
	// Key is the object's key. Default: empty.
	Key string
	// Kind is one of the Err values of this package or [errors.ErrUnsupported]. Default: nil, an unclassified failure.
	Kind error
	// Outcome says whether a write may have happened. Default: OutcomeNotApplied.
	Outcome Outcome
	// Retryable says that the same call may succeed later. Default: false.
	Retryable bool
	// RetryAfter is the pause that the store asked for. Default: 0, none was named.
	RetryAfter time.Duration
	// Status is the HTTP status that the store answered. Default: 0, none.
	Status int
	// RequestID is the store's name for the request, for its support. Default: empty.
	RequestID string
	// Leaked is a multipart upload that could not be aborted. Default: nil.
	Leaked *Upload
	// Err is the cause. Default: nil.
	Err error
}

// Error returns "op backend:key: kind: cause", without what is not known.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(e.subject())
	if e.Kind != nil && (e.Err == nil || !strings.Contains(e.Err.Error(), e.Kind.Error())) {
		b.WriteString(": " + e.Kind.Error())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Outcome == OutcomeUnknown {
		b.WriteString(" (outcome unknown)")
	}
	return b.String()
}

func (e *Error) subject() string {
	switch {
	case e.Backend == "" && e.Key == "":
		return ""
	case e.Backend == "":
		return " " + quoteKey(e.Key)
	case e.Key == "":
		return " " + e.Backend
	}
	return " " + e.Backend + ":" + quoteKey(e.Key)
}

// Unwrap gives the kind and the cause, and ErrOutcomeUnknown when the outcome is unknown.
func (e *Error) Unwrap() []error {
	var all []error
	if e.Kind != nil {
		all = append(all, e.Kind)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	if e.Outcome == OutcomeUnknown {
		all = append(all, ErrOutcomeUnknown)
	}
	return all
}

// OutcomeOf returns the outcome that err carries: OutcomeUnknown if it Is [ErrOutcomeUnknown].
func OutcomeOf(err error) Outcome {
	if errors.Is(err, ErrOutcomeUnknown) {
		return OutcomeUnknown
	}
	return OutcomeNotApplied
}

// unsupported is the error of an ability that is not there.
func unsupported(op string, b Backend, key, what string) error {
	return &Error{Op: op, Backend: b.Describe().Scheme, Key: key, Kind: errors.ErrUnsupported, Err: errors.New(what)}
}
