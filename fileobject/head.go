package fileobject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dossier-go/dossier"
)

// opened is a source whose first bytes were read.
type opened struct {
	from   dossier.Source
	head   []byte
	ended  bool            // head is all there is
	reader io.ReadCloser   // behind head; nil when the source is opened again instead
	once   *dossier.Source // made of reader: however often it is asked for, it is read once
}

// openSource opens src and reads its first bytes. A source that can be opened again is closed at once, so that many
// files waiting to be uploaded do not hold many open files.
func openSource(ctx context.Context, src dossier.Source) (*opened, error) {
	reader, err := src.Open()
	if err != nil {
		return nil, err
	}
	head, ended, err := readHead(ctx, reader)
	if err != nil {
		return nil, err
	}
	if src.Replayable() {
		return &opened{from: src, head: head, ended: ended}, reader.Close()
	}
	return &opened{from: src, head: head, ended: ended, reader: reader}, nil
}

// source returns what is handed to the backend: replayable if the original is.
func (o *opened) source(wrap func(io.ReadCloser) io.ReadCloser) dossier.Source {
	if o.reader == nil {
		again := func() (io.ReadCloser, error) {
			r, err := o.from.Open()
			if err != nil {
				return nil, err
			}
			return wrap(r), nil
		}
		return dossier.OpenerSource(again, o.from.Size())
	}
	if o.once == nil {
		whole := struct {
			io.Reader
			io.Closer
		}{bytes.NewReader(o.head), o.reader}
		if !o.ended {
			whole.Reader = io.MultiReader(whole.Reader, o.reader)
		}
		once := dossier.ReaderSource(wrap(whole), o.from.Size())
		o.once = &once
	}
	return *o.once
}

func (o *opened) Close() error {
	if o.reader == nil {
		return nil
	}
	return o.reader.Close()
}

// readHead reads up to dossier.DetectLength bytes; ended says that the reader reached its end: it is not read again
// then. It returns when ctx ends, even if the reader blocks. When it fails it closes r, but never under a Read.
func readHead(ctx context.Context, r io.ReadCloser) (head []byte, ended bool, err error) {
	type result struct {
		head  []byte
		ended bool
		err   error
	}
	done := make(chan result, 1)
	go func() {
		res := result{err: errors.New("the source ended the goroutine that reads it")}
		defer func() { done <- res }()
		res.head, res.ended, res.err = fillHead(r)
	}()
	select {
	case res := <-done:
		if res.err != nil {
			return nil, false, errors.Join(res.err, r.Close())
		}
		return res.head, res.ended, nil
	case <-ctx.Done():
		go func() {
			<-done
			_ = r.Close() // nobody is left to hear of it
		}()
		return nil, false, context.Cause(ctx)
	}
}

func fillHead(r io.Reader) (head []byte, ended bool, err error) {
	const maxEmptyReads = 100
	buffer := make([]byte, dossier.DetectLength)
	n := 0
	for empty := 0; n < len(buffer); {
		read, err := readOnce(r, buffer[n:])
		n += read
		switch {
		case err == io.EOF: //nolint:errorlint // a wrapped io.EOF is a failure of the reader
			return buffer[:n], true, nil
		case err != nil:
			return nil, false, err
		case read > 0:
			empty = 0
		default:
			if empty++; empty >= maxEmptyReads {
				return nil, false, io.ErrNoProgress
			}
		}
	}
	return buffer[:n], false, nil
}

// readOnce calls Read. A panic or an impossible count of the source is its failure, not the program's.
func readOnce(r io.Reader, p []byte) (n int, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			n, err = 0, fmt.Errorf("the source panicked: %v", cause)
		}
	}()
	n, err = r.Read(p)
	if n < 0 || n > len(p) {
		return 0, fmt.Errorf("%w: the reader returned a count of %d for %d bytes", dossier.ErrInvalid, n, len(p))
	}
	return n, err
}
