package wrap

import (
	"context"
	"io"
	"iter"

	"github.com/dossier-go/dossier"
)

// readable are the capabilities that a store without writes can still keep; the others are promises about writes.
const readable = dossier.GetMatch | dossier.SuffixRange | dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C |
	dossier.ConsistentList | dossier.FlatKeys | dossier.Durable | dossier.SignGet

// ReadOnly returns b without anything that changes it: every writing method, the signature of anything but a GET or HEAD,
// and multipart uploads are [dossier.ErrPermission] before b is asked. Their other arguments are not looked at.
//
// Describe has the capabilities of b but those about writes. [dossier.As] offers listing, signed URLs and public URLs
// where b has them, and none of the extension interfaces that write, nor [dossier.Prober], which has to write to find out
// what it is asked; so the functions of package dossier that need one are [errors.ErrUnsupported]. What Wrapped of
// [dossier.Wrapper] returns is read-only too. Store is that of b: they are the same objects. Close closes b.
func ReadOnly(b dossier.Backend) dossier.Backend {
	r := &readOnly{reading: reading{b}, listing: listing{b}, signing: signing{b}, publishing: publishing{b}}
	_, lists := dossier.As[dossier.Lister](b)
	_, signs := dossier.As[dossier.URLSigner](b)
	_, publishes := dossier.As[dossier.PublicURLer](b)
	r.offered = r.view(lists, signs, publishes)
	return r
}

// readOnly has all methods; what As offers is decided by the methods of offered.
type readOnly struct {
	reading
	listing
	signing
	publishing
	offered dossier.Backend
}

// Wrapped implements [dossier.Wrapper] with a backend that has the reading methods and leads no further.
func (r *readOnly) Wrapped() dossier.Backend { return r.offered }

// view returns a backend with exactly these reading methods: which interfaces a value has is a matter of its type.
func (r *readOnly) view(lists, signs, publishes bool) dossier.Backend {
	switch [3]bool{lists, signs, publishes} {
	case [3]bool{true, true, true}:
		return struct {
			reading
			listing
			signing
			publishing
		}{r.reading, r.listing, r.signing, r.publishing}
	case [3]bool{true, true, false}:
		return struct {
			reading
			listing
			signing
		}{r.reading, r.listing, r.signing}
	case [3]bool{true, false, true}:
		return struct {
			reading
			listing
			publishing
		}{r.reading, r.listing, r.publishing}
	case [3]bool{true, false, false}:
		return struct {
			reading
			listing
		}{r.reading, r.listing}
	case [3]bool{false, true, true}:
		return struct {
			reading
			signing
			publishing
		}{r.reading, r.signing, r.publishing}
	case [3]bool{false, true, false}:
		return struct {
			reading
			signing
		}{r.reading, r.signing}
	case [3]bool{false, false, true}:
		return struct {
			reading
			publishing
		}{r.reading, r.publishing}
	}
	return r.reading
}

// reading is the required core of a backend without writes.
type reading struct{ of dossier.Backend }

// Describe implements [dossier.Backend].
func (r reading) Describe() dossier.Description {
	d := r.of.Describe()
	d.Capabilities &= readable
	return d
}

// Put implements [dossier.Backend] by refusing.
func (r reading) Put(_ context.Context, key string, _ dossier.Source, _ dossier.PutOptions) (dossier.Info, error) {
	return dossier.Info{}, r.refused("put", key)
}

// Get implements [dossier.Backend].
func (r reading) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	return r.of.Get(ctx, key, opts)
}

// Stat implements [dossier.Backend].
func (r reading) Stat(ctx context.Context, key string) (dossier.Info, error) {
	return r.of.Stat(ctx, key)
}

// Delete implements [dossier.Backend] by refusing.
func (r reading) Delete(_ context.Context, key string, _ dossier.DeleteOptions) error {
	return r.refused("delete", key)
}

// Close closes the inner backend if it is an [io.Closer].
func (r reading) Close() error {
	if c, ok := r.of.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// listing has the one method of [dossier.Lister].
type listing struct{ of dossier.Backend }

// List implements [dossier.Lister].
func (l listing) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return dossier.List(ctx, l.of, opts)
}

// publishing has the one method of [dossier.PublicURLer].
type publishing struct{ of dossier.Backend }

// PublicURL implements [dossier.PublicURLer].
func (p publishing) PublicURL(key string) (string, error) { return dossier.PublicURL(p.of, key) }

// signing has the one method of [dossier.URLSigner].
type signing struct{ of dossier.Backend }

// SignURLs implements [dossier.URLSigner] for GET and HEAD. One request of another method refuses all.
func (s signing) SignURLs(ctx context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	for _, req := range reqs {
		if req.Method != "" && req.Method != "GET" && req.Method != "HEAD" {
			return nil, reading{s.of}.refused("sign", req.Key)
		}
	}
	return dossier.SignURLs(ctx, s.of, reqs...)
}
