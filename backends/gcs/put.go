package gcs

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"io"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier"
)

// scratchSize is the most bytes that are read before a place in the room is taken, so that a slow source takes none before it has
// sent something, and small objects never do.
const scratchSize = 64 << 10

// Put implements [dossier.Backend]. An object of at most Config.PartSize bytes is read into memory, then sent with its
// checksum in one request, which is repeated when it fails; a larger one is a resumable upload in chunks of that size,
// whose last request carries the checksum. There is never a multipart upload in it, so opts.OnUploadID is not called. A
// resumable upload that failed is invisible and free of charge, and is forgotten by the store after a week.
func (b *Backend) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if err := b.check(ctx, dossier.CheckKey(key), dossier.CheckPutOptions(opts), b.capabilities().CheckPut(opts)); err != nil {
		return dossier.Info{}, fail("put", key, err)
	}
	info, err := b.put(ctx, key, src, opts)
	if err != nil {
		return dossier.Info{}, fail("put", key, err)
	}
	return info, nil
}

func (b *Backend) put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	w, err := b.newWrite(key, opts)
	if err != nil {
		return dossier.Info{}, err
	}
	if src.Size() > maxObject {
		return dossier.Info{}, fmt.Errorf("%w: %d bytes; the store takes %d", dossier.ErrTooLarge, src.Size(), int64(maxObject))
	}
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return dossier.Info{}, err
	}
	defer func() { _ = in.Close() }() // all its bytes were read and checked, or the write failed anyway
	attrs, err := b.store(ctx, w, in, src.Size())
	if err != nil {
		return dossier.Info{}, err
	}
	return infoOf(attrs), nil
}

// write is one change of one key, with the id by which it is known again.
type write struct {
	key    string
	cond   dossier.Condition
	object *storage.ObjectHandle // with the condition
	attrs  storage.ObjectAttrs
	putID  string
}

func (b *Backend) newWrite(key string, opts dossier.PutOptions) (*write, error) {
	putID := orElse(opts.PutID, rand.Text())
	w := &write{key: key, cond: opts.If, putID: putID, attrs: attributesOf(key, opts.Header, opts.Metadata, putID)}
	w.attrs.StorageClass = orElse(opts.Class, b.cfg.Class)
	w.attrs.PredefinedACL = predefinedACL(orElse(opts.ACL, b.cfg.ACL))
	return w, b.bind(w)
}

// bind gives the write its handle.
func (b *Backend) bind(w *write) (err error) {
	w.object, err = withCondition(b.changing(w.key), w.cond)
	return err
}

// store reads the source into memory as far as that is allowed, and sends it.
func (b *Backend) store(ctx context.Context, w *write, in *dossier.Incoming, size int64) (*storage.ObjectAttrs, error) {
	scratch := b.scratch.Get().(*[scratchSize]byte) //nolint:forcetypeassert // the pool's own
	defer b.scratch.Put(scratch)
	n, ended, err := fill(in, scratch[:])
	switch {
	case err != nil:
		return nil, err
	case ended:
		return b.sendWhole(ctx, w, scratch[:n])
	}
	if err := take(ctx, b.room.places); err != nil {
		return nil, err
	}
	defer give(b.room.places)
	if size > b.cfg.PartSize {
		return b.sendChunks(ctx, w, in, [][]byte{scratch[:n]}, func() {})
	}
	return b.storeBuffered(ctx, w, in, scratch[:n])
}

// storeBuffered goes on in a buffer, and with chunks if the source does not fit it.
func (b *Backend) storeBuffered(ctx context.Context, w *write, in *dossier.Incoming, head []byte) (*storage.ObjectAttrs, error) {
	buffer := b.room.buffers.Get().(*[]byte) //nolint:forcetypeassert // the pool's own
	kept := true
	release := func() {
		if kept {
			kept = false
			b.room.buffers.Put(buffer)
		}
	}
	defer release()
	content := *buffer
	n, ended, err := fill(in, content[copy(content, head):])
	n += len(head)
	var more [1]byte
	extra := 0
	if err == nil && !ended { // the buffer is full; is there more?
		extra, ended, err = fill(in, more[:])
	}
	switch {
	case err != nil:
		return nil, err
	case ended && extra == 0:
		return b.sendWhole(ctx, w, content[:n])
	}
	if err := take(ctx, b.room.handover); err != nil {
		return nil, err
	}
	held := true
	done := func() {
		if held {
			held = false
			release()
			give(b.room.handover)
		}
	}
	defer done()
	return b.sendChunks(ctx, w, in, [][]byte{content, more[:extra]}, done)
}

// fill reads until the buffer is full or the source has ended.
func fill(in io.Reader, buffer []byte) (n int, ended bool, err error) {
	for n < len(buffer) {
		var more int
		more, err = in.Read(buffer[n:])
		n += more
		if err == io.EOF { //nolint:errorlint // only io.EOF itself is the end
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// sendWhole sends content in one request, until it is there.
func (b *Backend) sendWhole(ctx context.Context, w *write, content []byte) (attrs *storage.ObjectAttrs, err error) {
	sum := crc32.Checksum(content, castagnoli)
	lost, err := retry(ctx, b.cfg.pause, func() (err error) {
		attrs, err = b.insert(ctx, w, content, sum)
		return err
	})
	attrs, err = b.settle(ctx, w, attrs, lost, err)
	return attrs, forgotten(err)
}

// castagnoli is the polynomial of CRC32C: RFC 3720, section 12.1.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)
