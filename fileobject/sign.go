package fileobject

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
)

// SignedURL returns a URL that serves the file by GET for ttl. What the row says of type and name is bound to the
// answer; the file is offered as a download unless the row's own type is safe to show (see [FileObject.Sign] for
// more). Errors: errors.ErrUnsupported when the backend cannot sign, dossier.ErrInvalid, ErrNoBackend.
func (f *FileObject) SignedURL(ctx context.Context, ttl time.Duration) (string, error) {
	signed, err := f.Sign(ctx, dossier.SignRequest{TTL: ttl})
	return signed.URL, err
}

// Sign signs req for this file: Key is filled in, and for GET the answer's type and disposition too unless req sets
// them. Errors: as SignedURL.
func (f *FileObject) Sign(ctx context.Context, req dossier.SignRequest) (dossier.SignedRequest, error) {
	if err := f.usable("sign"); err != nil {
		return dossier.SignedRequest{}, err
	}
	b, err := f.backend(ctx)
	if err != nil {
		return dossier.SignedRequest{}, err
	}
	signed, err := dossier.SignURLs(ctx, b, f.request(req))
	if err != nil {
		return dossier.SignedRequest{}, err
	}
	return signed[0], nil
}

func (f *FileObject) request(req dossier.SignRequest) dossier.SignRequest {
	req.Key = f.Key
	if req.Method != "" && req.Method != "GET" {
		return req
	}
	if req.Respond.ContentType == "" {
		req.Respond.ContentType = f.ContentType
	}
	if req.Respond.ContentDisposition == "" {
		kind := "attachment"
		if dossier.InlineType(f.ContentType) {
			kind = "inline"
		}
		req.Respond.ContentDisposition = f.disposition(kind)
	}
	return req
}

// SignedURLs signs many files at once, one request for each backend. A nil file gives "". When some fail, their URLs
// are "" and the error joins one for each; the others are good.
func SignedURLs(ctx context.Context, ttl time.Duration, files ...*FileObject) ([]string, error) {
	batch := signBatch{files: files, urls: make([]string, len(files)), errs: make([]error, len(files))}
	groups := map[dossier.Backend][]int{}
	for i, f := range files {
		if f == nil {
			continue
		}
		b, err := f.signer(ctx)
		if err != nil {
			batch.errs[i] = fmt.Errorf("file %d: %w", i, err)
			continue
		}
		groups[b] = append(groups[b], i)
	}
	for b, indexes := range groups {
		batch.sign(ctx, b, ttl, indexes)
	}
	return batch.urls, errors.Join(batch.errs...)
}

// signBatch is the work of SignedURLs; the slices run parallel.
type signBatch struct {
	files []*FileObject
	urls  []string
	errs  []error
}

func (f *FileObject) signer(ctx context.Context) (dossier.Backend, error) {
	if err := f.usable("sign"); err != nil {
		return nil, err
	}
	return f.backend(ctx)
}

// sign signs the files of one backend; if the group as a whole is refused, one by one.
func (s signBatch) sign(ctx context.Context, b dossier.Backend, ttl time.Duration, indexes []int) {
	reqs := make([]dossier.SignRequest, len(indexes))
	for n, i := range indexes {
		reqs[n] = s.files[i].request(dossier.SignRequest{TTL: ttl})
	}
	if signed, err := dossier.SignURLs(ctx, b, reqs...); err == nil {
		for n, i := range indexes {
			s.urls[i] = signed[n].URL
		}
		return
	}
	for n, i := range indexes {
		signed, err := dossier.SignURLs(ctx, b, reqs[n])
		if err != nil {
			s.errs[i] = fmt.Errorf("file %d: %w", i, err)
			continue
		}
		s.urls[i] = signed[0].URL
	}
}

// PublicURL returns the fixed URL of an object in a public store, found through the bound registry or
// dossier.Default. Errors: errors.ErrUnsupported when the backend has no public URLs.
func (f *FileObject) PublicURL() (string, error) {
	b, err := f.signer(context.Background())
	if err != nil {
		return "", err
	}
	return dossier.PublicURL(b, f.Key)
}
