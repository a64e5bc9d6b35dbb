package gcs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"github.com/dossier-go/dossier"
)

const probePrefix = dossier.ReservedSegment + "/probe/"

// Probe implements [dossier.Prober]. It finds out whether conditions of writes, deletes and copies are honoured, whether
// metadata and header fields come back, whether objects can be joined, and whether objects may have access control lists
// of their own, which they may not with uniform bucket-level access. Google's own store honours everything but the last.
func (b *Backend) Probe(ctx context.Context) (dossier.Description, error) {
	if err := b.check(ctx); err != nil {
		return dossier.Description{}, fail("probe", "", err)
	}
	lacking, err := b.probe(ctx)
	if err != nil {
		return dossier.Description{}, fail("probe", "", err)
	}
	d := b.Describe()
	d.Capabilities &^= lacking
	return d, nil
}

// probe returns what the store does not honour.
func (b *Backend) probe(ctx context.Context) (lacking dossier.Capabilities, err error) {
	p := &probing{b: b, ctx: ctx, name: probePrefix + rand.Text()}
	defer func() {
		later, cancel := detached(ctx)
		defer cancel()
		for _, name := range []string{p.name, p.name + "-2"} {
			err = errors.Join(err, b.delete(later, name, dossier.Condition{}))
		}
	}()
	for _, step := range []func() error{p.writes, p.attributes, p.copies, p.joins, p.accessLists, p.deletes} {
		if err := step(); err != nil {
			return 0, err
		}
	}
	return p.lacking, nil
}

type probing struct {
	b       *Backend
	ctx     context.Context //nolint:containedctx // lives as long as one Probe
	name    string
	lacking dossier.Capabilities
}

// stale is a version that no object has any more.
const stale = dossier.Version("1")

// put stores a small object.
func (p *probing) put(name string, opts dossier.PutOptions) error {
	w, err := p.b.newWrite(name, opts)
	if err == nil {
		_, err = p.b.sendWhole(p.ctx, w, []byte("probe"))
	}
	return err
}

// expects clears a capability unless the error is of the kind that the store must answer with.
func (p *probing) expects(err, kind error, of dossier.Capabilities) error {
	switch {
	case err == nil:
		p.lacking |= of
		return nil
	case errors.Is(err, kind):
		return nil
	}
	return err
}

func (p *probing) writes() error {
	opts := dossier.PutOptions{Metadata: map[string]string{"probe": "x"}, Header: dossier.Header{CacheControl: "no-store"}}
	if err := p.put(p.name, opts); err != nil {
		return err
	}
	opts.If = dossier.Condition{IfAbsent: true}
	if err := p.expects(p.put(p.name, opts), dossier.ErrExist, dossier.PutIfAbsent); err != nil {
		return err
	}
	opts.If = dossier.Condition{Match: stale}
	return p.expects(p.put(p.name, opts), dossier.ErrPrecondition, dossier.PutMatch)
}

func (p *probing) attributes() error {
	attrs, err := p.b.stat(p.ctx, p.name)
	if err != nil {
		return err
	}
	if info := infoOf(attrs); info.Metadata["probe"] != "x" {
		p.lacking |= dossier.StoresMetadata
	}
	if attrs.CacheControl != "no-store" {
		p.lacking |= dossier.StoresHeader
	}
	return nil
}

func (p *probing) copies() error {
	from, err := p.b.stat(p.ctx, p.name)
	if err != nil {
		return err
	}
	opts := dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}}
	_, err = p.b.rewriteOnce(p.ctx, p.name, from, opts, false)
	return p.expects(err, dossier.ErrExist, dossier.CopyIfAbsent)
}

func (p *probing) joins() error {
	from, err := p.b.stat(p.ctx, p.name)
	if err != nil {
		return err
	}
	w, err := p.b.newWrite(p.name+"-2", dossier.PutOptions{})
	if err != nil {
		return err
	}
	j := &joined{}
	attrs, err := p.b.compose(p.ctx, w, append(j.sources, from, from), j.sendSum)
	switch code := status(err); {
	case code >= http.StatusBadRequest && code < http.StatusInternalServerError, err == nil && attrs.Size != 2*from.Size:
		p.lacking |= dossier.Multipart
		return nil
	}
	return err
}

func (p *probing) accessLists() error {
	err := p.put(p.name+"-2", dossier.PutOptions{ACL: "projectPrivate"})
	if status(err) == http.StatusBadRequest || status(err) == http.StatusForbidden {
		p.lacking |= dossier.StoresACL
		return nil
	}
	return err
}

// deletes comes last: a store that does not look at the condition removes the object.
func (p *probing) deletes() error {
	err := p.expects(p.b.delete(p.ctx, p.name, dossier.Condition{Match: stale}), dossier.ErrPrecondition, dossier.DeleteMatch)
	if err != nil {
		return fmt.Errorf("conditional delete: %w", err)
	}
	return nil
}
