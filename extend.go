package dossier

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// Lister lists objects. Use [List].
type Lister interface {
	Backend
	// List yields entries in byte order of their keys, each once. Keys present throughout appear exactly once; the
	// first error is yielded last. Temporary files, unfinished uploads and keys that break the key rules are not
	// shown. Ending the loop releases everything.
	List(ctx context.Context, opts ListOptions) iter.Seq2[Info, error]
}

// ListOptions of [List].
type ListOptions struct {
	// Prefix that keys must begin with; any string that may begin a key. Default: "", all.
	Prefix string
	// After starts behind this key, exclusive; any string, whether there is such a key or not. With a delimiter it is
	// compared with the folded entries. Default: "", at the beginning.
	After string
	// Delimiter folds all keys that have it behind the prefix into one entry with IsPrefix: "" or "/". Default: "",
	// no folding.
	Delimiter string
	// PageSize is how many entries to ask for in one request, 1 to 1,000. Default: 0, the store's own.
	PageSize int
}

// BatchDeleter deletes many objects. Use [DeleteBatch].
type BatchDeleter interface {
	Backend
	// DeleteBatch deletes each key and yields one result per key given, in any order. Missing keys are success. It
	// cuts the sequence into the store's batches itself; when it is left early the rest is not deleted.
	DeleteBatch(ctx context.Context, keys iter.Seq[string]) iter.Seq2[string, error]
}

// Copier copies inside the store. Use [Copy].
type Copier interface {
	Backend
	// Copy makes dst equal to src: bytes, header and metadata, unless opts replaces them. Conditions are atomic.
	// Errors: ErrNotExist (src), ErrExist, ErrPrecondition (dst or src).
	Copy(ctx context.Context, dst, src string, opts CopyOptions) (Info, error)
}

// CopyOptions of [Copy] and [Move].
type CopyOptions struct {
	// If is the condition on dst: IfAbsent or Match. Default: unconditional.
	If Condition
	// SourceIf is the condition on src: Match only. Default: unconditional.
	SourceIf Condition
	// Replace gives the copy another header and metadata. Default: nil, those of src.
	Replace *Replacement
}

// Replacement is the header and metadata that take the place of the present ones, as a whole.
type Replacement struct {
	Header   Header
	Metadata map[string]string
}

// Mover renames inside the store. Use [Move].
type Mover interface {
	Backend
	// Move is Copy and Delete of src; it is one step only with the capability AtomicMove.
	Move(ctx context.Context, dst, src string, opts CopyOptions) (Info, error)
}

// URLSigner makes signed URLs. Use [SignURLs].
type URLSigner interface {
	Backend
	// SignURLs signs all requests or none. It does no I/O besides refreshing credentials. Every binding is enforced
	// by the store, or the request is refused with errors.ErrUnsupported.
	SignURLs(ctx context.Context, reqs []SignRequest) ([]SignedRequest, error)
}

// SignRequest asks for one signed URL. Zero fields are not bound.
type SignRequest struct {
	// Method is GET, HEAD, PUT or DELETE. A GET URL does not serve HEAD. Default: "", GET.
	Method string
	// Key of the object.
	Key string
	// TTL is how long the URL is valid, more than zero, at most Limits.MaxSignedLife. Fractions of a second are
	// rounded up.
	TTL time.Duration
	// ContentType that a PUT must declare. Default: "", any.
	ContentType string
	// Length in bytes that a PUT must have exactly; negative means an empty body. Default: 0, not bound.
	Length int64
	// MaxLength in bytes of a PUT. Default: 0, not bound.
	MaxLength int64
	// Expect holds checksums that the body of a PUT must have. Default: none.
	Expect Checksums
	// If binds a PUT to create-only; only IfAbsent is allowed. Default: unconditional.
	If Condition
	// Metadata that a PUT stores. Default: none.
	Metadata map[string]string
	// Respond overrides header fields of the answer to a GET. Default: those of the object.
	Respond Header
	// Part makes a PUT store one part of a multipart upload of Key instead of the object; only Length and Expect can be
	// bound then. Default: none.
	Part PartRequest
	// Window rounds the time of signing down, so that all URLs made within it are identical and can be cached; the
	// URL lives TTL from the beginning of the window, so Window must be less than TTL. Default: 0, not rounded.
	Window time.Duration
}

// PartRequest names one part of a multipart upload.
type PartRequest struct {
	// UploadID is Upload.ID of an upload that was created.
	UploadID string
	// Number of the part, from 1 to Limits.MaxParts.
	Number int
}

