package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/dossier-go/dossier"
)

// facts are what the file system was found to do.
type facts struct {
	attributes int  // largest extended attribute in bytes; 0: none
	syncs      bool // files and folders can be synced, and are
	links      bool // hard links, so that create-only is the kernel's own
	folds      bool // two spellings are one name
}

// attributeSizes that are tried, largest first: the most that header and metadata can need, what ext4 keeps, and what
// is enough for all but long header fields.
var attributeSizes = []int{16 << 10, 3900, 2 << 10}

func (f facts) check(cfg Config) error {
	if f.folds && !cfg.AllowFoldedNames {
		return fmt.Errorf("%w: the file system folds names (case or Unicode), so two keys could be one object; "+
			"use another volume, or set AllowFoldedNames", errors.ErrUnsupported)
	}
	if f.attributes == 0 && cfg.Attributes == AttributesRequired {
		return fmt.Errorf("%w: the file system has no extended attributes (user.*); use another volume, or AttributesAuto",
			errors.ErrUnsupported)
	}
	return nil
}

// examine tries the file system with files in .dossier/tmp and removes them.
func (b *Backend) examine() (f facts, err error) {
	t, err := b.newTemp("open", scratchFolder)
	if err != nil {
		return facts{}, b.containerError(err)
	}
	defer func() { err = t.finish(err) }()
	if b.cfg.Attributes != AttributesNone {
		f.attributes = largestAttribute(t.file)
	}
	if f.syncs, err = b.examineSync(t.file); err != nil {
		return f, storeError(err)
	}
	f.folds = b.found(strings.ToUpper(t.name)) // tmp- is lower case
	return f, storeError(b.examineLink(t.name, &f))
}

func (b *Backend) found(name string) bool {
	_, err := b.scratch.Lstat(name)
	return err == nil
}

func largestAttribute(file *os.File) int {
	for _, size := range attributeSizes {
		if setAttribute(file, make([]byte, size)) == nil {
			return size
		}
	}
	return 0
}

func (b *Backend) examineSync(file *os.File) (bool, error) {
	if b.cfg.Durability == Fast {
		return false, nil
	}
	folder, err := b.scratch.Open(".")
	if err != nil {
		return false, err
	}
	err = errors.Join(file.Sync(), folder.Sync())
	closed := folder.Close()
	return err == nil, errors.Join(ignoreNoSync(err), closed)
}

// examineLink makes a link twice: a file system without links refuses the first, an unsound one makes the second. The
// link's name shows whether two Unicode spellings are one.
func (b *Backend) examineLink(name string, f *facts) error {
	link := name + "-é"
	if err := b.scratch.Link(name, link); err != nil {
		return nil //nolint:nilerr // that there are no links is the answer
	}
	f.links = errors.Is(b.scratch.Link(name, link), fs.ErrExist)
	f.folds = f.folds || b.found(name+"-e\u0301")
	return b.scratch.Remove(link)
}

// ignoreNoSync drops the error of a file system that has no sync: there is nothing more to do, and Describe does not
// promise Durable there.
func ignoreNoSync(err error) error {
	if isOneOf(err, syscall.EINVAL, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// Probe implements [dossier.Prober]: it tries the file system again, with files in .dossier/tmp.
func (b *Backend) Probe(ctx context.Context) (dossier.Description, error) {
	if err := b.begin(ctx); err != nil {
		return dossier.Description{}, b.fail("probe", "", err)
	}
	defer b.gate.leave()
	if err := b.alive(); err != nil {
		return dossier.Description{}, b.fail("probe", "", err)
	}
	found, err := b.examine()
	if err != nil {
		return dossier.Description{}, b.fail("probe", "", err)
	}
	return b.description(found), nil
}
