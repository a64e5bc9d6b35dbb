package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/dossier-go/dossier"
)

// obstacle is something else in the place of an object or of one of its folders.
type obstacle struct {
	key, path string
	mode      fs.FileMode
}

func (o *obstacle) Unwrap() error { return dossier.ErrConflict }

func (o *obstacle) Error() string {
	switch {
	case o.key == o.path && o.mode.IsDir():
		return fmt.Sprintf("%v: there are objects below %q, so it is a folder; choose another key", dossier.ErrConflict, o.path)
	case o.mode.IsRegular():
		return fmt.Sprintf("%v: %q is an object, so nothing can be below it; choose another key", dossier.ErrConflict, o.path)
	}
	return fmt.Sprintf("%v: %q in the folder is no object (%v) and in the way; remove it", dossier.ErrConflict, o.path, o.mode.Type())
}

// isObstacle reports whether something else is in the way, which readers take for no object.
func isObstacle(err error) bool {
	var found *obstacle
	return errors.As(err, &found)
}

// isFolderAt reports whether a folder is in the place of key itself.
func isFolderAt(err error, key string) bool {
	var found *obstacle
	return errors.As(err, &found) && found.path == key && found.mode.IsDir()
}

// parents looks at every folder above key: errAbsent when one is missing, an obstacle when one is no plain folder.
// os.Root would follow a symbolic link that stays inside, and an object must not have two keys.
func (b *Backend) parents(key string) error {
	for i := range len(key) {
		if key[i] != '/' {
			continue
		}
		info, err := b.root.Lstat(key[:i])
		if err != nil {
			return absentOr(err)
		}
		if !info.IsDir() {
			return &obstacle{key: key, path: key[:i], mode: info.Mode()}
		}
	}
	return nil
}

func isAbsent(err error) bool {
	return errors.Is(err, errAbsent) || errors.Is(err, fs.ErrNotExist) || isNotFolder(err)
}

// absentOr turns the file system's "no such file" into errAbsent and classifies what else there is.
func absentOr(err error) error {
	if isAbsent(err) {
		return errAbsent
	}
	return storeError(err)
}

// look returns the file of an object: errAbsent when there is nothing, an obstacle when there is something else.
func (b *Backend) look(key string) (fs.FileInfo, error) {
	if err := b.parents(key); err != nil {
		return nil, err
	}
	info, err := b.root.Lstat(key)
	if err != nil {
		return nil, absentOr(err)
	}
	if !info.Mode().IsRegular() {
		return nil, &obstacle{key: key, path: key, mode: info.Mode()}
	}
	return info, nil
}

// handle is an object's open file with what is known of it.
type handle struct {
	file *os.File
	info dossier.Info
	attributes
}

// openObject opens the object of key; its errors are those of look. Everything known comes from this one open file.
func (b *Backend) openObject(key string) (*handle, error) {
	var file *os.File
	err := b.step("get", "open", func() (err error) {
		file, err = b.openPlain(key)
		return err
	})
	if err != nil {
		return nil, errors.Join(absentOr(err), closeFile(file))
	}
	return b.examineFile(key, file)
}

// openPlain opens a file that no symbolic link leads to.
func (b *Backend) openPlain(key string) (*os.File, error) {
	if file, err := b.direct.open(key, openFlags); err == nil {
		return file, nil
	}
	if _, err := b.look(key); err != nil {
		return nil, err
	}
	return b.root.OpenFile(key, openFlags, 0)
}

// examineFile makes the handle of an open file, or closes it.
func (b *Backend) examineFile(key string, file *os.File) (*handle, error) {
	stat, err := file.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = &obstacle{key: key, path: key, mode: stat.Mode()}
	} else if err != nil {
		err = storeError(err)
	}
	h := &handle{file: file}
	if err == nil {
		h.attributes, err = b.attributesOf(file)
	}
	if err != nil {
		return nil, errors.Join(err, closeFile(file))
	}
	h.info = h.inform(key, stat)
	return h, nil
}

// close ends the use of the file; reading leaves nothing that could fail.
func (h *handle) close() { _ = h.file.Close() }

func closeFile(file *os.File) error {
	if file == nil {
		return nil
	}
	return storeError(file.Close())
}

// readError is what a reader says about the errors of look: whatever is no object does not exist.
func (b *Backend) readError(err error) error {
	if errors.Is(err, errAbsent) || isObstacle(err) {
		return b.missing()
	}
	return err
}

// folderOf returns the folder of a key, "." for the root.
func folderOf(key string) string {
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		return key[:i]
	}
	return "."
}

// leafOf returns the last segment of a key.
func leafOf(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }
