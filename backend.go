package dossier

import (
	"context"
	"time"
)

// Backend stores objects under keys. It is the required core; every further ability is an extension interface
// ([Lister], [BatchDeleter], [Copier], [Mover], [URLSigner], [FormSigner], [MultipartBackend], [HeaderUpdater],
// [Reclaimer], [Prober]).
//
// All methods are safe for concurrent use. After Close (an optional [io.Closer]) they return [ErrClosed].
// Errors are [*Error] values whose Kind is one of this package's Err values.
type Backend interface {
	// Describe returns scheme, store identity, capabilities and limits. It is cheap and constant.
	Describe() Description

	// Put stores the whole of src under key or changes nothing.
	//
	// The object is invisible until Put succeeds. On any error the previous object, including its metadata, is
	// untouched, or the error's Outcome is unknown. The error Is the reader's error when the source failed and Is
	// the context's when ctx ended. Conditions are evaluated atomically with the write. Put never reads src after
	// it returned, never reads a source twice unless it is replayable, and removes parts and temporary files on a
	// context of its own; what it could not remove is in Error.Leaked. Of concurrent Puts one wins entirely.
	//
	// Errors: ErrExist and ErrPrecondition (conditions), ErrTooLarge, ErrShortSource, ErrInvalid, ErrChecksum,
	// errors.ErrUnsupported.
	Put(ctx context.Context, key string, src Source, opts PutOptions) (Info, error)

	// Get opens an object. Bytes, Info and Version belong to one version for the life of the Object. The bytes are
	// exactly those stored (no transcoding). A body that ends early is io.ErrUnexpectedEOF; a full read verifies
	// a known checksum at its end.
	//
	// Errors: ErrNotExist, ErrPrecondition, ErrNotModified, ErrRange.
	Get(ctx context.Context, key string, opts GetOptions) (*Object, error)

	// Stat returns what Put returned, without reading the body. Errors: ErrNotExist.
	Stat(ctx context.Context, key string) (Info, error)

	// Delete removes an object; a missing key is success unless opts.If.Match is set. It never removes anything else:
	// not a subtree, not another version. Errors: ErrPrecondition.
	Delete(ctx context.Context, key string, opts DeleteOptions) error
}

// Version names one content of one key. It is opaque, made by the backend and never reused for other content of the
// same key. The empty Version means unknown.
type Version string

// Checksums of an object's bytes, in network byte order. A nil field is unknown.
type Checksums struct {
	CRC32C    []byte // Castagnoli (RFC 3720), 4 bytes
	CRC64NVME []byte // NVM Express base specification 5.2.1.3.4, 8 bytes
	SHA256    []byte // FIPS 180-4, 32 bytes
	MD5       []byte // RFC 1321, 16 bytes; not for security
}

// Header holds the HTTP header fields that belong to an object.
type Header struct {
	ContentType        string // Default: "", which the store may report as application/octet-stream
	ContentDisposition string // RFC 6266. Default: ""
	ContentEncoding    string // Default: ""
	ContentLanguage    string // Default: ""
	CacheControl       string // RFC 9111. Default: ""
}

// Info describes one version of one object. Listed entries may leave Header, Metadata and Checksums empty.
type Info struct {
	Key     string
	Size    int64 // bytes
	Version Version
	ETag    string // quoted, as in RFC 9110; "" when the store has none
	// ModTime is the time of the last change. In what Put returns it may be seconds later than what Stat says, where the store
	// does not tell it.
	ModTime  time.Time
	Header   Header
	Metadata map[string]string
	// Checksums that the store keeps.
	Checksums Checksums
	// PutID is PutOptions.PutID where the store keeps it.
	PutID string
	// IsPrefix marks an entry of a listing with a delimiter that stands for all keys under Key.
	IsPrefix bool
}

// Condition makes an operation depend on the present object. At most one field may be set; the zero value is
// unconditional.
type Condition struct {
	// IfAbsent: only when there is no object (create-only). Default: false.
	IfAbsent bool
	// Match: only when the present version is this one (compare-and-swap). Default: "", not asked.
	Match Version
	// NotMatch, for reads: ErrNotModified when the present version is this one. Default: "", not asked.
	NotMatch Version
}

// PutOptions of [Backend.Put] and [MultipartBackend.CreateUpload].
type PutOptions struct {
	// If makes the write conditional; NotMatch is not allowed. Default: unconditional.
	If Condition
	// MaxSize is the largest accepted size in bytes; more is ErrTooLarge. Default: 0, no limit.
	MaxSize int64
	// Expect holds checksums that the bytes must have, else ErrChecksum. Default: none.
	Expect Checksums
	// Header fields to keep with the object. Default: none.
	Header Header
	// Metadata to keep with the object: names [a-z][a-z0-9_]*, values UTF-8 without control characters, 2 KiB in
	// all. Default: none.
	Metadata map[string]string
	// Class is the storage class, as the store names it: "STANDARD_IA", "NEARLINE", "Cool". Default: "", the store's own.
	Class string
	// Tags of the object: at most 10, names of 1 to 128 and values of up to 256 letters, digits, spaces and "+-=._:/@".
	// Default: none.
	Tags map[string]string
	// ACL is a predefined access control list, as the store names it: "private", "public-read". Default: "", the store's own.
	ACL string
	// PutID is a random name of this write that resolves a lost answer. Default: "", the backend makes one.
	PutID string
	// Progress is called with the number of bytes read so far, from one goroutine at a time. Default: nil.
	Progress func(bytes int64)
	// OnUploadID is called with the id of a multipart upload as soon as there is one; no part is sent before it
	// returned nil, and its error ends the Put. Default: nil.
	OnUploadID func(id string) error
}

// GetOptions of [Backend.Get].
type GetOptions struct {
	// Range of bytes. Default: the whole object.
	Range Range
	// If makes the read conditional; IfAbsent is not allowed. Default: unconditional.
	If Condition
	// SkipVerify leaves out the checksum at the end of a full read. Default: false.
	SkipVerify bool
}

// DeleteOptions of [Backend.Delete].
type DeleteOptions struct {
	// If: only Match is allowed. Default: unconditional.
	If Condition
}

// Upload is an unfinished multipart upload.
type Upload struct {
	Key string
	ID  string
}

// Description of a backend.
type Description struct {
	// Scheme is the URL scheme of the kind of store: "file", "mem", "s3" …
	Scheme string
	// Store identifies the bucket (and prefix) for as long as it lives, so that the journal of one store is never
	// executed on another. Two backends over the same objects have the same Store.
	Store string
	// Capabilities are promises: a set bit is tested by the conformance suite, a clear bit means
	// errors.ErrUnsupported before any side effect.
	Capabilities Capabilities
	// Limits of the store.
	Limits Limits
}

// Limits of a store. Zero fields mean no limit of that kind.
type Limits struct {
	MaxKey        int   // bytes of a key; never more than 1,024
	MaxObject     int64 // bytes
	MaxPut        int64 // bytes in one request
	MinPart       int64 // bytes of every part of a multipart upload but the last
	MaxPart       int64 // bytes
	MaxParts      int
	EqualParts    bool          // all parts but the last must have one size
	MaxBatch      int           // keys in one batch delete request
	MaxSignedLife time.Duration // of a signed URL
	MaxMetadata   int           // bytes of names and values together
}
