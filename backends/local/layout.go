package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/dossier-go/dossier"
)

// Places of the backend inside the folder.
const (
	ownFolder     = dossier.ReservedSegment
	storeFile     = ownFolder + "/store"
	scratchFolder = ownFolder + "/tmp"
	lockFolder    = ownFolder + "/locks"
	uploadFolder  = ownFolder + "/uploads"
)

// identityPattern is what the store file holds: the text of crypto/rand.
var identityPattern = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// openFolder opens dir, which it creates durably if the configuration lets it.
func openFolder(dir string, cfg Config) (*os.Root, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: the folder has no name", dossier.ErrInvalid)
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if cfg.MustExist {
			return nil, fmt.Errorf("%w: %s; create or mount it", dossier.ErrNoContainer, dir)
		}
		return createFolder(dir, cfg)
	}
	if err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%w: %s is not a folder", dossier.ErrInvalid, dir)
	}
	if err != nil {
		return nil, storeError(err)
	}
	return openRoot(dir)
}

func openRoot(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	return root, storeError(err)
}

func createFolder(dir string, cfg Config) (*os.Root, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, storeError(err)
	}
	var created []string
	for path := dir; !exists(path); path = filepath.Dir(path) {
		created = append(created, path)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, storeError(err)
	}
	for _, path := range created {
		if err := syncPath(filepath.Dir(path), cfg); err != nil {
			return nil, storeError(err)
		}
	}
	return openRoot(dir)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || filepath.Dir(path) == path
}

func syncPath(path string, cfg Config) error {
	if cfg.Durability == Fast {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(ignoreNoSync(folder.Sync()), folder.Close())
}

// layOut makes the backend's own folders. A symbolic link in their place is refused: it would lead the store's files
// elsewhere.
func (b *Backend) layOut() error {
	for _, folder := range []string{ownFolder, scratchFolder, lockFolder, uploadFolder} {
		if err := b.root.Mkdir(folder, b.cfg.DirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return storeError(err)
		}
		info, err := b.root.Lstat(folder)
		if err != nil {
			return storeError(err)
		}
		if !info.IsDir() {
			return fmt.Errorf("%w: %s is not a folder; remove it", dossier.ErrInvalid, folder)
		}
	}
	b.locks = newLocks(b.root, b.cfg.FileMode)
	var err error
	if b.scratch, err = b.root.OpenRoot(scratchFolder); err == nil {
		b.direct, err = newDirect(b.root, b.scratch)
	}
	return storeError(err)
}

// identify reads the identity of the store, or gives it one. The lock keeps two processes from making two.
func (b *Backend) identify(ctx context.Context) (string, error) {
	unlock, err := b.locks.hold(ctx, storeFile)
	if err != nil {
		return "", err
	}
	defer unlock()
	content, err := b.root.ReadFile(storeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return b.newIdentity()
	}
	if err != nil {
		return "", storeError(err)
	}
	identity := strings.TrimSpace(string(content))
	if !identityPattern.MatchString(identity) {
		return "", fmt.Errorf("%w: %s is damaged; restore it from a backup", dossier.ErrInvalid, storeFile)
	}
	return identity, nil
}

func (b *Backend) newIdentity() (identity string, err error) {
	t, err := b.newTemp("open", scratchFolder)
	if err != nil {
		return "", b.containerError(err)
	}
	defer func() { err = t.finish(err) }()
	identity = rand.Text()
	if err := t.write(func() error { return t.fill([]byte(identity + "\n")) }); err != nil {
		return "", err
	}
	if err := b.sync("open", t.file); err != nil {
		return "", storeError(err)
	}
	if err := t.rename(storeFile); err != nil {
		return "", storeError(err)
	}
	return identity, b.syncNames("open", storeFile, ownFolder)
}

// syncFile waits until the file is on the disk, where that was asked for.
func (b *Backend) syncFile(file *os.File) error {
	if b.cfg.Durability == Fast {
		return nil
	}
	return ignoreNoSync(file.Sync())
}

// syncFolder waits until the names in a folder are on the disk. A folder that is gone has none.
func (b *Backend) syncFolder(path string) error {
	if b.cfg.Durability == Fast {
		return nil
	}
	folder, err := b.root.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(ignoreNoSync(folder.Sync()), folder.Close())
}
