package dossier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// FS returns the objects of b below the folder prefix ("" is all, a trailing "/" may be left out) as a read-only file
// system that implements [fs.ReadDirFS], [fs.ReadFileFS], [fs.StatFS] and [fs.SubFS]. ctx is used by every operation.
//
// A folder is a key's beginning up to a "/": there is one as long as there are objects below it. Where both "a" and
// "a/b" are objects, "a" is a file and "a/b" can be opened but is not found by walking. Without [Lister] there are
// files only: a folder cannot be told from nothing, and reading the root folder is [errors.ErrUnsupported].
//
// Open looks the object up and reads nothing. Files implement [io.Seeker] and [io.ReaderAt]; each stretch that is
// read is one ranged Get of the version that was opened, and [ErrPrecondition] when that is no longer there. They
// verify no checksums; ReadFile does where the backend or its decorator does. ReadAt may be used concurrently.
// Folders are read in the order of the keys and are never held in memory, but by ReadDir of the file system, which
// has to sort them by name.
//
// Errors are [*fs.PathError]; a name that no key can have is [fs.ErrNotExist] and [ErrInvalidKey].
func FS(ctx context.Context, b Backend, prefix string) fs.FS {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return objectFS{ctx: ctx, backend: b, prefix: prefix}
}

type objectFS struct {
	ctx     context.Context //nolint:containedctx // fs.FS has no other place for it
	backend Backend
	prefix  string // "" or ends with "/"
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Open implements [fs.FS].
func (f objectFS) Open(name string) (fs.File, error) {
	info, err := f.find(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if info.IsDir() {
		return &fsFolder{fs: f, name: name, info: info}, nil
	}
	return &fsFile{fs: f, name: name, info: info}, nil
}

// Stat implements [fs.StatFS].
func (f objectFS) Stat(name string) (fs.FileInfo, error) {
	info, err := f.find(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return info, nil
}

// ReadFile implements [fs.ReadFileFS].
func (f objectFS) ReadFile(name string) ([]byte, error) {
	info, err := f.find(name)
	if err == nil && info.IsDir() {
		err = errFolder
	}
	if err != nil {
		return nil, pathError("read", name, err)
	}
	content, err := ReadAll(f.ctx, f.backend, f.prefix+name, 0)
	return content, pathError("read", name, err)
}

// Sub implements [fs.SubFS].
func (f objectFS) Sub(dir string) (fs.FS, error) {
	if !fs.ValidPath(dir) {
		return nil, pathError("sub", dir, fs.ErrInvalid)
	}
	f.prefix = f.below(dir)
	return f, nil
}

// below returns what the keys under the folder name begin with.
func (f objectFS) below(name string) string {
	if name == "." {
		return f.prefix
	}
	return f.prefix + name + "/"
}

// find returns the file or folder of name.
func (f objectFS) find(name string) (fsInfo, error) {
	if !fs.ValidPath(name) {
		return fsInfo{}, fs.ErrInvalid
	}
	if name == "." {
		return fsInfo{name: name, folder: true}, nil
	}
	if err := CheckKey(f.prefix + name); err != nil {
		return fsInfo{}, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	info, err := f.backend.Stat(f.ctx, f.prefix+name)
	if err == nil {
		return fsInfo{name: path.Base(name), Info: info}, nil
	}
	if errors.Is(err, ErrNotExist) && f.hasFolder(name, &err) {
		return fsInfo{name: path.Base(name), folder: true}, nil
	}
	return fsInfo{}, err
}

// hasFolder reports whether there is a key below name. A failure to list takes the place of err.
func (f objectFS) hasFolder(name string, err *error) bool {
	for _, failure := range List(f.ctx, f.backend, ListOptions{Prefix: f.below(name), PageSize: 1}) {
		if failure != nil && !errors.Is(failure, errors.ErrUnsupported) {
			*err = failure
		}
		return failure == nil
	}
	return false
}

// ReadDir implements [fs.ReadDirFS]: the entries of a folder, sorted by name.
func (f objectFS) ReadDir(name string) ([]fs.DirEntry, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	folder, ok := file.(*fsFolder)
	if !ok {
		return nil, pathError("readdir", name, errNotFolder)
	}
	entries, err := folder.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

var (
	errFolder    = errors.New("is a folder")
	errNotFolder = errors.New("is not a folder")
)

// fsInfo is the [fs.FileInfo] of an object or a folder.
type fsInfo struct {
	Info
	name   string
	folder bool
}

func (i fsInfo) Name() string { return i.name }
func (i fsInfo) Size() int64  { return i.Info.Size }
func (i fsInfo) IsDir() bool  { return i.folder }

// ModTime is the zero time for folders, which have none.
func (i fsInfo) ModTime() time.Time { return i.Info.ModTime }

func (i fsInfo) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// Sys returns the [Info] of an object, nil for a folder.
func (i fsInfo) Sys() any {
	if i.folder {
		return nil
	}
	return i.Info
}

func (i fsInfo) String() string { return fs.FormatFileInfo(i) }

var (
	_ fs.ReadDirFS  = objectFS{}
	_ fs.ReadFileFS = objectFS{}
	_ fs.StatFS     = objectFS{}
	_ fs.SubFS      = objectFS{}
	_ fs.FileInfo   = fsInfo{}
	_ io.ReaderAt   = (*fsFile)(nil)
)
