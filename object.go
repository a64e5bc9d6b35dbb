package dossier

import (
	"bytes"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"sync/atomic"
)

// Object is an open object: an [io.ReadCloser] with its [Info]. It delivers the bytes From up to To of one version.
// A body that ends before To is [io.ErrUnexpectedEOF]. It must be closed; Close is prompt and may be repeated. Read
// after Close is [ErrClosed]. An Object is for one goroutine, but Close may be called from another one.
type Object struct {
	Info
	// From and To are the bytes delivered: [From, To).
	From, To int64

	body    io.ReadCloser
	left    int64
	sum     hash.Hash32 // nil: not verified
	backend string      // registered name, for errors
	closed  atomic.Bool
}

// NewObject returns an open object for backends to hand out. body delivers exactly to-from bytes and is closed with
// the Object; if it is an *os.File (positioned at from), [Object.File] offers it.
func NewObject(info Info, from, to int64, body io.ReadCloser) *Object {
	return &Object{Info: info, From: from, To: to, body: body, left: to - from}
}

// Verified makes a full read end with [ErrChecksum] when the bytes do not have the known CRC32C. It changes nothing
// for a range, without a known checksum, or after the first Read. It returns o.
func (o *Object) Verified() *Object {
	whole := o.From == 0 && o.To == o.Size
	if whole && o.left == o.To && len(o.Checksums.CRC32C) == 4 && o.sum == nil {
		o.sum = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	}
	return o
}

// Read implements [io.Reader].
func (o *Object) Read(p []byte) (int, error) {
	if o.closed.Load() {
		return 0, &Error{Op: "read", Backend: o.backend, Key: o.Key, Kind: ErrClosed}
	}
	if o.left == 0 {
		return 0, o.atEnd()
	}
	if int64(len(p)) > o.left {
		p = p[:o.left]
	}
	n, err := o.body.Read(p)
	o.left -= int64(n)
	if o.sum != nil {
		o.sum.Write(p[:n])
	}
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	if o.left > 0 {
		return n, &Error{Op: "read", Backend: o.backend, Key: o.Key, Err: io.ErrUnexpectedEOF, Retryable: true}
	}
	return n, nil
}

func (o *Object) atEnd() error {
	if o.sum != nil && !bytes.Equal(o.sum.Sum(nil), o.Checksums.CRC32C) {
		return &Error{
			Op: "read", Backend: o.backend, Key: o.Key, Kind: ErrChecksum,
			Err: errors.New("the stored bytes are not those that were written; restore the object"),
		}
	}
	return io.EOF
}

// Close releases the body. It may be called more than once.
func (o *Object) Close() error {
	if o.closed.Swap(true) {
		return nil
	}
	return o.body.Close()
}

// File returns the open file under the object, positioned at From, so that serving can use sendfile. The file is
// closed with the Object. ok is false for stores that are not files.
func (o *Object) File() (f *os.File, ok bool) {
	f, ok = o.body.(*os.File)
	return f, ok
}
