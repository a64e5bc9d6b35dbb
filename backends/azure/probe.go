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
	return missing | b.probeConditions(ctx, key, stored), nil
}

func unless(holds bool, c dossier.Capabilities) dossier.Capabilities {
	if holds {
		return 0
	}
	return c
}

// probeConditions tries what must be refused.
func (b *Backend) probeConditions(ctx context.Context, key string, stored dossier.Info) (missing dossier.Capabilities) {
	stale := dossier.Condition{Match: staleVersion}
	_, err := b.probeWrite(ctx, key, dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
	missing |= unless(errors.Is(err, dossier.ErrExist), dossier.PutIfAbsent)
	_, err = b.probeWrite(ctx, key, dossier.PutOptions{If: stale})
	missing |= unless(errors.Is(err, dossier.ErrPrecondition), dossier.PutMatch)
	_, err = b.stat(ctx, key, stale)
	missing |= unless(errors.Is(err, dossier.ErrPrecondition), dossier.GetMatch)
	err = b.remove(ctx, key, stale, nil)
	missing |= unless(errors.Is(err, dossier.ErrPrecondition), dossier.DeleteMatch)
	if !b.copies() {
		return missing
	}
	c := &copying{b: b, source: stored, info: copied(key+"-copy", stored, nil), cond: dossier.Condition{IfAbsent: true}}
	_, first := c.run(ctx)
	_, second := c.run(ctx)
	missing |= unless(first == nil, dossier.Multipart|dossier.SignPart)
	return missing | unless(first != nil || errors.Is(second, dossier.ErrExist) || second == nil, dossier.CopyIfAbsent)
}

func (b *Backend) probeWrite(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Info, error) {
	opts.PutID = rand.Text()
	w := &write{b: b, key: key, opts: opts}
	err := w.send(ctx, dossier.BytesSource([]byte("probe")))
	return w.info, err
}
