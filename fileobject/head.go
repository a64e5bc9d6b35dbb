package fileobject

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dossier-go/dossier"
)

// openSource opens src and reads its first bytes. A source that can be opened again is closed at once, so that many
// files waiting to be uploaded do not hold many open files.
func openSource(ctx context.Context, src dossier.Source) (*opened, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	reader, err := src.Open()
	if err != nil {
		return nil, err
	}
	head, ended, err := readHead(ctx, reader)
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	if src.Replayable() {
		return &opened{from: src, head: head, ended: ended}, reader.Close()
	}
	return &opened{from: src, head: head, ended: ended, reader: reader}, nil
}

// readHead reads up to dossier.DetectLength bytes. It returns when ctx ends, even if the reader blocks, and turns a
// panic of the reader into an error. ended says that the reader reached its end: it is not read again then.
func readHead(ctx context.Context, r io.Reader) (head []byte, ended bool, err error) {
	type result struct {
		head  []byte
		ended bool
		err   error
	}
	done := make(chan result, 1)
	go func() {
		var res result
		defer func() {
			if cause := recover(); cause != nil {
				res.err = fmt.Errorf("the source panicked: %v", cause)
			}
			done <- res
		}()
		res.head, res.ended, res.err = fillHead(r)
	}()
	select {
	case res := <-done:
		return res.head, res.ended, res.err
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

func fillHead(r io.Reader) (head []byte, ended bool, err error) {
	const maxEmptyReads = 100
	buffer := make([]byte, dossier.DetectLength)
	n := 0
	for empty := 0; n < len(buffer); {
		read, err := r.Read(buffer[n:])
		if read < 0 || read > len(buffer)-n {
			return nil, false, fmt.Errorf("%w: the reader returned a count of %d for %d bytes", dossier.ErrInvalid, read, len(buffer)-n)
		}
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
