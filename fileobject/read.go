package fileobject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dossier-go/dossier"
)

// Get opens the stored object in one request; see [dossier.Backend]. Without opts.If it reads whatever version is there:
// keys are never written twice.
func (f *FileObject) Get(ctx context.Context, opts dossier.GetOptions) (*dossier.Object, error) {
	if err := f.usable("get"); err != nil {
		return nil, err
	}
	b, err := f.backend(ctx)
	if err != nil {
		return nil, err
	}
	return b.Get(ctx, f.Key, opts)
}

// OpenRange reads length bytes from offset; a negative length reads to the end, a negative offset the last -offset
// bytes. Errors: dossier.ErrRange, ErrNotExist, ErrNoBackend.
func (f *FileObject) OpenRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if offset == 0 && length == 0 {
		return io.NopCloser(bytes.NewReader(nil)), f.usable("open range")
	}
	if offset < 0 {
		length = 0
	}
	return f.Get(ctx, dossier.GetOptions{Range: dossier.Range{Offset: offset, Length: length}})
}

// Stat asks the store about the object. Errors: dossier.ErrNotExist, ErrNoBackend.
func (f *FileObject) Stat(ctx context.Context) (dossier.Info, error) {
	if err := f.usable("stat"); err != nil {
		return dossier.Info{}, err
	}
	b, err := f.backend(ctx)
	if err != nil {
		return dossier.Info{}, err
	}
	return b.Stat(ctx, f.Key)
}

// CopyTo writes the whole content to w and returns the number of bytes. Memory use is constant.
func (f *FileObject) CopyTo(ctx context.Context, w io.Writer) (n int64, err error) {
	object, err := f.Get(ctx, dossier.GetOptions{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	return io.Copy(w, object)
}

// Content reads the whole content into memory. For large files use [FileObject.Open] or [FileObject.CopyTo].
func (f *FileObject) Content(ctx context.Context) ([]byte, error) {
	var b bytes.Buffer
	if _, err := f.CopyTo(ctx, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Verify reads the whole content and compares it with the record's size and checksum. A difference is
// dossier.ErrChecksum, a missing object dossier.ErrNotExist. A record without checksum is compared by size alone.
func (f *FileObject) Verify(ctx context.Context) error {
	object, err := f.Get(ctx, dossier.GetOptions{})
	if err != nil {
		return err
	}
	sum := newHash(checksumKind(f.Checksum))
	n, err := io.Copy(sum, object)
	if err := errors.Join(err, object.Close()); err != nil {
		return err
	}
	if f.Size >= 0 && n != f.Size {
		return fmt.Errorf("verify %s:%s: %w: %d bytes, the row says %d", f.Backend, f.Key, dossier.ErrChecksum, n, f.Size)
	}
	if f.Checksum == "" {
		return nil
	}
	_, want, err := parseChecksum(f.Checksum)
	if err != nil {
		return fmt.Errorf("verify %s:%s: %w", f.Backend, f.Key, err)
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return fmt.Errorf("verify %s:%s: %w: %x, the row says %x", f.Backend, f.Key, dossier.ErrChecksum, sum.Sum(nil), want)
	}
	return nil
}
