package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// Probe implements [dossier.Prober] with some thirty requests under [dossier.ReservedSegment]. It tries what servers are
// known to ignore: conditions, header, metadata, tags, classes, access control lists, keys beneath keys, multipart uploads
// and their listing. Signed URLs are not tried. It returns the description without what failed; the backend's own does
// not change: give what is missing to Config.Without.
//
// Errors: those that say nothing about the server's abilities, such as ErrPermission and ErrUnavailable.
func (b *Backend) Probe(ctx context.Context) (dossier.Description, error) {
	if err := b.check(ctx); err != nil {
		return dossier.Description{}, fail("probe", "", err)
	}
	p := &probe{b: b, base: probePrefix + rand.Text() + "/"}
	missing, err := p.run(ctx)
	if err = errors.Join(err, p.clean(ctx)); err != nil {
		return dossier.Description{}, fail("probe", "", withContext(ctx, err))
	}
	found := b.Describe()
	found.Capabilities = implied(found.Capabilities &^ missing)
	return found, nil
}

// probePrefix is where probes have their objects.
const probePrefix = dossier.ReservedSegment + "/probe/"

// probe is one run of all trials.
type probe struct {
	b       *Backend
	base    string // prefix of the keys
	used    []string
	uploads []dossier.Upload
}

// trial finds out whether a capability is there. Its error is of a request that should have worked.
type trial struct {
	of  dossier.Capabilities
	try func(ctx context.Context) (there bool, err error)
}

func (p *probe) run(ctx context.Context) (missing dossier.Capabilities, err error) {
	if _, err := p.put(ctx, "plain", "content", dossier.PutOptions{}); err != nil {
		return 0, err // nothing works
	}
	for _, t := range []trial{
		{dossier.PutIfAbsent, p.createOnly},
		{dossier.PutMatch, p.compareAndSwap},
		{dossier.GetMatch, p.conditionalGet},
		{dossier.DeleteMatch, p.conditionalDelete},
		{dossier.SuffixRange, p.suffix},
		{dossier.StoresMetadata, p.metadata},
		{dossier.StoresHeader, p.header},
		{dossier.StoresCRC32C, p.crc32c},
		{dossier.FlatKeys, p.flatKeys},
		{dossier.StoresTags, p.tags},
		{dossier.StoresClass, p.class},
		{dossier.StoresACL, p.acl},
		{dossier.Multipart, p.multipart},
		{dossier.CopyIfAbsent, p.createOnlyParts},
	} {
		if !p.b.capabilities.Has(t.of) {
			continue
		}
		there, err := t.try(ctx)
		if err != nil && !notThere(err) {
			return missing, fmt.Errorf("trying %v: %w", t.of, err)
		}
		if !there || err != nil {
			missing |= t.of
		}
	}
	return missing, nil
}

// notThere says that the server refused something as such.
func notThere(err error) bool {
	code := status(err)
	return code >= http.StatusBadRequest && code < http.StatusInternalServerError &&
		!slices.Contains([]int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusRequestTimeout}, code) ||
		code == http.StatusNotImplemented
}

// put stores an object in one request.
func (p *probe) put(ctx context.Context, name, content string, opts dossier.PutOptions) (dossier.Info, error) {
	w, err := p.b.newWrite(p.base+name, opts)
	if err != nil {
		return dossier.Info{}, err
	}
	p.used = append(p.used, w.key)
	t := &putTarget{write: w}
	body := &uploader.Body{ReadSeeker: bytes.NewReader([]byte(content)), Sums: crc.Of([]byte(content))}
	if err := t.PutWhole(ctx, body); err != nil {
		return dossier.Info{}, err
	}
	return w.confirm(ctx)
}

// exists says whether there is an object.
func (p *probe) exists(ctx context.Context, name string) (bool, error) {
	_, err := p.b.head(ctx, p.base+name)
	if errors.Is(kindOfError(err), dossier.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// clean removes everything, on a context of its own.
func (p *probe) clean(ctx context.Context) error {
	var failures []error
	for _, upload := range p.uploads {
		ctx, cancel := detached(ctx)
		failures = append(failures, p.b.abort(ctx, upload.Key, upload.ID))
		cancel()
	}
	slices.Sort(p.used)
	slices.Reverse(p.used) // what is beneath another key first
	for _, key := range slices.Compact(p.used) {
		ctx, cancel := detached(ctx)
		failures = append(failures, p.b.delete(ctx, key, ""))
		cancel()
	}
	return errors.Join(failures...)
}
