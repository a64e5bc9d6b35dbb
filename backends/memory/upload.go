package memory

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/partnumber"
)

// upload is an unfinished multipart upload.
type upload struct {
	key     string
	opts    dossier.PutOptions
	parts   map[int]part
	touched time.Time
	writing int // PutParts in progress
}

// part of an upload. Its content is never changed.
type part struct {
	dossier.Part
	content content
}

// CreateUpload implements [dossier.MultipartBackend]. opts.OnUploadID and opts.Progress are not called: the id is
// returned.
func (b *Backend) CreateUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	if err := b.check(ctx, dossier.CheckKey(key), dossier.CheckPutOptions(opts), b.Describe().Capabilities.CheckPut(opts)); err != nil {
		return dossier.Upload{}, fail("create upload", key, err)
	}
	opts.Progress, opts.OnUploadID, opts.Metadata = nil, nil, maps.Clone(opts.Metadata)
	opts.Expect = cloneChecksums(opts.Expect)
	id := rand.Text()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.open(); err != nil {
		return dossier.Upload{}, fail("create upload", key, err)
	}
	b.uploads[id] = &upload{key: key, opts: opts, parts: map[int]part{}, touched: time.Now()}
	return dossier.Upload{Key: key, ID: id}, nil
}

// cloneChecksums keeps what the caller may change afterwards out of the upload.
func cloneChecksums(c dossier.Checksums) dossier.Checksums {
	return dossier.Checksums{
		CRC32C: slices.Clone(c.CRC32C), CRC64NVME: slices.Clone(c.CRC64NVME),
		SHA256: slices.Clone(c.SHA256), MD5: slices.Clone(c.MD5),
	}
}

// findUpload returns an unfinished upload; one of another key does not exist. The caller holds the lock.
func (b *Backend) findUpload(want dossier.Upload) (*upload, error) {
	if err := b.open(); err != nil {
		return nil, err
	}
	if u, there := b.uploads[want.ID]; there && u.key == want.Key {
		return u, nil
	}
	return nil, fmt.Errorf("%w: there is no upload %q of this key", dossier.ErrNotExist, want.ID)
}

// end forgets an upload and its parts. The caller holds the lock.
func (b *Backend) end(id string, u *upload) {
	b.used -= u.size()
	delete(b.uploads, id)
}

func (u *upload) size() (size int64) {
	for _, p := range u.parts {
		size += p.Size
	}
	return size
}

// PutPart implements [dossier.MultipartBackend]. A part over the upload's MaxSize is dossier.ErrTooLarge at once.
func (b *Backend) PutPart(
	ctx context.Context, up dossier.Upload, number int, src dossier.Source,
) (dossier.Part, error) {
	if err := b.check(ctx, dossier.CheckKey(up.Key), checkPartNumbers(number)); err != nil {
		return dossier.Part{}, fail("put part", up.Key, err)
	}
	stored, err := b.putPart(ctx, up, number, src)
	return stored, fail("put part", up.Key, err)
}

func checkPartNumbers(numbers ...int) error {
	if problem := partnumber.Problem(dossier.MaxPartNumber, numbers...); problem != "" {
		return fmt.Errorf("%w: %s", dossier.ErrInvalid, problem)
	}
	return nil
}

func (b *Backend) putPart(
	ctx context.Context, up dossier.Upload, number int, src dossier.Source,
) (dossier.Part, error) {
	u, err := b.beginPart(up)
	if err != nil {
		return dossier.Part{}, err
	}
	defer b.endPart(u)
	o, err := b.read(ctx, src, dossier.PutOptions{MaxSize: u.opts.MaxSize})
	if err != nil {
		return dossier.Part{}, err
	}
	added := part{
		Part:    dossier.Part{Number: number, Size: o.content.size, ETag: o.info.ETag},
		content: o.content,
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.findUpload(up); err != nil {
		b.used -= added.Size
		return dossier.Part{}, err
	}
	b.used -= u.parts[number].Size
	u.parts[number] = added
	return added.Part, nil
}

func (b *Backend) beginPart(up dossier.Upload) (*upload, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, err := b.findUpload(up)
	if err == nil {
		u.writing++
	}
	return u, err
}

func (b *Backend) endPart(u *upload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u.writing--
	u.touched = time.Now()
}
