package fileobject

import (
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"path/filepath"

	"github.com/dossier-go/dossier"
)

// FileObject is a file of a row: stored, or pending until a unit of work has uploaded it. It is a column as
// *FileObject (nil is NULL) or as FileObject (the zero value is NULL).
type FileObject struct {
	dossier.Record

	state    *state            // shared by copies; nil when nothing was ever pending
	seen     *dossier.Record   // what Record was taken over from; see sync
	registry *dossier.Registry // bound, or nil
	origin   *Origin           // what was scanned, or nil
}

// Options of a new file.
type Options struct {
	// Backend is the registered name to save to. A column's tag names its backend and then must agree. Default: "",
	// the column's.
	Backend string
	// Metadata of the application, stored in the row. Default: none.
	Metadata map[string]any
	// Checksum that the bytes must have, as in dossier.Record: "crc32c:<hex>" or "sha256:<hex>"; else the upload fails
	// with dossier.ErrChecksum. Default: "", not checked.
	Checksum string
	// Progress is called with the number of bytes read so far. Default: nil.
	Progress func(bytes int64)
}

// FromBytes returns a pending file. b must not be changed until it was saved. name is for people; it is cleaned as
// [CleanFilename] says.
func FromBytes(name string, b []byte, opts Options) *FileObject {
	return newPending(name, dossier.BytesSource(b), opts)
}

// FromReader returns a pending file that is read once; its size may be unknown. Used twice it is
// [dossier.ErrConsumed], so after a rollback it cannot be saved again.
func FromReader(name string, r io.Reader, opts Options) *FileObject {
	return newPending(name, dossier.ReaderSource(r, -1), opts)
}

// FromPath returns a pending file over the regular file at path. It is opened when it is saved, anew each time.
func FromPath(path string, opts Options) *FileObject {
	return newPending(filepath.Base(path), dossier.FileSource(path), opts)
}

// FromUpload returns a pending file over a part of a parsed multipart form. It can be read again while the form lives.
func FromUpload(fh *multipart.FileHeader, opts Options) *FileObject {
	if fh == nil {
		return FromSource("", dossier.ReaderSource(nil, -1), opts)
	}
	open := func() (io.ReadCloser, error) { return fh.Open() }
	return newPending(fh.Filename, dossier.OpenerSource(open, fh.Size), opts)
}

// FromSource returns a pending file over any source.
func FromSource(name string, src dossier.Source, opts Options) *FileObject {
	return newPending(name, src, opts)
}

func newPending(name string, src dossier.Source, opts Options) *FileObject {
	record := dossier.Record{Filename: CleanFilename(name), Size: src.Size(), Metadata: maps.Clone(opts.Metadata)}
	s := newState(record, src, nil, opts)
	return &FileObject{Record: record, state: s, seen: s.record}
}

// Clone returns a pending file with the same content under a fresh key: when it is saved the object is copied inside
// the store where that is possible, else streamed. The name and metadata are those of f unless opts gives metadata; the
// type is found anew in the object's first bytes, and size and checksum of the row are compared with it. It is the way
// to put the same file into a second row. Cloning what a client sent reads any object that the client names: clone only
// files loaded from rows. The clone of nil is nil.
func (f *FileObject) Clone(opts Options) *FileObject {
	if f == nil {
		return nil
	}
	f.sync()
	record := dossier.Record{Filename: f.Filename, ContentType: f.ContentType, Size: f.Size, Metadata: maps.Clone(f.Metadata)}
	if opts.Metadata != nil {
		record.Metadata = maps.Clone(opts.Metadata)
	}
	var source dossier.Source
	var original *FileObject
	if now := f.phaseOf(); now == pending || now == consumed {
		source, original = f.state.source, f.state.original
	} else {
		from := *f
		from.state = nil
		original = &from
	}
	s := newState(record, source, original, opts)
	return &FileObject{Record: record, registry: f.registry, state: s, seen: s.record}
}

// Bind makes f use this registry whatever its context says, and returns f.
func (f *FileObject) Bind(r *dossier.Registry) *FileObject {
	if f != nil {
		f.registry = r
	}
	return f
}

// Pending reports whether f has bytes that wait to be uploaded.
func (f *FileObject) Pending() bool { return f.phaseOf() == pending }

// String names the file without its content.
func (f *FileObject) String() string {
	if f == nil {
		return "no file"
	}
	f.sync()
	if f.Pending() {
		return fmt.Sprintf("pending file %q", f.Filename)
	}
	return fmt.Sprintf("file %q at %s:%s (%d bytes)", f.Filename, f.Backend, f.Key, f.Size)
}
