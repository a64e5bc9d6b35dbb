package dossier

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
)

// fsFile is an open file of an [FS]: a position in one version of an object, and the Get that reads on from there.
type fsFile struct {
	fs     objectFS
	name   string
	info   fsInfo
	offset int64
	body   *Object // delivers the bytes from offset; nil before the first Read and after a Seek
	closed atomic.Bool
}

// Stat implements [fs.File].
func (f *fsFile) Stat() (fs.FileInfo, error) {
	if f.closed.Load() {
		return nil, pathError("stat", f.name, fs.ErrClosed)
	}
	return f.info, nil
}

// Read implements [fs.File].
func (f *fsFile) Read(p []byte) (int, error) {
	switch {
	case f.closed.Load():
		return 0, pathError("read", f.name, fs.ErrClosed)
	case len(p) == 0:
		return 0, nil
	case f.offset >= f.info.Size():
		return 0, io.EOF
	}
	if f.body == nil {
		body, err := f.get(Range{Offset: f.offset, Length: -1})
		if err != nil {
			return 0, pathError("read", f.name, err)
		}
		f.body = body
	}
	n, err := f.body.Read(p)
	f.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = pathError("read", f.name, err)
	}
	return n, err
}

// get opens a range of the version that was opened.
func (f *fsFile) get(r Range) (*Object, error) {
	opts := GetOptions{Range: r, SkipVerify: true}
	if f.fs.backend.Describe().Capabilities.Has(GetMatch) {
		opts.If.Match = f.info.Version
	}
	object, err := f.fs.backend.Get(f.fs.ctx, f.info.Key, opts)
	if err == nil && object.Version != f.info.Version {
		err = errors.Join(&Error{
			Op: "get", Key: f.info.Key, Kind: ErrPrecondition,
			Err: errors.New("the object was replaced since it was opened; open it again"),
		}, object.Close())
	}
	if err != nil {
		return nil, err
	}
	return object, nil
}

// Seek implements [io.Seeker].
func (f *fsFile) Seek(offset int64, whence int) (int64, error) {
	if f.closed.Load() {
		return 0, pathError("seek", f.name, fs.ErrClosed)
	}
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.info.Size()
	case io.SeekStart:
	default:
		return 0, pathError("seek", f.name, fmt.Errorf("%w: whence %d", fs.ErrInvalid, whence))
	}
	if offset < 0 {
		return 0, pathError("seek", f.name, fmt.Errorf("%w: negative offset", fs.ErrInvalid))
	}
	var err error
	if offset != f.offset {
		err = f.drop()
	}
	f.offset = offset
	return offset, pathError("seek", f.name, err)
}

func (f *fsFile) drop() error {
	body := f.body
	f.body = nil
	if body == nil {
		return nil
	}
	return body.Close()
}

// ReadAt implements [io.ReaderAt]. It is safe for concurrent use.
func (f *fsFile) ReadAt(p []byte, offset int64) (int, error) {
	switch {
	case f.closed.Load():
		return 0, pathError("read", f.name, fs.ErrClosed)
	case offset < 0:
		return 0, pathError("read", f.name, fmt.Errorf("%w: negative offset", fs.ErrInvalid))
	case len(p) == 0:
		return 0, nil
	case offset >= f.info.Size():
		return 0, io.EOF
	}
	n, err := f.readFull(p[:min(int64(len(p)), f.info.Size()-offset)], offset)
	if err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, pathError("read", f.name, err)
}

func (f *fsFile) readFull(p []byte, offset int64) (n int, err error) {
	object, err := f.get(Range{Offset: offset, Length: int64(len(p))})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	return io.ReadFull(object, p)
}

// Close implements [fs.File]. It may be called more than once.
func (f *fsFile) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	return pathError("close", f.name, f.drop())
}
