package local

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"

	"github.com/dossier-go/dossier"
)

// Put implements [dossier.Backend]. There is never a multipart upload in it, so opts.OnUploadID is not called.
// A condition that does not hold at the beginning fails before src is opened. If only the last step failed, the sync
// of the folder, the error's Outcome is unknown: the object is there, but may not survive a power loss.
func (b *Backend) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if err := b.begin(ctx, checkKey(key), dossier.CheckPutOptions(opts), b.Describe().Capabilities.CheckPut(opts)); err != nil {
		return dossier.Info{}, b.fail("put", key, err)
	}
	defer b.gate.leave()
	info, err := b.put(ctx, key, src, opts)
	if err != nil {
		return dossier.Info{}, b.fail("put", key, err)
	}
	return info, nil
}

func (b *Backend) put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	if err := b.keeps(opts.Header, opts.Metadata, opts.PutID); err != nil {
		return dossier.Info{}, err
	}
	if err := b.checkCondition(key, opts.If); err != nil {
		return dossier.Info{}, err
	}
	return b.write(ctx, "put", key, src, opts)
}

// write receives src into a new object.
func (b *Backend) write(
	ctx context.Context, operation, key string, src dossier.Source, opts dossier.PutOptions,
) (info dossier.Info, err error) {
	in, err := dossier.Receive(ctx, src, opts)
	if err != nil {
		return dossier.Info{}, err
	}
	defer func() { _ = in.Close() }() // all its bytes were read and checked, or the write failed anyway
	t, err := b.newTemp(operation, scratchFolder)
	if err != nil {
		return dossier.Info{}, b.containerError(err)
	}
	defer func() { err = t.finish(err) }()
	if err := t.write(func() error { return t.pour(in) }); err != nil {
		return dossier.Info{}, err
	}
	return t.store(ctx, key, attributes{
		ID: rand.Text(), CRC32C: in.Checksums().CRC32C, PutID: opts.PutID,
		Header: header(opts.Header), Metadata: maps.Clone(opts.Metadata),
	}, opts.If)
}

// store makes the file, whose bytes are complete, the object of key.
func (t *temp) store(ctx context.Context, key string, a attributes, cond dossier.Condition) (dossier.Info, error) {
	if t.b.facts.attributes == 0 {
		a = attributes{}
	}
	if err := t.seal(a); err != nil {
		return dossier.Info{}, err
	}
	if err := t.publish(ctx, key, cond); err != nil {
		return dossier.Info{}, err
	}
	stat, err := t.file.Stat()
	if err != nil {
		return dossier.Info{}, &doubtful{storeError(err)}
	}
	return a.inform(key, stat), nil
}

// containerError is the error of a folder of the backend's own that is missing.
func (b *Backend) containerError(err error) error {
	if !errors.Is(err, errAbsent) {
		return err
	}
	if err := b.alive(); err != nil {
		return err
	}
	return b.lostFolder()
}
