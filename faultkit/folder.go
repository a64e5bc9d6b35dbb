package faultkit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// folder is what a plain walk finds in the folder of a local backend.
type folder struct {
	dir      string
	keys     map[string]bool // of objects
	leftover []string        // temporary files and unfinished uploads
}

// own is the folder's own part, where a local backend keeps its identity, its locks and what is not finished.
const own = ".dossier"

func readFolder(dir string) (folder, error) {
	f := folder{dir: dir, keys: map[string]bool{}}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		key, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f.add(filepath.ToSlash(key))
		return nil
	})
	return f, err
}

func (f *folder) add(key string) {
	rest, inside := strings.CutPrefix(key, own+"/")
	switch {
	case !inside:
		f.keys[key] = true
	case rest != "store" && !strings.HasPrefix(rest, "locks/"):
		f.leftover = append(f.leftover, key)
	}
}

// verify compares an object with its record: size, and checksum if the record has one.
func (f *folder) verify(key string, r record) (err error) {
	file, err := os.Open(filepath.Join(f.dir, filepath.FromSlash(key)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	algorithm, want, sum, err := r.expected()
	if err != nil {
		return err
	}
	size, err := io.Copy(sum, file)
	if err != nil {
		return err
	}
	if r.Size != nil && *r.Size != size {
		return fmt.Errorf("%d bytes, the row says %d", size, *r.Size)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); want != "" && got != want {
		return fmt.Errorf("%s:%s, the row says %s", algorithm, got, want)
	}
	return nil
}

// expected returns the checksum that the record has and the way to compute it.
func (r record) expected() (algorithm, want string, sum hash.Hash, err error) {
	sum = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if r.Checksum == nil {
		return "", "", sum, nil
	}
	algorithm, want, _ = strings.Cut(*r.Checksum, ":")
	switch algorithm {
	case "crc32c":
		return algorithm, want, sum, nil
	case "sha256":
		return algorithm, want, sha256.New(), nil
	}
	return "", "", nil, fmt.Errorf("the row has an unknown checksum %q", *r.Checksum)
}
