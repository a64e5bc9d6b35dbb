package memory

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"github.com/dossier-go/dossier"
)

// Put implements [dossier.Backend]. There is never a multipart upload in it, so opts.OnUploadID is not called. A
// condition that does not hold at the beginning, or a declared size over the budget, fails before src is opened.
func (b *Backend) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if err := b.check(ctx, dossier.CheckKey(key), dossier.CheckPutOptions(opts), b.Describe().Capabilities.CheckPut(opts)); err != nil {
		return dossier.Info{}, fail("put", key, err)
	}
	info, err := b.put(ctx, key, src, opts)
	if err != nil {
		return dossier.Info{}, fail("put", key, err)
	}
	return info, nil
}

func (b *Backend) put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if err := b.mayPut(key, src.Size(), opts.If); err != nil {
		return dossier.Info{}, err
	}
	o, err := b.read(ctx, src, opts)
	if err != nil {
		return dossier.Info{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err = dossier.ContextError(ctx); err == nil {
		err = b.allows(key, opts.If)
	}
	if err != nil {
		b.used -= o.content.size
		return dossier.Info{}, err
	}
	return b.set(key, o), nil
}

// mayPut checks what is known before the first byte.
func (b *Backend) mayPut(key string, size int64, cond dossier.Condition) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if size > 0 {
		if err := b.count(size); err != nil {
			return err
		}
		b.used -= size // counted again as it is read
	}
	return b.allows(key, cond)
}

// read receives src into a new object that is nowhere yet. Its bytes are reserved, unless an error is returned.
func (b *Backend) read(ctx context.Context, src dossier.Source, opts dossier.PutOptions) (o *object, err error) {
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // all its bytes were read and checked, or the write failed anyway
	var c content
	kept := false
	defer func() {
		if !kept { // after a panic of the source too
			b.unreserve(c.size)
		}
	}()
	if err := b.receive(in, src.Size(), &c); err != nil {
		return nil, err
	}
	kept = true
	return newObject(c, opts, in.Checksums().CRC32C), nil
}

// newObject makes a version with an identity of its own.
func newObject(c content, opts dossier.PutOptions, crc32c []byte) *object {
	o := &object{content: c, info: dossier.Info{
		Size: c.size, ModTime: time.Now().UTC().Round(0), Header: opts.Header, Metadata: maps.Clone(opts.Metadata),
		Checksums: dossier.Checksums{CRC32C: crc32c}, PutID: opts.PutID,
	}}
	o.name(rand.Text())
	return o
}

// name gives the version its identity.
func (o *object) name(id string) {
	o.info.Version, o.info.ETag = dossier.Version(id), `"`+id+`"`
	if o.info.PutID == "" {
		o.info.PutID = id
	}
}

// set makes o the object of key; its bytes are reserved already. The caller holds the lock.
func (b *Backend) set(key string, o *object) dossier.Info {
	o.info.Key = key
	if old, there := b.objects[key]; there {
		b.used -= old.content.size
	} else {
		b.keys.add(key)
	}
	b.objects[key] = o
	return o.details()
}

// drop removes the object of key, if there is one. The caller holds the lock.
func (b *Backend) drop(key string) {
	if old, there := b.objects[key]; there {
		b.used -= old.content.size
		b.keys.remove(key)
		delete(b.objects, key)
	}
}

// details returns a copy that the caller may change.
func (o *object) details() dossier.Info {
	info := o.info
	info.Metadata = maps.Clone(info.Metadata)
	info.Checksums.CRC32C = append([]byte(nil), info.Checksums.CRC32C...)
	return info
}

// allows compares the present object with a condition of a write. The caller holds the lock.
func (b *Backend) allows(key string, cond dossier.Condition) error {
	if err := b.open(); err != nil {
		return err
	}
	present, there := b.objects[key]
	switch {
	case cond.IfAbsent && there:
		return dossier.ErrExist
	case cond.Match != "" && !there:
		return fmt.Errorf("%w: there is no object", dossier.ErrPrecondition)
	case cond.Match != "" && cond.Match != present.info.Version:
		return fmt.Errorf("%w: the version is %s", dossier.ErrPrecondition, present.info.Version)
	}
	return nil
}