// SignedRequest is an HTTP request that its holder may send until NotAfter.
type SignedRequest struct {
	Method string
	URL    string
	// Header fields that must be sent exactly so, and suffice.
	Header http.Header
	// NotAfter is when the URL expires.
	NotAfter time.Time
}

// FormSigner makes signed HTML forms. Use [SignForm].
type FormSigner interface {
	Backend
	// SignForm does no I/O besides refreshing credentials; every binding is enforced by the store or refused.
	SignForm(ctx context.Context, req FormRequest) (SignedForm, error)
}

// FormRequest asks for a signed POST form (multipart/form-data) that uploads one object.
type FormRequest struct {
	// Key of the object that the form creates.
	Key string
	// TTL is how long the form is valid, more than zero.
	TTL time.Duration
	// MinLength and MaxLength of the file in bytes. Default: 0, not bound.
	MinLength, MaxLength int64
	// ContentType that the form's Content-Type field must have. Default: "", any.
	ContentType string
	// If binds the form to create-only; only IfAbsent is allowed. Default: unconditional.
	If Condition
	// Metadata stored with the object. Default: none.
	Metadata map[string]string
}

// SignedForm is what an HTML form needs: action, and hidden fields that come before the file field named "file".
type SignedForm struct {
	URL      string
	Fields   []FormField
	NotAfter time.Time
}

// FormField is one hidden field.
type FormField struct{ Name, Value string }

// MultipartBackend uploads an object in parts that may come in any order and from several processes.
type MultipartBackend interface {
	Backend
	// CreateUpload begins an upload. Conditions, limits and checksums of opts are checked by CompleteUpload.
	CreateUpload(ctx context.Context, key string, opts PutOptions) (Upload, error)
	// PutPart stores part number (from 1 to Limits.MaxParts); a number sent again replaces its part. Errors:
	// ErrNotExist (no such upload), ErrInvalid.
	PutPart(ctx context.Context, upload Upload, number int, src Source) (Part, error)
	// Parts yields the stored parts by number.
	Parts(ctx context.Context, upload Upload) iter.Seq2[Part, error]
	// CompleteUpload joins the named parts, which must be in ascending order of number; none means an empty object.
	// Errors: ErrNotExist (no such upload), ErrInvalid (unknown or changed part), the errors of Put.
	CompleteUpload(ctx context.Context, upload Upload, parts []Part) (Info, error)
	// AbortUpload drops the upload and its parts. An unknown upload is success. It works without the capability Multipart
	// too, for the ids that Put gives to PutOptions.OnUploadID.
	AbortUpload(ctx context.Context, upload Upload) error
	// Uploads yields the unfinished uploads whose keys begin with prefix, in order of key.
	Uploads(ctx context.Context, prefix string) iter.Seq2[Upload, error]
}

// Part of a multipart upload.
type Part struct {
	Number int
	Size   int64 // bytes
	ETag   string
}

// HeaderUpdater replaces header and metadata without touching the bytes.
type HeaderUpdater interface {
	Backend
	// UpdateHeader returns the Info of the new version. Errors: ErrNotExist, ErrPrecondition.
	UpdateHeader(ctx context.Context, key string, to Replacement, cond Condition) (Info, error)
}

// Reclaimer removes what killed processes left: temporary files and unfinished uploads.
type Reclaimer interface {
	Backend
	// Reclaim removes leftovers that nothing has touched for olderThan. It never removes an object, nor anything that
	// a living process of this module is writing.
	Reclaim(ctx context.Context, olderThan time.Duration) (ReclaimReport, error)
}

// ReclaimReport counts what [Reclaimer.Reclaim] removed.
type ReclaimReport struct {
	Files   int   // temporary files and parts
	Uploads int   // multipart uploads
	Bytes   int64 // freed
}

// Prober tries what the store really honours.
type Prober interface {
	Backend
	// Probe makes real requests under [ReservedSegment] and returns a description whose capabilities hold. It leaves
	// nothing behind.
	Probe(ctx context.Context) (Description, error)
}

// PublicURLer is for stores whose objects anyone can read at a fixed URL. Use [PublicURL].
type PublicURLer interface {
	Backend
	// PublicURL returns the fixed URL of the object. It does no I/O. Errors: errors.ErrUnsupported when the store is not
	// public.
	PublicURL(key string) (string, error)
}
