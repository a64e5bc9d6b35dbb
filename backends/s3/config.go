package s3

import (
	"time"

	"github.com/dossier-go/dossier"
)

// Algorithm is a checksum that the store is told about every object and part.
type Algorithm string

// The algorithms.
const (
	// CRC64NVME is the default of S3 itself: the checksum of the whole object, also of one sent in parts.
	CRC64NVME Algorithm = "crc64nvme"
	// CRC32C is for servers that do not know CRC64NVME.
	CRC32C Algorithm = "crc32c"
	// NoChecksum is for servers that refuse checksum headers.
	NoChecksum Algorithm = "none"
)

// BatchMode is how many objects are deleted with one request.
type BatchMode string

// The modes.
const (
	// BatchAuto tries BatchChecksum, then BatchContentMD5, then BatchSingle, and remembers what the server took.
	BatchAuto BatchMode = "auto"
	// BatchChecksum sends DeleteObjects with a CRC-32 header, as the SDK does.
	BatchChecksum BatchMode = "checksum"
	// BatchContentMD5 sends DeleteObjects with a Content-MD5 header and no other checksum.
	BatchContentMD5 BatchMode = "content-md5"
	// BatchSingle sends one DeleteObject for each key.
	BatchSingle BatchMode = "single"
)

// Config of [New]. The zero value is ready for use with Amazon S3.
type Config struct {
	// Memory is how many bytes of part buffers all uploads of the backend may hold at once. Default: 0, 64 MiB.
	Memory int64
	// PartSize of multipart uploads in bytes, at least 5 MiB. Default: 0, 8 MiB.
	PartSize int64
	// Parallel is how many part requests one upload, copy or batch has under way at once. Default: 0, 4.
	Parallel int
	// StallTimeout is how long a transfer may stand still before it is given up. Default: 0, 2 minutes; negative: never.
	StallTimeout time.Duration
	// Without are capabilities that the server does not honour, though Amazon S3 does: they are cleared from Describe,
	// so that asking for them is errors.ErrUnsupported. Probe finds them out. Default: none.
	Without dossier.Capabilities
	// Checksum that is sent with every object. Default: "", CRC64NVME.
	Checksum Algorithm
	// EqualParts makes all parts of an upload but the last the same size, which some servers demand. Default: false.
	EqualParts bool
	// DeleteBatch is how many objects are deleted with one request. Default: "", BatchAuto.
	DeleteBatch BatchMode
	// SSE is the encryption at rest that is asked for. Default: that of the bucket.
	SSE Encryption
	// Class is the storage class of objects whose PutOptions name none. Default: "", that of the bucket.
	Class string
	// ACL is the predefined access control list of objects whose PutOptions name none. Default: "", that of the bucket.
	ACL string
	// Tags of objects whose PutOptions name none. Default: none.
	Tags map[string]string
	// PublicURL is where anyone can read the objects: an absolute URL that a key is appended to with a slash in between.
	// Default: "", PublicURL is errors.ErrUnsupported.
	PublicURL string
}

// Encryption at rest. At most one of its three kinds may be asked for: AES256, KMS or a customer key.
type Encryption struct {
	// Algorithm is "AES256", "aws:kms" or "aws:kms:dsse". Default: "", that of the bucket.
	Algorithm string
	// KMSKeyID is the key of "aws:kms" and "aws:kms:dsse". Default: "", the account's own key for S3.
	KMSKeyID string
	// CustomerKey is a key of 32 bytes that is sent with every request and that the server forgets again (SSE-C). Without
	// it the objects cannot be read. It needs https. Default: nil.
	CustomerKey []byte
}
