package s3

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/querysign"
)

// SignURLs implements [dossier.URLSigner] with Signature Version 4 in the query. It makes no request but what the client's
// credentials provider makes to renew credentials, once for all requests; a URL costs a few microseconds. URLs end with
// temporary credentials at the latest; NotAfter says when. What middleware of the client adds to requests is not in them.
//
// The header of a PUT holds everything that the URL binds, with the class, access control list, tags and encryption of
// the configuration. A largest length, more than one checksum besides an MD5, and customer keys cannot be bound, nor can
// another checksum of a part than that of its upload: errors.ErrUnsupported.
//
// Errors: ErrInvalid, ErrInvalidKey, ErrNotExist (a part of what can be no upload), ErrUnauthenticated (no credentials, or
// ErrExpired ones).
func (b *Backend) SignURLs(ctx context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	signed, key, err := b.signAll(ctx, reqs)
	if err != nil {
		return nil, fail("sign", key, err)
	}
	return signed, nil
}

// signAll returns the key of the request that its error is about, if it is about one.
func (b *Backend) signAll(
	ctx context.Context, reqs []dossier.SignRequest,
) (signed []dossier.SignedRequest, key string, err error) {
	if err := b.check(ctx); err != nil {
		return nil, "", err
	}
	for i := range reqs {
		if err := b.checkSign(&reqs[i]); err != nil {
			return nil, reqs[i].Key, err
		}
	}
	if len(reqs) == 0 {
		return nil, "", nil
	}
	to, err := b.target()
	if err != nil {
		return nil, "", err
	}
	cred, ends, err := to.retrieve(ctx)
	if err != nil {
		return nil, "", err
	}
	now := b.signing.clock()
	signed = make([]dossier.SignedRequest, len(reqs))
	for i := range reqs {
		if signed[i], err = b.signOne(to, cred, ends, now, &reqs[i]); err != nil {
			return nil, reqs[i].Key, err
		}
	}
	return signed, "", nil
}

func (b *Backend) signOne(
	to *target, cred querysign.Credentials, ends, now time.Time, req *dossier.SignRequest,
) (dossier.SignedRequest, error) {
	l, err := lifeOf(now, req.TTL, req.Window, ends)
	if err != nil {
		return dossier.SignedRequest{}, err
	}
	query, err := b.appendQuery(make([]querysign.Pair, 0, 8), req)
	if err != nil {
		return dossier.SignedRequest{}, err
	}
	header := b.boundHeader(req)
	signed := dossier.SignedRequest{Method: methodOf(req), Header: headerOf(header), NotAfter: l.until}
	signed.URL = to.signer.URL(cred, querysign.Request{
		Method: signed.Method, URLScheme: to.urlScheme, Host: to.host, Path: to.path + "/" + req.Key,
		Query: query, Header: header, Time: l.from, Expires: l.length(),
	})
	return signed, nil
}

func methodOf(req *dossier.SignRequest) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return req.Method
}

// appendQuery appends the parameters of the operation. x-id is what the SDK says, so that the URLs are the same; servers
// ignore it.
func (b *Backend) appendQuery(to []querysign.Pair, req *dossier.SignRequest) ([]querysign.Pair, error) {
	switch {
	case req.Part != dossier.PartRequest{}:
		id, _, err := b.parseUploadID(req.Part.UploadID)
		return append(to, querysign.Pair{Name: "partNumber", Value: strconv.Itoa(req.Part.Number)},
			querysign.Pair{Name: "uploadId", Value: id}, querysign.Pair{Name: "x-id", Value: "UploadPart"}), err
	case req.Method == http.MethodPut:
		return append(to, querysign.Pair{Name: "x-id", Value: "PutObject"}), nil
	case req.Method == http.MethodDelete:
		return append(to, querysign.Pair{Name: "x-id", Value: "DeleteObject"}), nil
	case methodOf(req) == http.MethodGet:
		to = append(to, querysign.Pair{Name: "x-id", Value: "GetObject"})
	}
	to = appendSet(to, "response-cache-control", req.Respond.CacheControl)
	to = appendSet(to, "response-content-disposition", req.Respond.ContentDisposition)
	to = appendSet(to, "response-content-encoding", req.Respond.ContentEncoding)
	to = appendSet(to, "response-content-language", req.Respond.ContentLanguage)
	return appendSet(to, "response-content-type", req.Respond.ContentType), nil
}

func appendSet(to []querysign.Pair, name, value string) []querysign.Pair {
	if value == "" {
		return to
	}
	return append(to, querysign.Pair{Name: name, Value: value})
}
