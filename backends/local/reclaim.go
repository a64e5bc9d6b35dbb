package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

// Reclaim implements [dossier.Reclaimer]: it removes the temporary files and unfinished uploads of writers that died.
// A file whose writer lives, in whatever process, is locked and stays, however old it is; so does an upload in which
// a part is being written or that is being completed. Age is that of the last change, by the clock of the file system.
func (b *Backend) Reclaim(ctx context.Context, olderThan time.Duration) (dossier.ReclaimReport, error) {
	var bad error
	if olderThan < 0 {
		bad = fmt.Errorf("%w: an age of %v", dossier.ErrInvalid, olderThan)
	}
	if err := b.begin(ctx, bad); err != nil {
		return dossier.ReclaimReport{}, b.fail("reclaim", "", err)
	}
	defer b.gate.leave()
	r := &reclaiming{b: b, ctx: ctx, before: time.Now().Add(-olderThan)}
	err := errors.Join(r.files(), r.uploads())
	return r.report, b.fail("reclaim", "", err)
}

// reclaiming is one Reclaim.
type reclaiming struct {
	b      *Backend
	ctx    context.Context //nolint:containedctx // lives as long as one Reclaim
	before time.Time
	report dossier.ReclaimReport
}

// files removes temporary files.
func (r *reclaiming) files() error {
	return r.each(r.b.scratch, func(found fs.DirEntry) error {
		if !found.Type().IsRegular() {
			return nil
		}
		return r.file(r.b.scratch, found.Name())
	})
}

// each calls do for everything in a folder and goes on after errors.
func (r *reclaiming) each(folder *os.Root, do func(fs.DirEntry) error) error {
	var failed error
	err := r.b.eachEntry(r.ctx, folder, func(found fs.DirEntry) {
		if err := do(found); err != nil {
			failed = errors.Join(failed, err)
		}
	})
	return errors.Join(err, failed)
}

// file removes one file that is old and has no writer.
func (r *reclaiming) file(folder *os.Root, name string) error {
	file, err := folder.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return ignoreAbsent(err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	stat, err := file.Stat()
	if err != nil || stat.ModTime().After(r.before) {
		return storeError(err)
	}
	if locked, err := tryLock(file); err != nil || !locked {
		return err
	}
	err = r.b.step("reclaim", "unlink", func() error { return folder.Remove(name) })
	if err != nil {
		return ignoreAbsent(err)
	}
	r.report.Files++
	if linkCount(stat) <= 1 { // else it was published by a link, and the bytes are those of an object
		r.report.Bytes += stat.Size()
	}
	return nil
}

// uploads removes unfinished uploads, and folders in which there is no upload.
func (r *reclaiming) uploads() error {
	folder, err := r.b.openUploads()
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // it was only read
	return r.each(folder, func(found fs.DirEntry) error {
		if !found.IsDir() {
			return nil
		}
		one, err := folder.OpenRoot(found.Name())
		if err != nil {
			return ignoreAbsent(err)
		}
		defer func() { _ = one.Close() }() // as above
		return r.upload(one, uploadPath(found.Name()))
	})
}

// upload removes one upload, if nothing in it is young or locked. The lock on the record keeps others out meanwhile.
func (r *reclaiming) upload(folder *os.Root, path string) error {
	record, err := folder.OpenFile(recordName, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return r.remains(folder, path)
	}
	if err != nil {
		return storeError(err)
	}
	defer func() { _ = record.Close() }() // it was not written
	if locked, err := tryLock(record); err != nil || !locked {
		return err
	}
	found, err := r.inspect(folder)
	if err != nil || found.busy {
		return err
	}
	if err := r.b.dropUpload("reclaim", path); err != nil {
		return err
	}
	r.report.Uploads++
	r.report.Files += found.files
	r.report.Bytes += found.bytes
	return nil
}

// contents of an upload's folder.
type contents struct {
	busy  bool // young, or in use
	files int  // parts and temporary files
	bytes int64
}

func (r *reclaiming) inspect(folder *os.Root) (c contents, err error) {
	stat, err := folder.Stat(".")
	if err != nil {
		return c, storeError(err)
	}
	c.busy = stat.ModTime().After(r.before)
	err = r.each(folder, func(found fs.DirEntry) error { return r.count(folder, found.Name(), &c) })
	return c, err
}

func (r *reclaiming) count(folder *os.Root, name string, c *contents) error {
	file, err := folder.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return ignoreAbsent(err)
	}
	defer func() { _ = file.Close() }() // it was not written
	stat, err := file.Stat()
	if err != nil {
		return storeError(err)
	}
	c.busy = c.busy || stat.ModTime().After(r.before)
	if strings.HasPrefix(name, tempPrefix) {
		locked, err := tryLock(file)
		c.busy = c.busy || !locked
		if err != nil {
			return err
		}
	}
	if name != recordName {
		c.files++
		c.bytes += stat.Size()
	}
	return nil
}

// remains removes what is left in a folder whose upload ended, or never began.
func (r *reclaiming) remains(folder *os.Root, path string) error {
	stat, err := folder.Stat(".")
	if err != nil || stat.ModTime().After(r.before) {
		return storeError(err)
	}
	if err := r.each(folder, func(found fs.DirEntry) error { return r.file(folder, found.Name()) }); err != nil {
		return err
	}
	if err := r.b.root.Remove(path); err != nil && !isFolderTaken(err) && !errors.Is(err, fs.ErrExist) {
		return ignoreAbsent(err)
	}
	return nil
}
