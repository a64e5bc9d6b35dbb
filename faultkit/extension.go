package faultkit

import (
	"context"
	"iter"

	"github.com/dossier-go/dossier"
)

// sequence yields what inner yields, between the points of an operation.
func sequence[T any](ctx context.Context, b *Backend, operation, key string, inner iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		if _, err := b.begin(ctx, operation, key); err != nil {
			yield(none, err)
			return
		}
		for item, err := range inner {
			if !yield(item, err) || err != nil {
				return
			}
		}
		if err := b.end(ctx, operation, key); err != nil {
			yield(none, err)
		}
	}
}

// List implements [dossier.Lister].
func (b *Backend) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return sequence(ctx, b, "list", opts.Prefix, b.Forward.List(ctx, opts))
}

// SignURLs implements [dossier.URLSigner].
func (b *Backend) SignURLs(ctx context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	return around(ctx, b, "signurls", "", func(*cut) ([]dossier.SignedRequest, error) { return b.Forward.SignURLs(ctx, reqs) })
}

// SignForm implements [dossier.FormSigner].
func (b *Backend) SignForm(ctx context.Context, req dossier.FormRequest) (dossier.SignedForm, error) {
	return around(ctx, b, "signform", req.Key, func(*cut) (dossier.SignedForm, error) { return b.Forward.SignForm(ctx, req) })
}

// CreateUpload implements [dossier.MultipartBackend].
func (b *Backend) CreateUpload(ctx context.Context, key string, opts dossier.PutOptions) (dossier.Upload, error) {
	return around(ctx, b, "createupload", key, func(*cut) (dossier.Upload, error) { return b.Forward.CreateUpload(ctx, key, opts) })
}

// PutPart implements [dossier.MultipartBackend].
func (b *Backend) PutPart(ctx context.Context, upload dossier.Upload, number int, src dossier.Source) (dossier.Part, error) {
	return around(ctx, b, "putpart", upload.Key, func(c *cut) (dossier.Part, error) {
		src, end := b.source("putpart", src, c)
		defer end()
		return b.Forward.PutPart(ctx, upload, number, src)
	})
}

// Parts implements [dossier.MultipartBackend].
func (b *Backend) Parts(ctx context.Context, upload dossier.Upload) iter.Seq2[dossier.Part, error] {
	return sequence(ctx, b, "parts", upload.Key, b.Forward.Parts(ctx, upload))
}

// CompleteUpload implements [dossier.MultipartBackend].
func (b *Backend) CompleteUpload(ctx context.Context, upload dossier.Upload, parts []dossier.Part) (dossier.Info, error) {
	return around(ctx, b, "completeupload", upload.Key, func(*cut) (dossier.Info, error) {
		return b.Forward.CompleteUpload(ctx, upload, parts)
	})
}

// AbortUpload implements [dossier.MultipartBackend].
func (b *Backend) AbortUpload(ctx context.Context, upload dossier.Upload) error {
	_, err := around(ctx, b, "abortupload", upload.Key, func(*cut) (struct{}, error) {
		return struct{}{}, b.Forward.AbortUpload(ctx, upload)
	})
	return err
}

// Uploads implements [dossier.MultipartBackend].
func (b *Backend) Uploads(ctx context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	return sequence(ctx, b, "uploads", prefix, b.Forward.Uploads(ctx, prefix))
}
