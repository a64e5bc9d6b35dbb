package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/uploader"
)

// Put implements [dossier.Backend]. Content up to one part goes in one request, more in a multipart upload. The answer to
// a write has no time of change: Info.ModTime is the server's time of the answer, which Stat may have a little earlier. When
// a write's answer is lost, the put-id tells whether the object is this write's.
func (b *Backend) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if err := b.check(ctx, b.checkPut(key, opts)); err != nil {
		return dossier.Info{}, fail("put", key, err)
	}
	w, err := b.newWrite(key, opts)
	if err != nil {
		return dossier.Info{}, fail("put", key, err)
	}
	info, err := b.put(ctx, w, src, opts)
	if err != nil {
		return dossier.Info{}, fail("put", key, err)
	}
	return info, nil
}

func (b *Backend) checkPut(key string, opts dossier.PutOptions) error {
	if err := errors.Join(dossier.CheckKey(key), dossier.CheckPutOptions(opts)); err != nil {
		return err
	}
	return errors.Join(b.capabilities.CheckPut(opts), checkStored(opts.Metadata, opts.PutID))
}

func (b *Backend) put(ctx context.Context, w *write, src dossier.Source, opts dossier.PutOptions) (info dossier.Info, err error) {
	if src.Size() > b.limits.maxObject {
		return info, fmt.Errorf("%w: %d bytes; an object has at most %d", dossier.ErrTooLarge, src.Size(), b.limits.maxObject)
	}
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return info, err
	}
	defer func() { _ = in.Close() }() // all its bytes were read and checked, or the write failed anyway
	source := uploader.Source{Reader: in, Size: src.Size(), Interrupt: func() { _ = in.Close() }}
	at, ok, err := b.cfg.Checksum.readerAt(src)
	if err != nil {
		return info, err
	}
	if ok {
		defer func() { _ = at.Close() }() // only read from
		source.At = at
	}
	t := &putTarget{write: w, announce: opts.OnUploadID}
	defer func() { b.writing.end(t.id) }()
	err = uploader.Upload(ctx, b.pool, b.plan(), source, t)
	if err != nil {
		return info, t.failed(ctx, err)
	}
	return w.described(), nil
}

// plan is how sources are cut.
func (b *Backend) plan() uploader.Plan {
	return uploader.Plan{
		PartSize: b.cfg.PartSize, MaxWhole: b.cfg.PartSize, MinPart: b.limits.minPart, MaxPart: b.limits.maxPart,
		MaxParts: b.limits.maxParts, EqualParts: b.cfg.EqualParts, Parallel: b.cfg.Parallel,
	}
}

// write is one write of one object: what its requests have in common, whether it goes in one, in parts, or by copy.
type write struct {
	b        *Backend
	key      string
	putID    string
	ifAbsent *string // "*" or nil
	ifMatch  *string // ETag or nil
	header   dossier.Header
	metadata map[string]string // as stored
	class    string
	acl      string
	tags     string // as in a query

	etag    string    // of the answer
	changed time.Time // of the answer
	size    int64     // bytes written
	sums    dossier.Checksums
}

// newWrite prepares a write; a version that can be none of the key is ErrPrecondition without a request.
func (b *Backend) newWrite(key string, opts dossier.PutOptions) (*write, error) {
	w := &write{
		b: b, key: key, putID: opts.PutID, header: opts.Header, class: opts.Class, acl: opts.ACL, tags: tagQuery(opts.Tags),
	}
	setDefault(&w.putID, rand.Text())
	setDefault(&w.class, b.cfg.Class)
	setDefault(&w.acl, b.cfg.ACL)
	setDefault(&w.tags, tagQuery(b.cfg.Tags))
	setDefault(&w.header.ContentType, untyped)
	w.metadata = storedMetadata(maps.Clone(opts.Metadata), w.putID)
	return w, w.condition(opts.If)
}

// condition takes over the condition of the caller.
func (w *write) condition(cond dossier.Condition) error {
	if cond.IfAbsent {
		w.ifAbsent = optional("*")
	}
	if cond.Match == "" {
		return nil
	}
	tag, ours := tagOf(w.key, cond.Match)
	if !ours {
		return fmt.Errorf("%w: this is no version of the object", dossier.ErrPrecondition)
	}
	w.ifMatch = &tag
	return nil
}

// tagQuery writes tags as their header field has them.
func tagQuery(tags map[string]string) string {
	query := url.Values{}
	for name, value := range tags {
		query.Set(name, value)
	}
	return query.Encode()
}

func (w *write) classField() types.StorageClass  { return types.StorageClass(w.class) }
func (w *write) aclField() types.ObjectCannedACL { return types.ObjectCannedACL(w.acl) }
