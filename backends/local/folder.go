package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/dossier-go/dossier"
)

// clearing calls do, and once more when an empty folder stood in the place of key, after removing it. Empty folders
// stay behind when a process dies between removing an object and its folder. do holds no lock when it returns.
func (b *Backend) clearing(ctx context.Context, key string, do func() error) error {
	for range attempts {
		err := do()
		if !isFolderAt(err, key) {
			return err
		}
		emptied, cause := b.removeEmpty(ctx, key)
		if cause != nil {
			return cause
		}
		if !emptied {
			return err
		}
	}
	return fmt.Errorf("%w: other writers keep making a folder of the name", dossier.ErrConflict)
}

// removeEmpty removes a folder in which there is nothing but folders; emptied is false when there is more.
func (b *Backend) removeEmpty(ctx context.Context, path string) (emptied bool, err error) {
	folder, err := b.root.Open(path)
	if err != nil {
		return isAbsent(err), ignoreAbsent(err)
	}
	defer func() { _ = folder.Close() }() // it was only read
	for {
		entries, err := folder.ReadDir(folderChunk)
		for _, entry := range entries {
			if !entry.IsDir() {
				return false, nil
			}
			if emptied, err := b.removeEmpty(ctx, path+"/"+entry.Name()); err != nil || !emptied {
				return false, err
			}
		}
		if errors.Is(err, io.EOF) {
			return b.removeFolder(ctx, path)
		}
		if err != nil { // somebody else removed it, or even made an object of the name: worth another look
			return isAbsent(err), ignoreAbsent(err)
		}
	}
}

// folderChunk is how many entries of a folder are read at once.
const folderChunk = 512

// removeFolder removes one folder if it is empty. It holds the lock of its name, so that no object can take the name
// between the look and the removal, which would remove a file as well.
func (b *Backend) removeFolder(ctx context.Context, path string) (removed bool, err error) {
	unlock, err := b.locks.hold(ctx, path)
	if err != nil {
		return false, err
	}
	defer unlock()
	info, err := b.root.Lstat(path)
	if err != nil {
		return isAbsent(err), ignoreAbsent(err)
	}
	if !info.IsDir() {
		return false, nil
	}
	err = b.step("delete", "rmdir", func() error { return b.root.Remove(path) })
	if isFolderTaken(err) || errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, storeError(err)
}

// prune removes the folders above key that became empty. It is tidying: what it cannot remove stays, and hurts nobody.
func (b *Backend) prune(ctx context.Context, key string) {
	for path := folderOf(key); path != "."; path = folderOf(path) {
		if removed, err := b.removeFolder(ctx, path); err != nil || !removed {
			return
		}
	}
}

func ignoreAbsent(err error) error {
	if isAbsent(err) {
		return nil
	}
	return storeError(err)
}

// isFolderTaken reports whether the name is that of a folder with something in it, or of a folder at all.
func isFolderTaken(err error) bool { return isOneOf(err, syscall.ENOTEMPTY, syscall.EISDIR) }

// lostFolder is the error of a folder of the backend's own that somebody removed.
func (b *Backend) lostFolder() error {
	return fmt.Errorf("%w: a folder in %s was removed while in use; open the store again", dossier.ErrNoContainer, ownFolder)
}
