package local

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/dossier-go/dossier"
)

// List implements [dossier.Lister]. It reads one folder after the other, as far as the loop goes, and holds one folder
// of each level open. A folder is kept in memory up to 65,536 names; a larger one is read again for each further
// 65,536. Files that vanish meanwhile are left out; a file or folder that cannot be read is an error. opts.PageSize has
// no meaning here.
//
// With a delimiter, opts.After is compared with the folded entries.
func (b *Backend) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return func(yield func(dossier.Info, error) bool) {
		if err := b.begin(ctx, dossier.CheckListOptions(opts)); err != nil {
			yield(dossier.Info{}, b.fail("list", opts.Prefix, err))
			return
		}
		defer b.gate.leave()
		l := &listing{b: b, ctx: ctx, opts: opts, yield: yield}
		if err := l.run(); err != nil && !errors.Is(err, errStop) {
			yield(dossier.Info{}, b.fail("list", opts.Prefix, err))
		}
	}
}

// errStop ends a listing whose loop was left.
var errStop = errors.New("stop")

// listing is one List.
type listing struct {
	b     *Backend
	ctx   context.Context //nolint:containedctx // lives as long as one List
	opts  dossier.ListOptions
	yield func(dossier.Info, error) bool
}

// run begins in the deepest folder that the prefix names.
func (l *listing) run() error {
	err := l.b.parents(l.opts.Prefix)
	if err == nil {
		var folder *os.Root
		if folder, err = openBelow(l.b.root, folderOf(l.opts.Prefix)); err == nil {
			start := l.opts.Prefix[:strings.LastIndexByte(l.opts.Prefix, '/')+1]
			return errors.Join(l.folder(folder, start), folder.Close())
		}
	}
	if errors.Is(err, errAbsent) || isObstacle(err) {
		return l.b.alive()
	}
	return err
}

// folder yields what is in a folder; path is "" or ends with a slash.
func (l *listing) folder(folder *os.Root, path string) error {
	if path == "" {
		if err := l.b.alive(); err != nil {
			return err
		}
	}
	return l.b.inOrder(l.ctx, folder, func(e entry) bool { return l.wants(path, e) }, func(e entry) error {
		return l.entry(folder, path, e)
	})
}

// wants reports whether an entry, or something below it, is to be listed.
func (l *listing) wants(path string, e entry) bool {
	key := path + string(e)
	if !strings.HasPrefix(key, l.opts.Prefix) {
		return false
	}
	return key > l.opts.After || l.opts.Delimiter == "" && e.isFolder() && strings.HasPrefix(l.opts.After, key)
}

func (l *listing) entry(folder *os.Root, path string, e entry) error {
	if err := dossier.ContextError(l.ctx); err != nil {
		return err
	}
	key := path + e.name()
	if checkKey(key) != nil {
		return nil // not ours, the folder .dossier among them
	}
	if !e.isFolder() {
		info, err := l.b.listed(folder, e.name(), key)
		if err != nil {
			return err
		}
		return l.emit(info)
	}
	below, err := openBelow(folder, e.name())
	if err != nil {
		return ignoreNoObject(err)
	}
	if l.opts.Delimiter == "" {
		err = l.folder(below, key+"/")
	} else {
		err = l.fold(below, key+"/")
	}
	return errors.Join(err, below.Close())
}

func (l *listing) emit(info dossier.Info) error {
	if info.Key != "" && !l.yield(info, nil) {
		return errStop
	}
	return nil
}

// fold yields one entry for a folder if there is an object in it.
func (l *listing) fold(folder *os.Root, path string) error {
	probe := &listing{b: l.b, ctx: l.ctx, yield: func(dossier.Info, error) bool { return false }}
	err := probe.folder(folder, path)
	if errors.Is(err, errStop) {
		return l.emit(dossier.Info{Key: path, IsPrefix: true})
	}
	return err
}

// listed describes a file in a folder; it has no key if it is no object any more.
func (b *Backend) listed(folder *os.Root, name, key string) (dossier.Info, error) {
	file, err := folder.OpenFile(name, openFlags, 0)
	if err != nil {
		return dossier.Info{}, ignoreNoObject(absentOr(err))
	}
	h, err := b.examineFile(key, file)
	if err != nil {
		return dossier.Info{}, ignoreNoObject(err)
	}
	h.close()
	return h.info, nil
}

// openBelow opens a folder in a folder; errAbsent if it is none any more.
func openBelow(folder *os.Root, name string) (*os.Root, error) {
	below, err := folder.OpenRoot(name)
	if err == nil {
		return below, nil
	}
	if stat, err := folder.Lstat(name); err == nil && !stat.IsDir() {
		return nil, errAbsent
	}
	return nil, absentOr(err)
}

func ignoreNoObject(err error) error {
	if errors.Is(err, errAbsent) || isObstacle(err) {
		return nil
	}
	return err
}

// entry is a name in a folder, with a slash behind it if it is itself a folder: so the order of entries is that of keys,
// and "a-b" comes before what is in "a".
type entry string

func (e entry) isFolder() bool { return strings.HasSuffix(string(e), "/") }

func (e entry) name() string { return strings.TrimSuffix(string(e), "/") }

// newEntry returns the entry of a file or folder; ok is false for everything else.
func newEntry(found fs.DirEntry) (e entry, ok bool) {
	if found.IsDir() {
		return entry(found.Name() + "/"), true
	}
	return entry(found.Name()), found.Type().IsRegular()
}
