package s3

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

// Algorithm is the checksum that the store is told about every object and part.
type Algorithm string

// The algorithms.
const (
	// CRC64NVME is the default of S3 itself: the checksum of the whole object, also of one sent in parts.
	CRC64NVME Algorithm = "crc64nvme"
	// CRC32C is for servers that do not know CRC64NVME. With it Info.Checksums.CRC32C is known.
	CRC32C Algorithm = "crc32c"
	// NoChecksum is for servers that refuse checksum headers. Requests are then signed with the SHA-256 of their body,
	// so bytes are still checked on their way to the server, but nothing is checked when they are read.
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
	// Memory is how many bytes of part buffers all uploads of the backend may hold at once, at least two parts.
	// Default: 0, 64 MiB.
	Memory int64
	// PartSize of multipart uploads in bytes, 5 MiB to 5 GiB. Larger objects get larger parts when 10,000 would not do.
	// Default: 0, 8 MiB.
	PartSize int64
	// Parallel is how many requests one upload, copy or batch of deletes has under way at once. Default: 0, 4.
	Parallel int
	// StallTimeout is how long a transfer may stand still before its connection is given up. Default: 0, 2 minutes;
	// negative: never.
	StallTimeout time.Duration
	// Without are capabilities that the server does not honour, though Amazon S3 does: they are cleared from Describe,
	// so that asking for them is errors.ErrUnsupported. Probe finds them out. Default: none.
	Without dossier.Capabilities
	// Checksum that is sent with every object. Default: "", CRC64NVME.
	Checksum Algorithm
	// EqualParts makes all parts of an upload but the last the same size, which some servers demand; objects of unknown
	// size are then limited to 10,000 times PartSize. Default: false.
	EqualParts bool
	// DeleteBatch is how many objects are deleted with one request. Default: "", BatchAuto.
	DeleteBatch BatchMode
	// SSE is the encryption at rest that is asked for. Default: that of the bucket.
	SSE Encryption
	// Class is the storage class of objects whose PutOptions name none, and of copies. Default: "", the server's own.
	Class string
	// ACL is the predefined access control list of objects whose PutOptions name none, and of copies. Default: "", the
	// server's own.
	ACL string
	// Tags of objects whose PutOptions name none; a copy has those of its source. Default: none.
	Tags map[string]string
	// PublicURL is where anyone can read the objects: an absolute URL to which a key is appended with a slash in between.
	// Default: "", PublicURL is errors.ErrUnsupported.
	PublicURL string
}

// Defaults and limits of the numbers in Config.
const (
	defaultMemory   = 64 << 20
	defaultPartSize = 8 << 20
	defaultParallel = 4
	maxParallel     = 1000
	defaultStall    = 2 * time.Minute
)

// normalized returns cfg with its defaults in place.
func (cfg Config) normalized() (Config, error) {
	setDefault(&cfg.PartSize, defaultPartSize)
	setDefault(&cfg.Memory, max(defaultMemory, 2*cfg.PartSize))
	setDefault(&cfg.Parallel, defaultParallel)
	setDefault(&cfg.StallTimeout, defaultStall)
	setDefault(&cfg.Checksum, CRC64NVME)
	setDefault(&cfg.DeleteBatch, BatchAuto)
	if cfg.StallTimeout < 0 {
		cfg.StallTimeout = 0 // what package stall calls endless
	}
	return cfg, errors.Join(cfg.checkNumbers(), cfg.checkNames(), cfg.SSE.check(), checkPublicURL(cfg.PublicURL),
		dossier.CheckPutOptions(dossier.PutOptions{Class: cfg.Class, ACL: cfg.ACL, Tags: cfg.Tags}))
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (cfg Config) checkNumbers() error {
	switch {
	case cfg.PartSize < minPart || cfg.PartSize > maxPart:
		return fmt.Errorf("%w: a part size of %d bytes; S3 takes %d to %d", dossier.ErrInvalid, cfg.PartSize, minPart, int64(maxPart))
	case cfg.Memory < 2*cfg.PartSize:
		return fmt.Errorf("%w: memory of %d bytes; at least two parts of %d are needed", dossier.ErrInvalid, cfg.Memory, cfg.PartSize)
	case cfg.Parallel < 1 || cfg.Parallel > maxParallel:
		return fmt.Errorf("%w: %d requests at once; it takes 1 to %d", dossier.ErrInvalid, cfg.Parallel, maxParallel)
	}
	return nil
}

func (cfg Config) checkNames() error {
	if !slices.Contains([]Algorithm{CRC64NVME, CRC32C, NoChecksum}, cfg.Checksum) {
		return fmt.Errorf("%w: checksum %q; it is crc64nvme, crc32c or none", dossier.ErrInvalid, cfg.Checksum)
	}
	if !slices.Contains([]BatchMode{BatchAuto, BatchChecksum, BatchContentMD5, BatchSingle}, cfg.DeleteBatch) {
		return fmt.Errorf("%w: delete batch %q; it is auto, checksum, content-md5 or single", dossier.ErrInvalid, cfg.DeleteBatch)
	}
	return nil
}

func checkPublicURL(base string) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" ||
		u.User != nil {
		return fmt.Errorf("%w: the public URL is no absolute http or https URL without query, fragment and user", dossier.ErrInvalid)
	}
	return nil
}

// checkBucket refuses names that would turn into other requests. The server knows the finer rules.
func checkBucket(bucket string) error {
	if strings.HasPrefix(bucket, "arn:") {
		return nil // of an access point; the SDK takes it apart and checks it
	}
	foreign := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_", r))
	}
	if bucket == "" || len(bucket) > 255 || strings.Trim(bucket, ".") == "" || strings.ContainsFunc(bucket, foreign) {
		return fmt.Errorf("%w: bucket %q; a name has letters, digits, dots and hyphens", dossier.ErrInvalid, bucket)
	}
	return nil
}
