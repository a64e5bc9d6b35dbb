package gcs

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/auth"

	"github.com/dossier-go/dossier"
)

// Sizes in bytes, and other numbers, that hold where [Config] says nothing.
const (
	defaultMemory   = 64 << 20
	defaultPartSize = 8 << 20
	defaultParallel = 4
	defaultStall    = 2 * time.Minute

	// chunkUnit is what the chunks of a resumable upload must be multiples of:
	// https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
	chunkUnit = 256 << 10
)

// Config of [New]. The zero value is ready for use, but cannot sign.
type Config struct {
	// Endpoint is the base of the store's URLs, scheme and host: for signed URLs and for the identity of the store. It
	// must be where the client goes. Default: "", https://storage.googleapis.com.
	Endpoint string
	// Memory is how many bytes the buffers of all uploads together may take: at least two parts. A Put that finds none free
	// waits for one. Default: 0, which means 64 MiB.
	Memory int64
	// PartSize in bytes is the largest object that is sent in one request, and the chunk of larger ones; it is rounded up
	// to a multiple of 256 KiB. Default: 0, which means 8 MiB.
	PartSize int64
	// Parallel is how many requests one CompleteUpload of many parts makes at once. Default: 0, which means 4.
	Parallel int
	// StallTimeout ends a transfer in which one piece has not moved for so long: 256 KiB of an object that is sent in one
	// request, PartSize of a larger one, whatever has arrived of one that is read. Negative means never. Default: 0, which
	// means 2 minutes.
	StallTimeout time.Duration
	// Without are capabilities that this bucket or server does not honour, such as StoresACL with uniform bucket-level
	// access: they are cleared from the description, and asking for them is errors.ErrUnsupported. Default: none.
	Without dossier.Capabilities
	// PublicURL is the base of the fixed URLs of a bucket that anyone may read; the escaped key is put behind it. For
	// the bucket itself it is "https://storage.googleapis.com/bucket/". Default: "", PublicURL is errors.ErrUnsupported.
	PublicURL string
	// Class is the storage class of objects whose PutOptions name none: "NEARLINE". Default: "", the bucket's.
	Class string
	// ACL is the predefined access control list of objects whose PutOptions name none: "projectPrivate". Default: "", the
	// bucket's.
	ACL string

	// HMAC is the key that signs URLs and forms, in about a microsecond each. Default: none, the next one that is set.
	HMAC HMACKey
	// SigningKey is the PEM of the RSA key of SigningAccount. A signature takes about a millisecond of one processor.
	// Default: nil, the next one that is set.
	SigningKey []byte
	// SignBytes makes the RSA signature (PKCS #1 v1.5 with SHA-256) of bytes in the name of SigningAccount, for keys
	// that do not leave their device. It is called from several goroutines. Default: nil, the next one that is set.
	SignBytes func(ctx context.Context, bytes []byte) ([]byte, error)
	// Credentials sign if nothing else does: with the private key if they are of a service account, else by the method
	// signBlob of the IAM Credentials API, which is one request for each signature. Default: nil, signing is
	// errors.ErrUnsupported.
	Credentials *auth.Credentials
	// SigningAccount is the e-mail address of the service account in whose name SigningKey, SignBytes or signBlob sign.
	// Default: "", that of Credentials.
	SigningAccount string
	// IAMEndpoint is the base URL of the IAM Credentials API, for networks that reach it by another name. Default: "",
	// https://iamcredentials.googleapis.com/.
	IAMEndpoint string

	pause time.Duration // after the first failed request. Default: 0, 100 ms; tests have less
}

// HMACKey is an HMAC key of a service account: https://cloud.google.com/storage/docs/authentication/hmackeys
type HMACKey struct {
	// AccessID appears in what is signed.
	AccessID string
	// Secret never does.
	Secret string
}

// String hides the secret.
func (k HMACKey) String() string { return "HMACKey(" + k.AccessID + ")" }

// GoString hides the secret.
func (k HMACKey) GoString() string { return k.String() }

// completed returns the configuration with the defaults in place.
func (c Config) completed() (Config, error) {
	if c.Memory < 0 || c.PartSize < 0 || c.Parallel < 0 {
		return c, fmt.Errorf("%w: memory of %d bytes, parts of %d bytes, %d requests at once",
			dossier.ErrInvalid, c.Memory, c.PartSize, c.Parallel)
	}
	if c.PartSize > maxObject {
		return c, fmt.Errorf("%w: parts of %d bytes; the store takes %d", dossier.ErrInvalid, c.PartSize, int64(maxObject))
	}
	c.Memory = orElse(c.Memory, defaultMemory)
	c.PartSize = (orElse(c.PartSize, defaultPartSize) + chunkUnit - 1) / chunkUnit * chunkUnit
	c.Memory = max(c.Memory, 2*c.PartSize)
	c.Parallel = orElse(c.Parallel, defaultParallel)
	c.pause = orElse(c.pause, firstPause)
	c.StallTimeout = max(orElse(c.StallTimeout, defaultStall), 0)
	return c, nil
}

// orElse returns value, or other if there is none.
func orElse[T comparable](value, other T) T {
	var none T
	if value == none {
		return other
	}
	return value
}

// String hides the keys.
func (c Config) String() string { return "Config(" + c.Endpoint + ")" }

// GoString hides the keys.
func (c Config) GoString() string { return c.String() }
