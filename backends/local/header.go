package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/dossier-go/dossier"
)

// UpdateHeader implements [dossier.HeaderUpdater] in place, in one step and without touching the bytes or the time of
// their last change. If only the sync fails, the error's Outcome is unknown. Where header and metadata are not kept it is
// [errors.ErrUnsupported].
func (b *Backend) UpdateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	opts := dossier.PutOptions{Header: to.Header, Metadata: to.Metadata, If: cond}
	if err := b.begin(ctx, checkKey(key), dossier.CheckPutOptions(opts), b.checkUpdate(opts)); err != nil {
		return dossier.Info{}, b.fail("update header", key, err)
	}
	defer b.gate.leave()
	info, err := b.updateHeader(ctx, key, to, cond)
	if err != nil {
		return dossier.Info{}, b.fail("update header", key, err)
	}
	return info, nil
}

func (b *Backend) checkUpdate(opts dossier.PutOptions) error {
	if opts.If.IfAbsent {
		return fmt.Errorf("%w: IfAbsent is no condition of an update", dossier.ErrInvalid)
	}
	if b.facts.attributes == 0 {
		return fmt.Errorf("%w: header and metadata are not kept in this folder", errors.ErrUnsupported)
	}
	return b.keeps(opts.Header, opts.Metadata, sampleID)
}

func (b *Backend) updateHeader(
	ctx context.Context, key string, to dossier.Replacement, cond dossier.Condition,
) (dossier.Info, error) {
	unlock, err := b.locks.hold(ctx, key)
	if err != nil {
		return dossier.Info{}, err
	}
	h, err := b.openObject(key)
	if err != nil {
		unlock()
		return dossier.Info{}, b.readError(err)
	}
	defer h.close()
	a := h.renewed(&to)
	a.PutID = h.info.PutID // the bytes are still those of that write
	if cond.Match != "" && cond.Match != h.info.Version {
		err = fmt.Errorf("%w: the version is %s", dossier.ErrPrecondition, h.info.Version)
	} else {
		err = b.exchange("update", h, a, func() error { return nil })
	}
	unlock()
	if err != nil {
		return dossier.Info{}, err
	}
	return b.settle("update", key, h, a)
}

// exchange puts other attributes on the open file, calls do, and puts the old ones back if do failed.
func (b *Backend) exchange(operation string, h *handle, a attributes, do func() error) error {
	old, err := getAttribute(h.file)
	if err != nil {
		return storeError(err)
	}
	value, err := a.encode()
	if err != nil {
		return err
	}
	err = b.change(operation, "attributes", func() error { return setAttribute(h.file, value) })
	if err != nil {
		return storeError(err)
	}
	if err = do(); err == nil || isDoubtful(err) {
		return err
	}
	if back := resetAttribute(h.file, old); back != nil {
		return &doubtful{errors.Join(storeError(err), storeError(back))}
	}
	return storeError(err)
}

// settle waits until changed attributes are on the disk and says what the object is now.
func (b *Backend) settle(operation, key string, h *handle, a attributes) (dossier.Info, error) {
	if a.ID != h.ID {
		if err := b.sync(operation, h.file); err != nil {
			return dossier.Info{}, &doubtful{storeError(err)}
		}
	}
	stat, err := h.file.Stat()
	if err != nil {
		return dossier.Info{}, &doubtful{storeError(err)}
	}
	return a.inform(key, stat), nil
}
