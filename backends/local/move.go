package local

import (
	"context"
	"os"

	"github.com/dossier-go/dossier"
)

// Move implements [dossier.Mover] by one rename, under the locks of both keys: there is no moment with both or none.
// The object keeps its version, unless opts.Replace gives it another header: that is put on the file just before the
// rename and taken back if the rename fails, so a crash between the two leaves src with the new header.
//
// Moving a key to itself changes nothing but what opts.Replace asks for.
func (b *Backend) Move(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	if err := b.begin(ctx, checkKey(dst), checkKey(src), dossier.CheckCopyOptions(opts)); err != nil {
		return dossier.Info{}, b.fail("move", src, err)
	}
	defer b.gate.leave()
	info, err := b.move(ctx, dst, src, opts)
	if err != nil {
		return dossier.Info{}, b.fail("move", src, err)
	}
	return info, nil
}

// moving is one Move.
type moving struct {
	b        *Backend
	dst, src string
	opts     dossier.CopyOptions
	created  []string // folders
	info     dossier.Info
}

func (b *Backend) move(ctx context.Context, dst, src string, opts dossier.CopyOptions) (dossier.Info, error) {
	m := &moving{b: b, dst: dst, src: src, opts: opts}
	if err := b.clearing(ctx, dst, func() error { return m.attempt(ctx) }); err != nil {
		return dossier.Info{}, err
	}
	if dst == src {
		return m.info, nil
	}
	err := b.syncNames("move", append(m.created, dst, src)...)
	b.prune(ctx, src)
	return m.info, err
}

// attempt moves the object under the locks, then syncs it.
func (m *moving) attempt(ctx context.Context) error {
	unlock, err := m.b.locks.hold(ctx, m.dst, m.src)
	if err != nil {
		return err
	}
	h, err := m.open(ctx)
	if err != nil {
		unlock()
		return err
	}
	defer h.close()
	a := h.attributes
	if m.opts.Replace == nil || m.b.facts.attributes == 0 {
		err = m.rename(h)
	} else {
		a = a.renewed(m.opts.Replace)
		err = m.b.exchange("move", h, a, func() error { return m.rename(h) })
	}
	unlock()
	if err != nil {
		return err
	}
	m.info, err = m.b.settle("move", m.dst, h, a)
	return err
}

// open checks everything that can be checked before the move.
func (m *moving) open(ctx context.Context) (*handle, error) {
	h, err := m.b.openSource(m.src, m.opts)
	if err != nil {
		return nil, err
	}
	if err = m.b.checkCondition(m.dst, m.opts.If); err == nil {
		err = dossier.ContextError(ctx)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// rename gives the file its new name. Where both names are one file already, by a hard link made elsewhere, rename(2)
// does nothing, so the old name is removed.
func (m *moving) rename(h *handle) error {
	if m.dst == m.src {
		return nil
	}
	do := func() error { return m.b.root.Rename(m.src, m.dst) }
	if m.sameFile(h) {
		do = func() error { return m.b.root.Remove(m.src) }
	}
	created, err := m.b.intoFolder("move", m.dst, func() error {
		return m.b.change("move", "rename", func() error { return m.b.inPlace(m.dst, do) })
	})
	m.created = append(m.created, created...)
	return err
}

func (m *moving) sameFile(h *handle) bool {
	there, err := m.b.look(m.dst)
	if err != nil {
		return false
	}
	here, err := h.file.Stat()
	return err == nil && os.SameFile(here, there)
}
