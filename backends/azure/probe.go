package azure

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"

	"github.com/dossier-go/dossier"
)

// staleVersion is one that no object has.
const staleVersion = dossier.Version(`"0x0"`)

// Probe implements [dossier.Prober]: it writes, reads, copies and deletes a hidden object and sees whether conditions,
// header and metadata are honoured.
func (b *Backend) Probe(ctx context.Context) (dossier.Description, error) {
	description := b.description
	err := b.check(ctx)
	var missing dossier.Capabilities
	if err == nil {
		missing, err = b.probe(ctx)
	}
	if err != nil {
		return dossier.Description{}, fail("probe", "", err)
	}
	description.Capabilities &^= missing
	return description, nil
}

// probe returns the capabilities that the server does not honour.
func (b *Backend) probe(ctx context.Context) (missing dossier.Capabilities, err error) {
	key := hiddenProbes + rand.Text()
	defer func() {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		defer cancel()
		for _, key := range []string{key, key + "-copy"} {
			err = errors.Join(err, b.remove(cleaning, key, dossier.Condition{}, nil))
		}
	}()
	opts := dossier.PutOptions{
		Header:   dossier.Header{ContentType: "text/plain", CacheControl: "no-store"},
		Metadata: map[string]string{"probe": "Ünïcode"},
	}
	stored, err := b.probeWrite(ctx, key, opts)
	if err != nil {
		return 0, err
	}
	found, err := b.stat(ctx, key, dossier.Condition{})
	if err != nil {
		return 0, err
	}
	missing |= unless(found.Header == opts.Header, dossier.StoresHeader)
	missing |= unless(maps.Equal(found.Metadata, opts.Metadata), dossier.StoresMetadata)
	missing |= unless(found.Checksums.CRC32C != nil, dossier.StoresCRC32C)
	ignored, err := b.probeConditions(ctx, key, stored)
	return missing | ignored, err
}

func unless(holds bool, c dossier.Capabilities) dossier.Capabilities {
	if holds {
		return 0
	}
	return c
}

// probeConditions tries what must be refused.
func (b *Backend) probeConditions(
	ctx context.Context, key string, stored dossier.Info,
) (missing dossier.Capabilities, err error) {
	stale := dossier.Condition{Match: staleVersion}
	_, create := b.probeWrite(ctx, key, dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
	_, replace := b.probeWrite(ctx, key, dossier.PutOptions{If: stale})
	_, read := b.stat(ctx, key, stale)
	remove := b.remove(ctx, key, stale, nil)
	missing |= unless(errors.Is(create, dossier.ErrExist), dossier.PutIfAbsent)
	missing |= unless(errors.Is(replace, dossier.ErrPrecondition), dossier.PutMatch)
	missing |= unless(errors.Is(read, dossier.ErrPrecondition), dossier.GetMatch)
	missing |= unless(errors.Is(remove, dossier.ErrPrecondition), dossier.DeleteMatch)
	if err = undecided(create, replace, read, remove); err != nil || !b.copies() {
		return missing, err
	}
	c := &copying{b: b, source: stored, info: copied(key+"-copy", stored, nil), cond: dossier.Condition{IfAbsent: true}}
	_, first := c.run(ctx)
	_, second := c.run(ctx)
	missing |= unless(first == nil, dossier.Multipart|dossier.SignPart)
	missing |= unless(first != nil || errors.Is(second, dossier.ErrExist) || second == nil, dossier.CopyIfAbsent)
	return missing, undecided(first, second)
}

// undecided returns the first error that says nothing about what the server honours: an outage, or the end of a context.
func undecided(errs ...error) error {
	for _, err := range errs {
		failed := fail("probe", "", err)
		if isContextEnd(err) || errors.Is(failed, dossier.ErrThrottled) || errors.Is(failed, dossier.ErrUnavailable) {
			return err
		}
	}
	return nil
}

func (b *Backend) probeWrite(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Info, error) {
	opts.PutID = rand.Text()
	w := &write{b: b, key: key, opts: opts}
	err := w.send(ctx, dossier.BytesSource([]byte("probe")))
	return w.info, err
}
