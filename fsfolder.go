package dossier

import (
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
)

// fsFolder is an open folder of an [FS]. It reads its entries as they are asked for.
type fsFolder struct {
	fs     objectFS
	name   string
	info   fsInfo
	next   func() (Info, error, bool)
	stop   func()
	files  []string // keys of files before here that may come again as folders, the shortest first
	closed bool
}

// Stat implements [fs.File].
func (d *fsFolder) Stat() (fs.FileInfo, error) {
	if d.closed {
		return nil, pathError("stat", d.name, fs.ErrClosed)
	}
	return d.info, nil
}

// Read implements [fs.File]; a folder has no bytes.
func (d *fsFolder) Read([]byte) (int, error) { return 0, pathError("read", d.name, errFolder) }

// Close implements [fs.File].
func (d *fsFolder) Close() error {
	d.closed = true
	if d.stop != nil {
		d.stop()
	}
	return nil
}

// ReadDir implements [fs.ReadDirFile].
func (d *fsFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, pathError("readdir", d.name, fs.ErrClosed)
	}
	if d.next == nil {
		opts := ListOptions{Prefix: d.fs.below(d.name), Delimiter: "/"}
		d.next, d.stop = iter.Pull2(List(d.fs.ctx, d.fs.backend, opts))
	}
	var entries []fs.DirEntry
	for n <= 0 || len(entries) < n {
		info, err, ok := d.next()
		if err != nil {
			return entries, pathError("readdir", d.name, err)
		}
		if !ok {
			break
		}
		if entry, fresh := d.entry(info); fresh {
			entries = append(entries, entry)
		}
	}
	if n > 0 && len(entries) == 0 {
		return nil, io.EOF
	}
	return entries, nil
}

// entry returns the entry of a listed object or prefix; fresh is false for a prefix whose name a file has.
// Between the key "a" and the prefix "a/" only keys that begin with "a" can come, so few names have to be remembered.
func (d *fsFolder) entry(info Info) (entry fs.DirEntry, fresh bool) {
	key := strings.TrimSuffix(info.Key, "/")
	for len(d.files) > 0 && !strings.HasPrefix(key, d.files[len(d.files)-1]) {
		d.files = d.files[:len(d.files)-1]
	}
	if info.IsPrefix {
		taken := len(d.files) > 0 && d.files[len(d.files)-1] == key
		return fs.FileInfoToDirEntry(fsInfo{name: path.Base(key), folder: true}), !taken
	}
	d.files = append(d.files, key)
	return fs.FileInfoToDirEntry(fsInfo{name: path.Base(key), Info: info}), true
}

var _ fs.ReadDirFile = (*fsFolder)(nil)
