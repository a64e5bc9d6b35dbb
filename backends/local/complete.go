package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/dossier-go/dossier"
)

// CompleteUpload implements [dossier.MultipartBackend]. The parts are copied into one new file, whose checksum is taken
// on the way, as Put does. After an error the upload is as it was. If the process dies, or the removal fails, after the
// object became visible, the parts are left to Reclaim and the upload is still listed.
func (b *Backend) CompleteUpload(ctx context.Context, up dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	if err := b.begin(ctx, checkKey(up.Key), checkPartNumbers(partNumbersOf(parts)...)); err != nil {
		return dossier.Info{}, b.fail("complete upload", up.Key, err)
	}
	defer b.gate.leave()
	info, err := b.complete(ctx, up, parts)
	if err != nil {
		return dossier.Info{}, b.fail("complete upload", up.Key, err)
	}
	return info, nil
}

func partNumbersOf(parts []dossier.Part) []int {
	numbers := make([]int, 0, len(parts))
	for _, part := range parts {
		numbers = append(numbers, part.Number)
	}
	return numbers
}

func (b *Backend) complete(ctx context.Context, up dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	u, err := b.lockUpload(ctx, up)
	if err != nil {
		return dossier.Info{}, err
	}
	defer u.close()
	size, err := b.checkParts(u.folder, parts)
	if err != nil {
		return dossier.Info{}, err
	}
	if err := b.checkCondition(up.Key, u.If); err != nil {
		return dossier.Info{}, err
	}
	src := dossier.OpenerSource(func() (io.ReadCloser, error) {
		return &joinedParts{b: b, folder: u.folder, rest: parts}, nil
	}, size)
	info, err := b.write(ctx, "complete", up.Key, src, u.options())
	if err == nil {
		_ = b.dropUpload("complete", u.folder) // the object is there; what stays of the upload is Reclaim's
	}
	return info, err
}

// checkParts compares the named parts with the stored ones and returns their size together.
func (b *Backend) checkParts(folder string, parts []dossier.Part) (size int64, err error) {
	for _, part := range parts {
		stored, err := b.partOf(folder, part.Number)
		if errors.Is(err, errAbsent) {
			return 0, fmt.Errorf("%w: part %d was not stored", dossier.ErrInvalid, part.Number)
		}
		if err != nil {
			return 0, err
		}
		if stored.ETag != part.ETag {
			return 0, fmt.Errorf("%w: part %d has the ETag %s, not %s", dossier.ErrInvalid, part.Number, stored.ETag, part.ETag)
		}
		size += stored.Size
	}
	return size, nil
}

// joinedParts reads parts one after the other and verifies each one's checksum.
type joinedParts struct {
	b       *Backend
	folder  string
	rest    []dossier.Part
	current *dossier.Object
}

func (j *joinedParts) Read(p []byte) (int, error) {
	for {
		if j.current == nil {
			if len(j.rest) == 0 {
				return 0, io.EOF
			}
			if err := j.next(); err != nil {
				return 0, err
			}
		}
		n, err := j.current.Read(p)
		if err == io.EOF { //nolint:errorlint // the part's end itself
			err = j.Close()
			j.current = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (j *joinedParts) next() error {
	h, err := j.b.openPart(j.folder, j.rest[0].Number)
	if err != nil {
		return fmt.Errorf("%w: part %d: %s", dossier.ErrUnavailable, j.rest[0].Number, err.Error())
	}
	j.rest = j.rest[1:]
	j.current = dossier.NewObject(h.info, 0, h.info.Size, h.file).Verified()
	return nil
}

// Close closes the part that is being read.
func (j *joinedParts) Close() error {
	if j.current == nil {
		return nil
	}
	return j.current.Close()
}

// AbortUpload implements [dossier.MultipartBackend].
func (b *Backend) AbortUpload(ctx context.Context, up dossier.Upload) error {
	if err := b.begin(ctx, checkKey(up.Key)); err != nil {
		return b.fail("abort upload", up.Key, err)
	}
	defer b.gate.leave()
	u, err := b.lockUpload(ctx, up)
	if errors.Is(err, dossier.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer u.close()
		err = b.dropUpload("abort", u.folder)
	}
	return b.fail("abort upload", up.Key, err)
}

// Uploads implements [dossier.MultipartBackend]. It holds up to 65,536 uploads in memory and reads the folder again
// for more.
func (b *Backend) Uploads(ctx context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	return func(yield func(dossier.Upload, error) bool) {
		if err := b.begin(ctx, dossier.CheckPrefix(prefix)); err != nil {
			yield(dossier.Upload{}, b.fail("list uploads", prefix, err))
			return
		}
		defer b.gate.leave()
		w := window[dossier.Upload]{size: windowSize, compare: compareUploads}
		err := w.each(func(add func(dossier.Upload)) error {
			return b.scanUploads(ctx, prefix, add)
		}, func(up dossier.Upload) error {
			if !yield(up, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(dossier.Upload{}, b.fail("list uploads", prefix, err))
		}
	}
}

func compareUploads(a, b dossier.Upload) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
}

// scanUploads delivers the unfinished uploads in no order.
func (b *Backend) scanUploads(ctx context.Context, prefix string, add func(dossier.Upload)) (err error) {
	folder, err := b.openUploads()
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // it was only read
	var damaged error
	err = b.eachEntry(ctx, folder, func(found fs.DirEntry) {
		u := &upload{}
		file, err := folder.Open(found.Name() + "/" + recordName)
		if err != nil {
			damaged = errors.Join(damaged, ignoreNoObject(absentOr(err)))
			return
		}
		u.file = file
		defer u.close()
		if err := u.read(); err != nil {
			damaged = errors.Join(damaged, ignoreNoObject(err))
		} else if strings.HasPrefix(u.Key, prefix) {
			add(dossier.Upload{Key: u.Key, ID: found.Name()})
		}
	})
	return errors.Join(err, damaged)
}

func (b *Backend) openUploads() (*os.Root, error) {
	folder, err := b.root.OpenRoot(uploadFolder)
	if err != nil {
		return nil, b.containerError(absentOr(err))
	}
	return folder, nil
}
