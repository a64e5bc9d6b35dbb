package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// spoolMemory is how many bytes of a part are kept in memory rather than in a temporary file.
const spoolMemory = 256 << 10

// receivePart reads a part once, for its checks and checksums, and returns it for as many attempts as it takes. release
// must be called when it is not needed any more.
func receivePart(
	ctx context.Context, src dossier.Source, limit int64, checksum Algorithm,
) (body *uploader.Body, release func(), err error) {
	in, err := dossier.Receive(ctx, src, dossier.PutOptions{MaxSize: limit})
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = in.Close() }() // all its bytes were read and checked, or the part failed anyway
	at, ok, err := checksum.readerAt(src)
	if err != nil {
		return nil, nil, err
	}
	var sums crc.Sums
	if ok {
		if _, err := io.Copy(&sums, in); err != nil {
			return nil, nil, errors.Join(err, at.Close())
		}
		return &uploader.Body{ReadSeeker: io.NewSectionReader(at, 0, sums.Size), Sums: sums}, func() { _ = at.Close() }, nil
	}
	content, release, err := spool(io.TeeReader(in, &sums))
	if err != nil {
		return nil, nil, err
	}
	return &uploader.Body{ReadSeeker: content, Sums: sums}, release, nil
}

// readerAt opens a source for reading it again, if a change in between would be noticed: the checksum that is sent is of
// the first reading.
func (a Algorithm) readerAt(src dossier.Source) (dossier.ReaderAtCloser, bool, error) {
	if a == NoChecksum {
		return nil, false, nil
	}
	return src.ReaderAt()
}

// spool keeps what r has. Its error is that of r, or of the temporary file.
func spool(r io.Reader) (content io.ReadSeeker, release func(), err error) {
	var memory bytes.Buffer
	if _, err = io.CopyN(&memory, r, spoolMemory+1); err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a failure
		return bytes.NewReader(memory.Bytes()), func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	file, err := os.CreateTemp("", "dossier-part-")
	if err != nil {
		return nil, nil, fmt.Errorf("a temporary file for a part: %w", err)
	}
	release = func() {
		_ = file.Close() // nothing that is needed is in it
		_ = os.Remove(file.Name())
	}
	if _, err = io.Copy(file, io.MultiReader(&memory, r)); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return file, release, nil
}
