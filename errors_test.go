package dossier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
)

// kinds are all sentinels, with the standard library's error that each one is.
var kinds = map[error]error{
	dossier.ErrNotExist: fs.ErrNotExist, dossier.ErrExist: fs.ErrExist, dossier.ErrPrecondition: nil, dossier.ErrNotModified: nil,
	dossier.ErrConflict: nil, dossier.ErrInvalidKey: nil, dossier.ErrInvalid: fs.ErrInvalid, dossier.ErrTooLarge: nil,
	dossier.ErrShortSource: nil, dossier.ErrRange: nil, dossier.ErrChecksum: nil, dossier.ErrType: nil,
	dossier.ErrPermission: fs.ErrPermission, dossier.ErrUnauthenticated: nil, dossier.ErrThrottled: nil, dossier.ErrUnavailable: nil,
	dossier.ErrNoContainer: nil, dossier.ErrNoBackend: nil, dossier.ErrClosed: fs.ErrClosed, dossier.ErrConsumed: nil,
	dossier.ErrStale: nil, dossier.ErrNotFound: nil, dossier.ErrLeaseLost: nil, dossier.ErrOutcomeUnknown: nil,
	dossier.ErrRollbackOnly: nil, dossier.ErrUploadInTransaction: nil, dossier.ErrExpired: nil, dossier.ErrBadSignature: nil,
}

// Programs decide by errors.Is; a sentinel that is two kinds at once would send them the wrong way.
func TestEachSentinelIsItselfAndItsStandardErrorOnly(t *testing.T) {
	t.Parallel()
	standard := []error{fs.ErrNotExist, fs.ErrExist, fs.ErrInvalid, fs.ErrPermission, fs.ErrClosed, errors.ErrUnsupported, io.EOF}
	texts := map[string]bool{}
	for kind, same := range kinds {
		wrapped := fmt.Errorf("while saving: %w", &dossier.Error{Op: "put", Kind: kind})
		for other := range kinds {
			if errors.Is(wrapped, other) != (kind == other) { //nolint:errorlint // identity of sentinels
				t.Errorf("%v Is %v: %v", kind, other, kind != other) //nolint:errorlint // identity of sentinels
			}
		}
		for _, other := range standard {
			if errors.Is(wrapped, other) != (other == same) { //nolint:errorlint // identity of sentinels
				t.Errorf("%v Is %v: %v", kind, other, other != same) //nolint:errorlint // identity of sentinels
			}
		}
		if texts[kind.Error()] || kind.Error() != strings.ToLower(kind.Error()) && !strings.Contains(kind.Error(), "COMMIT") {
			t.Errorf("the text %q is taken or not in lower case", kind)
		}
		texts[kind.Error()] = true
		if errors.Is(same, kind) && same != nil {
			t.Errorf("the standard library's %v Is %v: a local file's error would be taken for an object's", same, kind)
		}
	}
}

// The text is what an operator reads in a log: operation, backend and key, kind and cause, each once.
func TestErrorTextNamesEverythingOnce(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset")
	for _, row := range []struct {
		err  dossier.Error
		want string
	}{
		{dossier.Error{Op: "put", Backend: "uploads", Key: "a/b", Kind: dossier.ErrUnavailable, Err: cause}, "put uploads:a/b: unavailable: connection reset"},
		{dossier.Error{Op: "stat", Backend: "uploads", Key: "a", Kind: dossier.ErrNotExist}, "stat uploads:a: object does not exist"},
		{dossier.Error{Op: "list", Backend: "uploads", Err: cause}, "list uploads: connection reset"},
		{dossier.Error{Op: "read", Key: "a", Err: cause}, "read a: connection reset"},
		{dossier.Error{Op: "probe", Kind: errors.ErrUnsupported}, "probe: unsupported operation"},
		{dossier.Error{Op: "put", Kind: dossier.ErrTooLarge, Err: fmt.Errorf("%w: more than 3 bytes", dossier.ErrTooLarge)}, "put: too large: more than 3 bytes"},
		{dossier.Error{Op: "put", Err: cause, Outcome: dossier.OutcomeUnknown}, "put: connection reset (outcome unknown)"},
		{dossier.Error{Op: "get", Backend: "uploads", Key: "a\nb\x1b[31m", Kind: dossier.ErrInvalidKey}, `get uploads:"a\nb\x1b[31m": invalid key`},
	} {
		if got := row.err.Error(); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}

// A million-byte key in a log line is an attack on the log.
func TestErrorTextIsShortForALongKey(t *testing.T) {
	t.Parallel()
	err := &dossier.Error{Op: "put", Key: strings.Repeat("\x00", 1<<20), Kind: dossier.ErrInvalidKey}
	if n := len(err.Error()); n > 2000 {
		t.Errorf("%d bytes", n)
	}
}

// "Maybe stored" must never be read as "not stored": whoever compensates would delete good bytes.
func TestOutcomeIsSeenThroughWrapping(t *testing.T) {
	t.Parallel()
	lost := fmt.Errorf("save: %w", errors.Join(errors.New("other"), &dossier.Error{Op: "put", Outcome: dossier.OutcomeUnknown, Err: io.ErrUnexpectedEOF}))
	if dossier.OutcomeOf(lost) != dossier.OutcomeUnknown || !errors.Is(lost, dossier.ErrOutcomeUnknown) || !errors.Is(lost, io.ErrUnexpectedEOF) {
		t.Errorf("%v", lost)
	}
	for _, err := range []error{nil, io.EOF, &dossier.Error{Op: "put", Kind: dossier.ErrExist}} {
		if dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
			t.Errorf("%v is unknown", err)
		}
	}
	if got := fmt.Sprint(dossier.OutcomeNotApplied, " ", dossier.OutcomeUnknown); got != "not applied unknown" {
		t.Error(got)
	}
}

func ExampleError() {
	b := &shelf{}
	_, err := dossier.ReadAll(context.Background(), b, "missing.txt", 0)
	fmt.Println(err)
	fmt.Println(errors.Is(err, dossier.ErrNotExist), errors.Is(err, fs.ErrNotExist))
	var failure *dossier.Error
	fmt.Println(errors.As(err, &failure), failure.Op, failure.Key, failure.Outcome)
	// Output:
	// get shelf:missing.txt: object does not exist
	// true true
	// true get missing.txt not applied
}
