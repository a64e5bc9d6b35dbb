package dossier

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // a checksum that stores ask for, not a secret
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
)

// Incoming is the checked stream of one Put. Backends read it to its end: in place of [io.EOF] it returns the error
// that must fail the Put (short or long source, size limit, checksum, cancelled context), so a backend that commits
// only on io.EOF cannot commit what it must not. It counts and hashes on the way and is for one goroutine.
type Incoming struct {
	ctx    context.Context //nolint:containedctx // lives as long as one Put
	reader io.ReadCloser
	opts   PutOptions
	memory []byte // what is left of a source in memory, if nothing was read by Read
	size   int64  // declared, or -1
	read   int64
	empty  int
	sums   map[*[]byte]hash.Hash
	result Checksums
	err    error
}

// maxEmptyReads is how often in a row a reader may return no bytes and no error.
const maxEmptyReads = 100

// Receive opens src for a Put with opts. The CRC32C is always computed, other checksums when opts.Expect has them.
// The Incoming must be closed. A source that is known to be over opts.MaxSize is [ErrTooLarge] before it is opened.
//
// A Read that blocks does not hold up cancellation: for sources that may block, reading goes on in a goroutine that is
// abandoned when ctx ends and stops at the reader's next return.
func Receive(ctx context.Context, src Source, opts PutOptions) (*Incoming, error) {
	if err := ContextError(ctx); err != nil {
		return nil, err
	}
	if opts.MaxSize > 0 && src.Size() > opts.MaxSize {
		return nil, tooLarge(opts.MaxSize)
	}
	reader, err := src.Open()
	if err != nil {
		return nil, err
	}
	if !src.patient && src.open != nil && ctx.Done() != nil {
		reader = newPump(ctx, reader)
	}
	in := &Incoming{ctx: ctx, reader: reader, opts: opts, size: src.Size(), memory: src.memory}
	in.sums = hashesFor(&in.result, opts.Expect)
	return in, nil
}

// ContextError returns nil while ctx goes on, then an error that Is both ctx.Err() and [context.Cause]. Backends return
// it, so that whoever asks for [context.Canceled] is answered although the context was cancelled with a cause.
func ContextError(ctx context.Context) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(cause, ctx.Err()) {
		return cause
	}
	return fmt.Errorf("%w: %w", ctx.Err(), cause)
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
}

func hashesFor(result *Checksums, expect Checksums) map[*[]byte]hash.Hash {
	sums := map[*[]byte]hash.Hash{&result.CRC32C: crc32.New(crc32.MakeTable(crc32.Castagnoli))}
	if expect.CRC64NVME != nil {
		sums[&result.CRC64NVME] = crc64.New(crc64.MakeTable(0x9A6C9329AC4BC9B5))
	}
	if expect.SHA256 != nil {
		sums[&result.SHA256] = sha256.New()
	}
	if expect.MD5 != nil {
		sums[&result.MD5] = md5.New() //nolint:gosec // see the import
	}
	return sums
}

// Read implements [io.Reader]; an error other than io.EOF is final and must fail the Put.
func (in *Incoming) Read(p []byte) (int, error) {
	if err := in.going(); err != nil || len(p) == 0 {
		return 0, err
	}
	in.memory = nil
	n, err := in.reader.Read(p)
	n, err = in.checkRead(n, len(p), err)
	in.count(p[:n])
	if err != nil {
		in.err = in.atEnd(err)
	}
	if n > 0 && errors.Is(in.err, io.EOF) {
		return n, nil
	}
	return n, in.err
}

// Next returns the next bytes, as many as buffer has unless an error comes with them: in buffer, or where they are when the
// source is in memory, which saves a copy. They must not be changed, and are valid until the next call. Errors are those of
// Read. Whoever calls Next does not call Read.
func (in *Incoming) Next(buffer []byte) ([]byte, error) {
	if in.memory == nil {
		return in.fill(buffer)
	}
	if err := in.going(); err != nil || len(buffer) == 0 {
		return nil, err
	}
	chunk := in.memory[:min(len(buffer), len(in.memory))]
	in.memory = in.memory[len(chunk):]
	in.count(chunk)
	if len(in.memory) == 0 && in.err == nil {
		in.err = in.atEnd(io.EOF)
	}
	if len(chunk) > 0 && errors.Is(in.err, io.EOF) {
		return chunk, nil
	}
	return chunk, in.err
}

// fill reads until the buffer is full or reading ends.
func (in *Incoming) fill(buffer []byte) (_ []byte, err error) {
	n := 0
	for n < len(buffer) && err == nil {
		var more int
		more, err = in.Read(buffer[n:])
		n += more
	}
	return buffer[:n], err
}

// going returns nil while there may be more to read.
func (in *Incoming) going() error {
	if in.err == nil {
		in.err = ContextError(in.ctx)
	}
	return in.err
}

func (in *Incoming) checkRead(n, size int, err error) (int, error) {
	if n < 0 || n > size {
		return 0, fmt.Errorf("%w: the reader returned a count of %d for %d bytes", ErrInvalid, n, size)
	}
	if n > 0 || err != nil {
		in.empty = 0
		return n, err
	}
	if in.empty++; in.empty >= maxEmptyReads {
		return 0, io.ErrNoProgress
	}
	return n, nil
}

func (in *Incoming) count(p []byte) {
	in.read += int64(len(p))
	for _, sum := range in.sums {
		sum.Write(p)
	}
	switch {
	case in.opts.MaxSize > 0 && in.read > in.opts.MaxSize:
		in.err = tooLarge(in.opts.MaxSize)
	case in.size >= 0 && in.read > in.size:
		in.err = fmt.Errorf("%w: the source has more than the %d bytes it declared", ErrInvalid, in.size)
	}
	if in.opts.Progress != nil && len(p) > 0 {
		in.opts.Progress(in.read)
	}
}

// atEnd turns the end of the reader into io.EOF only if everything about the bytes is right.
func (in *Incoming) atEnd(err error) error {
	if in.err != nil {
		return in.err
	}
	if err != io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure of the reader, not its end
		return err
	}
	if in.size >= 0 && in.read < in.size {
		return fmt.Errorf("%w: %d of %d bytes", ErrShortSource, in.read, in.size)
	}
	for field, sum := range in.sums {
		*field = sum.Sum(nil)
	}
	return in.checkSums()
}

func (in *Incoming) checkSums() error {
	want, have := in.opts.Expect, in.result
	for _, pair := range []struct {
		name       string
		want, have []byte
	}{
		{"CRC32C", want.CRC32C, have.CRC32C},
		{"CRC64NVME", want.CRC64NVME, have.CRC64NVME},
		{"SHA-256", want.SHA256, have.SHA256},
		{"MD5", want.MD5, have.MD5},
	} {
		if pair.want != nil && !bytes.Equal(pair.want, pair.have) {
			return fmt.Errorf("%w: %s is %x, expected %x", ErrChecksum, pair.name, pair.have, pair.want)
		}
	}
	return io.EOF
}

// Close closes the source. It may be called at any time.
func (in *Incoming) Close() error { return in.reader.Close() }

// Size returns the number of bytes read so far; after io.EOF it is the size of the object.
func (in *Incoming) Size() int64 { return in.read }

// Checksums returns the checksums of the bytes; they are complete after io.EOF.
func (in *Incoming) Checksums() Checksums { return in.result }
