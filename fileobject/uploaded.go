package fileobject

import (
	"net/http"
	"time"

	"github.com/dossier-go/dossier"
)

// UploadRequest asks a unit of work for an upload that a client makes by itself, straight to the store: a direct upload.
type UploadRequest struct {
	// Model is a pointer to a struct whose table will hold the file; it needs no more than what its key template uses.
	// Required.
	Model any
	// Field is the file column, by its SQL or Go name. Required.
	Field string
	// Subject says who may use the token, in words of the application: the id of a user, a tenant, a session. Nothing but
	// the same text redeems it. Required.
	Subject string
	// Filename is the client's name of the file, for people. Default: "", "file".
	Filename string
	// Size of the file in bytes; negative is an empty file. Default: 0, not known: whatever the column takes.
	Size int64
	// ContentType that the client says the file has. The bytes decide in the end. Default: "", application/octet-stream.
	ContentType string
	// Checksum that the bytes must have, "crc32c:<hex>" or "sha256:<hex>". Default: "", not checked.
	Checksum string
	// TTL is how long the upload may be begun: at most a day. Default: 0, 15 minutes.
	TTL time.Duration
	// Form asks for an HTML form in place of a PUT. Default: false, the method that binds more, PUT if both do.
	Form bool
}

// PreparedUpload is one upload that a client may make: one key, one method, until it expires.
type PreparedUpload struct {
	// Method is PUT, with the file as the body, or POST, with Fields and then the file as field "file" of a form of type
	// multipart/form-data.
	Method string
	URL    string
	// Header fields that a PUT must send exactly so.
	Header http.Header
	// Fields of a form, which come before the file.
	Fields []dossier.FormField
	// NotAfter is when the upload can no longer be begun.
	NotAfter time.Time
	// Token stands for the uploaded file: the unit of work makes a file of it. It is the client's to send back.
	Token string
	// TokenNotAfter is when the token can no longer be used.
	TokenNotAfter time.Time
	// Bound says what the store itself enforces. The rest is checked before a row takes the file.
	Bound Bindings
}

// Bindings says what a store enforces of a direct upload.
type Bindings struct {
	Size       bool // the exact size, or where it is not known the largest that the column takes
	Type       bool // the content type that the client declares
	CreateOnly bool // what was uploaded cannot be overwritten
	Checksum   bool
}

// Uploaded is an object that a client uploaded by itself and that a unit of work may take over after it was examined.
type Uploaded struct {
	// Reference of the object.
	Reference Reference
	// Size that was declared, in bytes; negative is an empty file. Default: 0, not known.
	Size int64
	// Checksum that was declared; "" is none.
	Checksum string
	// Bound is what the store enforced.
	Bound Bindings
	// Claim is the unit of work's own: what it needs to take the object over. Default: nil.
	Claim any
}
