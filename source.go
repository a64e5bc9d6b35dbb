package dossier

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync/atomic"
)

// Source is where a Put takes its bytes from. It is opaque: it opens, has a size (or -1), and may be replayable.
// Copies of a Source share whether it was consumed. The zero value is an empty source of size 0.
type Source struct {
	open       func() (io.ReadCloser, error)
	at         func() (ReaderAtCloser, error)
	size       int64
	replayable bool
	patient    bool      // its Read never blocks for long, so that cancelling needs no help
	memory     []byte    // all of it, when it is in memory
	once       io.Reader // of ReaderSource
}

// ReaderAtCloser reads at any offset until it is closed.
type ReaderAtCloser interface {
	io.ReaderAt
	io.Closer
}

// BytesSource reads b, which must not be changed while it is in use. It is replayable.
func BytesSource(b []byte) Source {
	return Source{
		size: int64(len(b)), replayable: true, patient: true, memory: b,
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
		at:   func() (ReaderAtCloser, error) { return nopReaderAt{bytes.NewReader(b)}, nil },
	}
}

type nopReaderAt struct{ io.ReaderAt }

func (nopReaderAt) Close() error { return nil }

// FileSource reads the regular file at path. Its size is taken when it is made or, if the file cannot be examined
// then, it is -1 and the error comes from [Source.Open]. It is replayable.
func FileSource(path string) Source {
	size := int64(-1)
	if info, err := os.Stat(path); err == nil {
		size = info.Size()
	}
	return Source{
		size: size, replayable: true, patient: true,
		open: func() (io.ReadCloser, error) { return openRegular(path) },
		at:   func() (ReaderAtCloser, error) { return openRegular(path) },
	}
}

func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrInvalid, path)
	}
	return os.Open(path)
}

// ReaderSource reads r once; size is its length in bytes, or -1 when unknown. Opened a second time it is
// [ErrConsumed]. If r is an [io.Closer] it is not closed: it stays the caller's.
func ReaderSource(r io.Reader, size int64) Source {
	var used atomic.Bool
	return Source{
		size: max(size, -1),
		open: func() (io.ReadCloser, error) {
			if r == nil {
				return nil, fmt.Errorf("%w: the reader is nil", ErrInvalid)
			}
			if used.Swap(true) {
				return nil, ErrConsumed
			}
			return io.NopCloser(r), nil
		},
		patient: isPatient(r),
		once:    r,
	}
}

// SameReader reports whether both sources were made by [ReaderSource] from the same reader: when one was read, the other
// has nothing left or half of it.
func (s Source) SameReader(other Source) bool {
	if s.once == nil || other.once == nil {
		return false
	}
	kind := reflect.TypeOf(s.once)
	return kind == reflect.TypeOf(other.once) && kind.Comparable() && s.once == other.once
}

func isPatient(r io.Reader) bool {
	switch r.(type) {
	case *bytes.Reader, *bytes.Buffer:
		return true
	}
	return false
}

// OpenerSource reads what open returns, anew each time; size is its length in bytes, or -1 when unknown. It is
// replayable: every open must deliver the same bytes.
func OpenerSource(open func() (io.ReadCloser, error), size int64) Source {
	return Source{open: open, size: max(size, -1), replayable: true}
}

// Open starts reading at the first byte. A source that can be read once returns [ErrConsumed] the second time.
func (s Source) Open() (io.ReadCloser, error) {
	if s.open == nil {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	return s.open()
}

// Size returns the length in bytes, or -1 when unknown.
func (s Source) Size() int64 { return s.size }

// Replayable reports whether Open can be called again.
func (s Source) Replayable() bool { return s.replayable || s.open == nil }

// ReaderAt opens the source for reading at any offset, for parallel parts without buffers. ok is false when the
// source cannot.
func (s Source) ReaderAt() (r ReaderAtCloser, ok bool, err error) {
	if s.at == nil {
		return nil, false, nil
	}
	r, err = s.at()
	return r, err == nil, err
}
