package local

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dossier-go/dossier"
)

// Get implements [dossier.Backend]. The object's [dossier.Object.File] is the open file. It goes on to deliver its
// version when the key is overwritten or deleted meanwhile. Once opened, reading does not depend on ctx.
func (b *Backend) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	if err := b.begin(ctx, checkKey(key), dossier.CheckGetOptions(opts)); err != nil {
		return nil, b.fail("get", key, err)
	}
	defer b.gate.leave()
	h, err := b.openObject(key)
	if err != nil {
		return nil, b.fail("get", key, b.readError(err))
	}
	object, err := h.object(opts)
	if err != nil {
		h.close()
		return nil, b.fail("get", key, err)
	}
	return object, nil
}

func (h *handle) object(opts dossier.GetOptions) (*dossier.Object, error) {
	switch {
	case opts.If.Match != "" && opts.If.Match != h.info.Version:
		return nil, fmt.Errorf("%w: the version is %s", dossier.ErrPrecondition, h.info.Version)
	case opts.If.NotMatch != "" && opts.If.NotMatch == h.info.Version:
		return nil, dossier.ErrNotModified
	}
	from, to, err := opts.Range.Resolve(h.info.Size)
	if err != nil {
		return nil, err
	}
	if from > 0 {
		if _, err := h.file.Seek(from, io.SeekStart); err != nil {
			return nil, storeError(err)
		}
	}
	object := dossier.NewObject(h.info, from, to, h.file)
	if opts.SkipVerify {
		return object, nil
	}
	return object.Verified(), nil
}

// Stat implements [dossier.Backend].
func (b *Backend) Stat(ctx context.Context, key string) (dossier.Info, error) {
	if err := b.begin(ctx, checkKey(key)); err != nil {
		return dossier.Info{}, b.fail("stat", key, err)
	}
	defer b.gate.leave()
	h, err := b.openObject(key)
	if err != nil {
		return dossier.Info{}, b.fail("stat", key, b.readError(err))
	}
	h.close()
	return h.info, nil
}

// checkCondition compares the present object with a condition of a write. The caller holds the lock of key.
func (b *Backend) checkCondition(key string, cond dossier.Condition) error {
	if cond == (dossier.Condition{}) {
		return nil
	}
	h, err := b.openObject(key)
	absent := errors.Is(err, errAbsent)
	if err == nil {
		defer h.close()
	}
	switch {
	case cond.IfAbsent && (absent || isFolderAt(err, key)): // an empty folder is no object; publishing looks into it
		return nil
	case cond.IfAbsent && err == nil:
		return dossier.ErrExist
	case absent, isObstacle(err) && cond.Match != "":
		return fmt.Errorf("%w: there is no object", dossier.ErrPrecondition)
	case err != nil:
		return err
	case h.info.Version != cond.Match:
		return fmt.Errorf("%w: the version is %s", dossier.ErrPrecondition, h.info.Version)
	}
	return nil
}
