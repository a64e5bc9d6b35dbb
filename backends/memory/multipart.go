package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

// Parts implements [dossier.MultipartBackend].
func (b *Backend) Parts(ctx context.Context, up dossier.Upload) iter.Seq2[dossier.Part, error] {
	return each(func() ([]dossier.Part, error) {
		if err := b.check(ctx, dossier.CheckKey(up.Key)); err != nil {
			return nil, fail("list parts", up.Key, err)
		}
		b.mu.RLock()
		defer b.mu.RUnlock()
		u, err := b.findUpload(up)
		if err != nil {
			return nil, fail("list parts", up.Key, err)
		}
		var parts []dossier.Part
		for _, number := range slices.Sorted(maps.Keys(u.parts)) {
			parts = append(parts, u.parts[number].Part)
		}
		return parts, nil
	})
}

// Uploads implements [dossier.MultipartBackend].
func (b *Backend) Uploads(ctx context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	return each(func() ([]dossier.Upload, error) {
		if err := b.check(ctx, dossier.CheckPrefix(prefix)); err != nil {
			return nil, fail("list uploads", prefix, err)
		}
		b.mu.RLock()
		defer b.mu.RUnlock()
		var found []dossier.Upload
		for id, u := range b.uploads {
			if strings.HasPrefix(u.key, prefix) {
				found = append(found, dossier.Upload{Key: u.key, ID: id})
			}
		}
		slices.SortFunc(found, func(a, b dossier.Upload) int {
			return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID))
		})
		return found, nil
	})
}

// each yields what list returns when the loop begins.
func each[T any](list func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		all, err := list()
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// CompleteUpload implements [dossier.MultipartBackend]. The object shares the bytes of the parts. After an error the
// upload is as it was.
func (b *Backend) CompleteUpload(ctx context.Context, up dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	if err := b.check(ctx, dossier.CheckKey(up.Key), checkPartNumbers(partNumbersOf(parts)...)); err != nil {
		return dossier.Info{}, fail("complete upload", up.Key, err)
	}
	info, err := b.complete(ctx, up, parts)
	if err != nil {
		return dossier.Info{}, fail("complete upload", up.Key, err)
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
	c, opts, err := b.join(up, parts)
	if err != nil {
		return dossier.Info{}, err
	}
	crc32c, err := verify(ctx, c, opts)
	if err != nil {
		return dossier.Info{}, err
	}
	o := newObject(c, opts, crc32c)
	b.mu.Lock()
	defer b.mu.Unlock()
	u, err := b.findUpload(up)
	if err == nil {
		_, err = u.join(parts) // nobody exchanged a part meanwhile
	}
	if err == nil {
		err = errors.Join(dossier.ContextError(ctx), b.allows(up.Key, opts.If))
	}
	if err != nil {
		return dossier.Info{}, err
	}
	b.used += c.size
	b.end(up.ID, u)
	return b.set(up.Key, o), nil
}

func (b *Backend) join(up dossier.Upload, parts []dossier.Part) (content, dossier.PutOptions, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	u, err := b.findUpload(up)
	if err != nil {
		return content{}, dossier.PutOptions{}, err
	}
	c, err := u.join(parts)
	return c, u.opts, err
}

// join puts the named parts together, if they are those that were stored.
func (u *upload) join(parts []dossier.Part) (c content, err error) {
	for _, named := range parts {
		stored, there := u.parts[named.Number]
		if !there {
			return c, fmt.Errorf("%w: part %d was not stored", dossier.ErrInvalid, named.Number)
		}
		if stored.ETag != named.ETag {
			return c, fmt.Errorf("%w: part %d has the ETag %s, not %s", dossier.ErrInvalid, named.Number, stored.ETag, named.ETag)
		}
		c.pieces = append(c.pieces, stored.content.pieces...)
		c.size += stored.Size
	}
	return c, nil
}

// verify checks the limits and checksums of an upload's options and returns the CRC32C of the whole.
func verify(ctx context.Context, c content, opts dossier.PutOptions) (crc32c []byte, err error) {
	src := dossier.OpenerSource(func() (io.ReadCloser, error) { return c.reader(0, c.size), nil }, c.size)
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // memory
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, err
	}
	return in.Checksums().CRC32C, nil
}

// AbortUpload implements [dossier.MultipartBackend].
func (b *Backend) AbortUpload(ctx context.Context, up dossier.Upload) error {
	if err := b.check(ctx, dossier.CheckKey(up.Key)); err != nil {
		return fail("abort upload", up.Key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if u, err := b.findUpload(up); err == nil {
		b.end(up.ID, u)
	}
	return nil
}

// Reclaim implements [dossier.Reclaimer]. There are no temporary files here: it drops unfinished uploads that are older
// and in which no part is being written.
func (b *Backend) Reclaim(ctx context.Context, olderThan time.Duration) (report dossier.ReclaimReport, err error) {
	var bad error
	if olderThan < 0 {
		bad = fmt.Errorf("%w: an age of %v", dossier.ErrInvalid, olderThan)
	}
	if err := b.check(ctx, bad); err != nil {
		return report, fail("reclaim", "", err)
	}
	before := time.Now().Add(-olderThan)
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, u := range b.uploads {
		if u.writing > 0 || u.touched.After(before) {
			continue
		}
		report.Uploads++
		report.Files += len(u.parts)
		report.Bytes += u.size()
		b.end(id, u)
	}
	return report, nil
}
