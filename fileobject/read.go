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
	if err := f.usable("open range"); err != nil {
		return nil, err
	}
	if offset == 0 && length == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	if offset < 0 {
		length = 0
	}
	object, err := f.Get(ctx, dossier.GetOptions{Range: dossier.Range{Offset: offset, Length: length}})
	if err != nil {
		return nil, err // not a nil *dossier.Object in an interface that is not nil
	}
	return object, nil
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
	if err := f.usable("verify"); err != nil {
		return err
	}
	var want []byte
	var err error
	if f.Checksum != "" {
		if _, want, err = parseChecksum(f.Checksum); err != nil {
			return fmt.Errorf("verify %s:%s: %w", f.Backend, f.Key, err)
		}
	}
	sum := newHash(checksumKind(f.Checksum))
	n, err := f.CopyTo(ctx, sum)
	switch {
	case err != nil:
		return err
	case f.Size >= 0 && n != f.Size:
		return fmt.Errorf("verify %s:%s: %w: %d bytes, the row says %d", f.Backend, f.Key, dossier.ErrChecksum, n, f.Size)
	case want != nil && !bytes.Equal(sum.Sum(nil), want):
		return fmt.Errorf("verify %s:%s: %w: %x, the row says %x", f.Backend, f.Key, dossier.ErrChecksum, sum.Sum(nil), want)
	}
	return nil
}
