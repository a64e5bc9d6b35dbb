package gcs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/partnumber"
)

// partName is where a part lies. Names are in the order of the numbers.
func partName(id string, number int) string { return fmt.Sprintf("%s%s/%05d", partsPrefix, id, number) }

// partOf describes a stored part. Its ETag names its content.
func partOf(number int, attrs *storage.ObjectAttrs) dossier.Part {
	name := hex.EncodeToString(attrs.MD5)
	if name == "" {
		name = string(versionOf(attrs.Generation))
	}
	return dossier.Part{Number: number, Size: attrs.Size, ETag: `"` + name + `"`}
}

func checkPartNumbers(numbers ...int) error {
	if problem := partnumber.Problem(dossier.MaxPartNumber, numbers...); problem != "" {
		return fmt.Errorf("%w: %s", dossier.ErrInvalid, problem)
	}
	return nil
}

// PutPart implements [dossier.MultipartBackend]. A part over the upload's MaxSize is [dossier.ErrTooLarge] at once.
func (b *Backend) PutPart(
	ctx context.Context, up dossier.Upload, number int, src dossier.Source,
) (dossier.Part, error) {
	err := b.check(ctx, dossier.CheckKey(up.Key), checkPartNumbers(number), b.checkMultipart())
	if err != nil {
		return dossier.Part{}, fail("put part", up.Key, err)
	}
	part, err := b.putPart(ctx, up, number, src)
	return part, fail("put part", up.Key, err)
}

func (b *Backend) putPart(ctx context.Context, up dossier.Upload, number int, src dossier.Source) (dossier.Part, error) {
	u, err := b.load(ctx, up)
	if err != nil {
		return dossier.Part{}, err
	}
	w, err := b.newWrite(partName(u.id, number), dossier.PutOptions{Class: u.Class})
	if err != nil {
		return dossier.Part{}, err
	}
	w.attrs.PredefinedACL = ""
	in, err := dossier.Receive(ctx, src, dossier.PutOptions{MaxSize: u.MaxSize})
	if err != nil {
		return dossier.Part{}, err
	}
	defer func() { _ = in.Close() }() // all its bytes were read and checked, or the write failed anyway
	attrs, err := b.store(ctx, w, in, src.Size())
	if err != nil {
		return dossier.Part{}, err
	}
	if _, err := b.stat(ctx, uploadsPrefix+u.id); errors.Is(err, dossier.ErrNotExist) { // it ended meanwhile
		later, cancel := detached(ctx)
		defer cancel()
		return dossier.Part{}, errors.Join(noUpload(u.id), b.delete(later, w.key, dossier.Condition{}))
	}
	return partOf(number, attrs), nil
}

// Parts implements [dossier.MultipartBackend].
func (b *Backend) Parts(ctx context.Context, up dossier.Upload) iter.Seq2[dossier.Part, error] {
	return func(yield func(dossier.Part, error) bool) {
		err := b.check(ctx, dossier.CheckKey(up.Key), b.checkMultipart())
		if err == nil {
			_, err = b.load(ctx, up)
		}
		if err == nil {
			err = b.parts(ctx, up.ID, func(number int, attrs *storage.ObjectAttrs) bool {
				return yield(partOf(number, attrs), nil)
			})
		}
		if err != nil {
			yield(dossier.Part{}, fail("list parts", up.Key, err))
		}
	}
}

// parts calls yield with the stored parts by number, until it returns false.
func (b *Backend) parts(ctx context.Context, id string, yield func(int, *storage.ObjectAttrs) bool) error {
	prefix := partsPrefix + id + "/"
	for page, err := range b.pages(ctx, onlyNames(prefix, 0), 0) {
		if err != nil {
			return err
		}
		for _, attrs := range page {
			number, err := strconv.Atoi(strings.TrimPrefix(attrs.Name, prefix))
			if err == nil && attrs.Name == partName(id, number) && !yield(number, attrs) {
				return nil
			}
		}
	}
	return nil
}
