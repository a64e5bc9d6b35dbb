package gcs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/querysign"
)

// signaturesAtOnce is how many RSA signatures are made at the same time.
const signaturesAtOnce = 16

// SignURLs implements [dossier.URLSigner] with V4 signatures: https://cloud.google.com/storage/docs/access-control/signed-urls
//
// A type, an exact or largest length, create-only, an MD5 or CRC32C and metadata are bound by signed header fields; other
// checksums are [errors.ErrUnsupported]. Of an answer, the store can override the Content-Type and the Content-Disposition
// only. What signBlob signs lives for 12 hours at most, whatever TTL says. An object that a signed PUT stores has no PutID.
func (b *Backend) SignURLs(ctx context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	if err := b.check(ctx, b.checkSigning()); err != nil {
		return nil, fail("sign", "", err)
	}
	plans := make([]plan, len(reqs))
	for i, req := range reqs {
		var err error
		if plans[i], err = b.plan(req); err != nil {
			return nil, fail("sign", req.Key, err)
		}
	}
	signed := make([]dossier.SignedRequest, len(plans))
	err := b.signing.together(len(plans), func(i int) (err error) {
		signed[i], err = b.signing.url(ctx, plans[i])
		return fail("sign", reqs[i].Key, err)
	})
	if err != nil {
		return nil, err
	}
	return signed, nil
}

// together calls do for each number, several at once if each takes long. It returns the first error, after which it
// begins nothing new.
func (s *signing) together(n int, do func(i int) error) error {
	if s.sign == nil || n <= 1 {
		for i := range n {
			if err := do(i); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	var first atomic.Pointer[error]
	var group sync.WaitGroup
	for range min(n, signaturesAtOnce) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && first.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

// plan is a request that can be signed.
type plan struct {
	querysign.Request
	signed dossier.SignedRequest
}

// plan checks a request and finds out what is to be signed.
func (b *Backend) plan(req dossier.SignRequest) (p plan, err error) {
	req.Method = orElse(req.Method, http.MethodGet)
	if err := dossier.CheckSignRequest(req); err != nil {
		return p, err
	}
	if err := b.checkBindings(req); err != nil {
		return p, err
	}
	from, to, err := b.signing.period(req.TTL, req.Window)
	if err != nil {
		return p, err
	}
	p.Request = querysign.Request{
		Method: req.Method, URLScheme: b.base.scheme, Host: b.base.host, Path: "/" + b.name + "/" + req.Key,
		Query: overrides(req.Respond), Header: bindings(req), Time: from, Expires: to.Sub(from),
	}
	p.signed = dossier.SignedRequest{Method: req.Method, Header: http.Header{}, NotAfter: to}
	for _, field := range p.Header {
		p.signed.Header[http.CanonicalHeaderKey(field.Name)] = []string{field.Value}
	}
	return p, nil
}

// url signs a plan.
func (s *signing) url(ctx context.Context, p plan) (signed dossier.SignedRequest, err error) {
	signed = p.signed
	if s.sign == nil {
		signed.URL = s.signer.URL(s.hmac, p.Request)
		return signed, nil
	}
	identity, err := s.identity(ctx)
	if err != nil {
		return signed, err
	}
	signed.URL, err = s.signer.URLWith(ctx, identity, s.sign, p.Request)
	return signed, err
}

// checkBindings refuses what the store would not enforce, or what was switched off.
func (b *Backend) checkBindings(req dossier.SignRequest) error {
	set := b.capabilities()
	methods := map[string]dossier.Capabilities{
		http.MethodGet: dossier.SignGet, http.MethodHead: dossier.SignGet,
		http.MethodPut: dossier.SignPut, http.MethodDelete: dossier.SignDelete,
	}
	sums := req.Expect
	for _, asked := range []struct {
		is   bool
		of   dossier.Capabilities
		what string
	}{
		{true, methods[req.Method], "URLs of this method"},
		{req.Part != (dossier.PartRequest{}), dossier.SignPart, "URLs of parts"},
		{req.ContentType != "", dossier.BindType, "content types"},
		{req.Length != 0, dossier.BindLength, "lengths"},
		{req.MaxLength != 0, dossier.BindMaxLength, "largest lengths"},
		{req.If.IfAbsent, dossier.BindIfAbsent, "create-only"},
		{sums.MD5 != nil || sums.CRC32C != nil, dossier.BindChecksum, "checksums"},
		{len(req.Metadata) > 0, dossier.StoresMetadata, "metadata"},
	} {
		if asked.is && !set.Has(asked.of) {
			return fmt.Errorf("%w: %s (capability %v)", errors.ErrUnsupported, asked.what, asked.of)
		}
	}
	if sums.SHA256 != nil || sums.CRC64NVME != nil {
		return fmt.Errorf("%w: the store checks MD5 and CRC32C only", errors.ErrUnsupported)
	}
	respond := req.Respond
	if respond.ContentEncoding != "" || respond.ContentLanguage != "" || respond.CacheControl != "" {
		return fmt.Errorf("%w: the store overrides Content-Type and Content-Disposition only", errors.ErrUnsupported)
	}
	return nil
}

// overrides are the query parameters of https://cloud.google.com/storage/docs/xml-api/get-object-download
func overrides(respond dossier.Header) (query []querysign.Pair) {
	if respond.ContentType != "" {
		query = append(query, querysign.Pair{Name: "response-content-type", Value: respond.ContentType})
	}
	if respond.ContentDisposition != "" {
		query = append(query, querysign.Pair{Name: "response-content-disposition", Value: respond.ContentDisposition})
	}
	return query
}

// bindings are the header fields of a PUT: https://cloud.google.com/storage/docs/xml-api/reference-headers
func bindings(req dossier.SignRequest) (header []querysign.Pair) {
	add := func(name, value string) { header = append(header, querysign.Pair{Name: name, Value: value}) }
	if req.ContentType != "" {
		add("content-type", req.ContentType)
	}
	switch {
	case req.Length != 0:
		add("x-goog-content-length-range", fmt.Sprintf("%d,%[1]d", max(req.Length, 0)))
	case req.MaxLength != 0:
		add("x-goog-content-length-range", fmt.Sprintf("0,%d", req.MaxLength))
	}
	if req.If.IfAbsent {
		add("x-goog-if-generation-match", "0")
	}
	if req.Expect.MD5 != nil {
		add("content-md5", base64.StdEncoding.EncodeToString(req.Expect.MD5))
	}
	if req.Expect.CRC32C != nil {
		add("x-goog-hash", "crc32c="+base64.StdEncoding.EncodeToString(req.Expect.CRC32C))
	}
	for name, value := range req.Metadata {
		add("x-goog-meta-"+name, value)
	}
	return header
}
