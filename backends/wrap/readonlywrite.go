package wrap

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/dossier-go/dossier"
)

// refused is the error of everything that writes.
func (r reading) refused(op, key string) error {
	return &dossier.Error{
		Op: op, Backend: r.of.Describe().Scheme, Key: key, Kind: dossier.ErrPermission,
		Err: errors.New("the store was opened for reading only"),
	}
}

// DeleteBatch implements [dossier.BatchDeleter] by refusing each key.
func (r *readOnly) DeleteBatch(_ context.Context, keys iter.Seq[string]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for key := range keys {
			if !yield(key, r.refused("delete", key)) {
				return
			}
		}
	}
}

// Copy implements [dossier.Copier] by refusing.
func (r *readOnly) Copy(_ context.Context, dst, _ string, _ dossier.CopyOptions) (dossier.Info, error) {
	return dossier.Info{}, r.refused("copy", dst)
}

// Move implements [dossier.Mover] by refusing.
func (r *readOnly) Move(_ context.Context, dst, _ string, _ dossier.CopyOptions) (dossier.Info, error) {
	return dossier.Info{}, r.refused("move", dst)
}

// SignForm implements [dossier.FormSigner] by refusing.
func (r *readOnly) SignForm(_ context.Context, req dossier.FormRequest) (dossier.SignedForm, error) {
	return dossier.SignedForm{}, r.refused("sign form", req.Key)
}

// CreateUpload implements [dossier.MultipartBackend] by refusing.
func (r *readOnly) CreateUpload(_ context.Context, key string, _ dossier.PutOptions) (dossier.Upload, error) {
	return dossier.Upload{}, r.refused("create upload", key)
}

// PutPart implements [dossier.MultipartBackend] by refusing.
func (r *readOnly) PutPart(_ context.Context, upload dossier.Upload, _ int, _ dossier.Source) (dossier.Part, error) {
	return dossier.Part{}, r.refused("put part", upload.Key)
}

// Parts implements [dossier.MultipartBackend] by refusing.
func (r *readOnly) Parts(_ context.Context, upload dossier.Upload) iter.Seq2[dossier.Part, error] {
	return failed[dossier.Part](r.refused("list parts", upload.Key))
}

// CompleteUpload implements [dossier.MultipartBackend] by refusing.
func (r *readOnly) CompleteUpload(_ context.Context, upload dossier.Upload, _ []dossier.Part) (dossier.Info, error) {
	return dossier.Info{}, r.refused("complete upload", upload.Key)
}

// AbortUpload implements [dossier.MultipartBackend] by refusing.
func (r *readOnly) AbortUpload(_ context.Context, upload dossier.Upload) error {
	return r.refused("abort upload", upload.Key)
}

// Uploads implements [dossier.MultipartBackend] by refusing.
func (r *readOnly) Uploads(_ context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	return failed[dossier.Upload](r.refused("list uploads", prefix))
}

// UpdateHeader implements [dossier.HeaderUpdater] by refusing.
func (r *readOnly) UpdateHeader(
	_ context.Context, key string, _ dossier.Replacement, _ dossier.Condition,
) (dossier.Info, error) {
	return dossier.Info{}, r.refused("update header", key)
}

// Reclaim implements [dossier.Reclaimer] by refusing.
func (r *readOnly) Reclaim(context.Context, time.Duration) (dossier.ReclaimReport, error) {
	return dossier.ReclaimReport{}, r.refused("reclaim", "")
}

// Probe implements [dossier.Prober] by refusing: it would have to write.
func (r *readOnly) Probe(context.Context) (dossier.Description, error) {
	return dossier.Description{}, r.refused("probe", "")
}

var (
	_ dossier.Wrapper          = (*readOnly)(nil)
	_ dossier.Lister           = (*readOnly)(nil)
	_ dossier.BatchDeleter     = (*readOnly)(nil)
	_ dossier.Copier           = (*readOnly)(nil)
	_ dossier.Mover            = (*readOnly)(nil)
	_ dossier.URLSigner        = (*readOnly)(nil)
	_ dossier.FormSigner       = (*readOnly)(nil)
	_ dossier.MultipartBackend = (*readOnly)(nil)
	_ dossier.HeaderUpdater    = (*readOnly)(nil)
	_ dossier.Reclaimer        = (*readOnly)(nil)
	_ dossier.Prober           = (*readOnly)(nil)
	_ dossier.PublicURLer      = (*readOnly)(nil)
)
