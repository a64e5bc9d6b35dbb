package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/dossier-go/dossier"
)

// Copy implements [dossier.Copier]. The kernel copies the bytes, and shares them where the file system can; header,
// metadata and checksum go with them. The copy is a file of its own with a version of its own.
func (b *Backend) Copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	if err := b.begin(ctx, checkKey(dst), checkKey(src), dossier.CheckCopyOptions(opts)); err != nil {
		return dossier.Info{}, b.fail("copy", src, err)
	}
	defer b.gate.leave()
	info, err := b.copy(ctx, dst, src, opts)
	if err != nil {
		return dossier.Info{}, b.fail("copy", src, err)
	}
	return info, nil
}

func (b *Backend) copy(ctx context.Context, dst, src string, opts dossier.CopyOptions) (info dossier.Info, err error) {
	h, err := b.openSource(src, opts)
	if err != nil {
		return dossier.Info{}, err
	}
	defer h.close()
	if err := b.checkCondition(dst, opts.If); err != nil {
		return dossier.Info{}, err
	}
	t, err := b.newTemp("copy", scratchFolder)
	if err != nil {
		return dossier.Info{}, b.containerError(err)
	}
	defer func() { err = t.finish(err) }()
	if err := t.write(func() error { return t.clone(ctx, h) }); err != nil {
		return dossier.Info{}, err
	}
	return t.store(ctx, dst, h.renewed(opts.Replace), opts.If)
}

// openSource opens the object to copy or move, if it is the one that is meant.
func (b *Backend) openSource(src string, opts dossier.CopyOptions) (*handle, error) {
	if opts.Replace != nil {
		if err := b.keeps(opts.Replace.Header, opts.Replace.Metadata, ""); err != nil {
			return nil, err
		}
	}
	h, err := b.openObject(src)
	if err != nil {
		return nil, b.readError(err)
	}
	if opts.SourceIf.Match != "" && opts.SourceIf.Match != h.info.Version {
		h.close()
		return nil, fmt.Errorf("%w: the version of the source is %s", dossier.ErrPrecondition, h.info.Version)
	}
	return h, nil
}

// renewed are the attributes of a new version with the same bytes; replace may be nil.
func (a attributes) renewed(replace *dossier.Replacement) attributes {
	a.ID, a.PutID = rand.Text(), ""
	if replace != nil {
		a.Header, a.Metadata = header(replace.Header), maps.Clone(replace.Metadata)
	}
	return a
}

// cloneChunk is how many bytes are copied between two looks at the context.
const cloneChunk = 64 << 20

// clone copies the bytes of an open object. io.Copy between files uses copy_file_range where there is one.
func (t *temp) clone(ctx context.Context, from *handle) error {
	var copied int64
	for copied < from.info.Size {
		if err := dossier.ContextError(ctx); err != nil {
			return &sourceError{err}
		}
		n, err := io.CopyN(t.file, from.file, min(cloneChunk, from.info.Size-copied))
		copied += n
		if errors.Is(err, io.EOF) {
			return &sourceError{fmt.Errorf("%w: the file was cut while it was copied", io.ErrUnexpectedEOF)}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
