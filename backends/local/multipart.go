package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/partnumber"
)

// CreateUpload implements [dossier.MultipartBackend]. The upload is a folder in .dossier/uploads, so that any process
// can go on with it. opts.OnUploadID and opts.Progress are not called: the id is returned.
func (b *Backend) CreateUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	err := b.begin(ctx, checkKey(key), dossier.CheckPutOptions(opts), b.Describe().Capabilities.CheckPut(opts), b.keeps(opts.Header, opts.Metadata, opts.PutID))
	if err != nil {
		return dossier.Upload{}, b.fail("create upload", key, err)
	}
	defer b.gate.leave()
	r := record{
		Key: key, If: opts.If, MaxSize: opts.MaxSize, Expect: opts.Expect,
		Header: header(opts.Header), Metadata: maps.Clone(opts.Metadata), PutID: opts.PutID,
	}
	for range attempts {
		id := rand.Text()
		err = b.newUpload(id, r)
		if err == nil {
			return dossier.Upload{Key: key, ID: id}, nil
		}
		if !errors.Is(err, errAbsent) {
			return dossier.Upload{}, b.fail("create upload", key, err)
		}
	}
	return dossier.Upload{}, b.fail("create upload", key, b.containerError(errAbsent))
}

// PutPart implements [dossier.MultipartBackend]. A part over the upload's MaxSize is dossier.ErrTooLarge at once.
func (b *Backend) PutPart(
	ctx context.Context, up dossier.Upload, number int, src dossier.Source,
) (dossier.Part, error) {
	if err := b.begin(ctx, checkKey(up.Key), checkPartNumbers(number)); err != nil {
		return dossier.Part{}, b.fail("put part", up.Key, err)
	}
	defer b.gate.leave()
	part, err := b.putPart(ctx, up, number, src)
	if err != nil {
		return dossier.Part{}, b.fail("put part", up.Key, err)
	}
	return part, nil
}

func checkPartNumbers(numbers ...int) error {
	if problem := partnumber.Problem(dossier.MaxPartNumber, numbers...); problem != "" {
		return fmt.Errorf("%w: %s", dossier.ErrInvalid, problem)
	}
	return nil
}

func (b *Backend) putPart(
	ctx context.Context, up dossier.Upload, number int, src dossier.Source,
) (part dossier.Part, err error) {
	u, err := b.openUpload(up)
	if err != nil {
		return dossier.Part{}, err
	}
	u.close()
	in, err := dossier.Receive(ctx, src, dossier.PutOptions{MaxSize: u.MaxSize})
	if err != nil {
		return dossier.Part{}, err
	}
	defer func() { _ = in.Close() }() // as in Put
	t, err := b.newTemp("part", u.folder)
	if errors.Is(err, errAbsent) {
		return dossier.Part{}, b.noUpload(up)
	}
	if err != nil {
		return dossier.Part{}, err
	}
	defer func() { err = t.finish(err) }()
	if err := t.write(func() error { return t.pour(in) }); err != nil {
		return dossier.Part{}, err
	}
	if err := t.seal(attributes{ID: rand.Text(), CRC32C: in.Checksums().CRC32C}); err != nil {
		return dossier.Part{}, err
	}
	return b.addPart(ctx, up, number, t)
}

// addPart gives the file its place among the parts, if the upload still exists.
func (b *Backend) addPart(ctx context.Context, up dossier.Upload, number int, t *temp) (dossier.Part, error) {
	u, err := b.lockUpload(ctx, up)
	if err != nil {
		return dossier.Part{}, err
	}
	defer u.close()
	if err := t.rename(partPath(u.folder, number)); err != nil {
		return dossier.Part{}, storeError(err)
	}
	if err := b.syncNames("part", partPath(u.folder, number)); err != nil {
		return dossier.Part{}, err
	}
	return b.partOf(u.folder, number)
}

// partOf describes a stored part; errAbsent if there is none.
func (b *Backend) partOf(folder string, number int) (dossier.Part, error) {
	h, err := b.openPart(folder, number)
	if err != nil {
		return dossier.Part{}, err
	}
	h.close()
	return dossier.Part{Number: number, Size: h.info.Size, ETag: h.info.ETag}, nil
}

func (b *Backend) openPart(folder string, number int) (*handle, error) {
	file, err := b.root.OpenFile(partPath(folder, number), openFlags, 0)
	if err != nil {
		return nil, absentOr(err)
	}
	return b.examineFile(partName(number), file)
}

// Parts implements [dossier.MultipartBackend].
func (b *Backend) Parts(ctx context.Context, up dossier.Upload) iter.Seq2[dossier.Part, error] {
	return func(yield func(dossier.Part, error) bool) {
		if err := b.begin(ctx, checkKey(up.Key)); err != nil {
			yield(dossier.Part{}, b.fail("list parts", up.Key, err))
			return
		}
		defer b.gate.leave()
		if err := b.eachPart(ctx, up, yield); err != nil {
			yield(dossier.Part{}, b.fail("list parts", up.Key, err))
		}
	}
}

func (b *Backend) eachPart(ctx context.Context, up dossier.Upload, yield func(dossier.Part, error) bool) error {
	u, err := b.openUpload(up)
	if err != nil {
		return err
	}
	u.close()
	numbers, err := b.partNumbers(ctx, u.folder)
	if err != nil {
		return err
	}
	for _, number := range numbers {
		part, err := b.partOf(u.folder, number)
		if errors.Is(err, errAbsent) {
			continue // the upload ended meanwhile
		}
		if err != nil {
			return err
		}
		if !yield(part, nil) {
			return nil
		}
	}
	return nil
}

// partNumbers lists the stored parts in order; there are never more than dossier.MaxPartNumber.
func (b *Backend) partNumbers(ctx context.Context, path string) (numbers []int, err error) {
	folder, err := b.root.OpenRoot(path)
	if err != nil {
		return nil, ignoreAbsent(err)
	}
	defer func() { _ = folder.Close() }() // it was only read
	err = b.eachEntry(ctx, folder, func(found fs.DirEntry) {
		digits, ok := strings.CutPrefix(found.Name(), partPrefix)
		number, err := strconv.Atoi(digits)
		if ok && err == nil && checkPartNumbers(number) == nil && partName(number) == found.Name() {
			numbers = append(numbers, number)
		}
	})
	slices.Sort(numbers)
	return numbers, err
}
