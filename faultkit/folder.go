package faultkit

import (
	"context"
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

// Inventory looks into a store without any code of this module. Package faultkit/inventory has those of the clouds.
type Inventory interface {
	// Objects returns the keys of all objects, and what is stored beside them: temporary files, unfinished uploads.
	Objects(ctx context.Context) (keys, leftover []string, err error)
	// Open reads an object. A missing one is an error that Is [fs.ErrNotExist].
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// folder is the inventory of a local backend: a plain walk of its folder.
type folder string

// own is the folder's own part, where a local backend keeps its identity, its locks and what is not finished.
const own = ".dossier"

// Objects implements [Inventory].
func (f folder) Objects(context.Context) (keys, leftover []string, err error) {
	err = filepath.WalkDir(string(f), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		key, err := filepath.Rel(string(f), path)
		if err != nil {
			return err
		}
		key = filepath.ToSlash(key)
		rest, inside := strings.CutPrefix(key, own+"/")
		switch {
		case !inside:
			keys = append(keys, key)
		case rest != "store" && !strings.HasPrefix(rest, "locks/"):
			leftover = append(leftover, key)
		}
		return nil
	})
	return keys, leftover, err
}

// Open implements [Inventory].
func (f folder) Open(_ context.Context, key string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(string(f), filepath.FromSlash(key)))
}

// shelf is an inventory while it is compared.
type shelf struct {
	ctx   context.Context //nolint:containedctx // lives as long as one check
	store Inventory
	keys  map[string]bool
}

// verify compares an object with its record: size, and checksum if the record has one.
func (s shelf) verify(key string, r record) (err error) {
	object, err := s.store.Open(s.ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, object.Close()) }()
	algorithm, want, sum, err := r.expected()
	if err != nil {
		return err
	}
	size, err := io.Copy(sum, object)
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
