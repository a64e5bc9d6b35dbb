package wrap

import (
	"context"
	"iter"
	"strings"

	"github.com/dossier-go/dossier"
)

// fullUpload returns the inner backend's upload.
func (p *prefixed) fullUpload(op string, upload dossier.Upload) (dossier.Upload, error) {
	full, err := p.full(op, upload.Key)
	return dossier.Upload{Key: full, ID: upload.ID}, err
}

// uploads is the inner backend, which answers errors.ErrUnsupported if it has no multipart uploads.
func (p *prefixed) uploads() dossier.MultipartBackend { return dossier.Forward{Inner: p.inner} }

// CreateUpload implements [dossier.MultipartBackend].
func (p *prefixed) CreateUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	full, err := p.full("create upload", key)
	if err != nil {
		return dossier.Upload{}, err
	}
	upload, err := p.uploads().CreateUpload(ctx, full, opts)
	upload.Key = strings.TrimPrefix(upload.Key, p.prefix)
	return upload, p.fail(err)
}

// PutPart implements [dossier.MultipartBackend].
func (p *prefixed) PutPart(ctx context.Context, upload dossier.Upload, number int, src dossier.Source) (dossier.Part, error) {
	full, err := p.fullUpload("put part", upload)
	if err != nil {
		return dossier.Part{}, err
	}
	part, err := p.uploads().PutPart(ctx, full, number, src)
	return part, p.fail(err)
}

// Parts implements [dossier.MultipartBackend].
func (p *prefixed) Parts(ctx context.Context, upload dossier.Upload) iter.Seq2[dossier.Part, error] {
	full, err := p.fullUpload("list parts", upload)
	if err != nil {
		return failed[dossier.Part](err)
	}
	return func(yield func(dossier.Part, error) bool) {
		for part, err := range p.uploads().Parts(ctx, full) {
			if !yield(part, p.fail(err)) {
				return
			}
		}
	}
}

// CompleteUpload implements [dossier.MultipartBackend].
func (p *prefixed) CompleteUpload(ctx context.Context, upload dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	full, err := p.fullUpload("complete upload", upload)
	if err != nil {
		return dossier.Info{}, err
	}
	info, err := p.uploads().CompleteUpload(ctx, full, parts)
	return p.relative(info), p.fail(err)
}

// AbortUpload implements [dossier.MultipartBackend].
func (p *prefixed) AbortUpload(ctx context.Context, upload dossier.Upload) error {
	full, err := p.fullUpload("abort upload", upload)
	if err != nil {
		return err
	}
	return p.fail(p.uploads().AbortUpload(ctx, full))
}

// Uploads implements [dossier.MultipartBackend].
func (p *prefixed) Uploads(ctx context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	full, err := p.fullPrefix("list uploads", prefix)
	if err != nil {
		return failed[dossier.Upload](err)
	}
	return func(yield func(dossier.Upload, error) bool) {
		for upload, err := range p.uploads().Uploads(ctx, full) {
			upload.Key = strings.TrimPrefix(upload.Key, p.prefix)
			if err == nil && reserved(upload.Key) {
				continue
			}
			if !yield(upload, p.fail(err)) {
				return
			}
		}
	}
}

var (
	_ dossier.Wrapper          = (*prefixed)(nil)
	_ dossier.Lister           = (*prefixed)(nil)
	_ dossier.BatchDeleter     = (*prefixed)(nil)
	_ dossier.Copier           = (*prefixed)(nil)
	_ dossier.Mover            = (*prefixed)(nil)
	_ dossier.URLSigner        = (*prefixed)(nil)
	_ dossier.FormSigner       = (*prefixed)(nil)
	_ dossier.MultipartBackend = (*prefixed)(nil)
	_ dossier.HeaderUpdater    = (*prefixed)(nil)
	_ dossier.Prober           = (*prefixed)(nil)
	_ dossier.PublicURLer      = (*prefixed)(nil)
)
