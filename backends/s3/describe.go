package s3

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dossier-go/dossier"
)

// Limits of S3 that other constants are made of.
const (
	minPart = 5 << 20
	maxPart = 5 << 30
)

// limits of the service, which tests make small.
type limits struct {
	maxObject int64 // bytes
	maxCopy   int64 // bytes that one CopyObject takes
	copyPart  int64 // bytes of the parts of a larger copy
	minPart   int64
	maxPart   int64
	maxParts  int
	maxBatch  int // keys of one DeleteObjects
}

// awsLimits are those of Amazon S3 as documented under "Amazon S3 multipart upload limits", CopyObject and DeleteObjects.
var awsLimits = limits{
	maxObject: 50_000 << 30, maxCopy: 5 << 30, copyPart: 512 << 20, minPart: minPart, maxPart: maxPart,
	maxParts: dossier.MaxPartNumber, maxBatch: 1000,
}

// everything is what Amazon S3 honours, whatever the configuration.
const everything = dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.GetMatch | dossier.CopyIfAbsent |
	dossier.SuffixRange | dossier.StoresMetadata | dossier.StoresHeader | dossier.VerifiesChecksums | dossier.ConsistentList |
	dossier.FlatKeys | dossier.Durable | dossier.SignGet | dossier.SignPut | dossier.SignDelete | dossier.SignPost |
	dossier.BindType | dossier.BindLength | dossier.BindIfAbsent | dossier.BindChecksum | dossier.Multipart |
	dossier.SignPart | dossier.StoresClass | dossier.StoresTags | dossier.StoresACL

// claimed is what a backend with this configuration promises.
func claimed(cfg Config) dossier.Capabilities {
	set := everything
	if cfg.Checksum == CRC32C {
		set |= dossier.StoresCRC32C
	}
	if len(cfg.SSE.CustomerKey) > 0 { // a URL would have to tell the key
		set &^= dossier.SignGet | dossier.SignPut | dossier.SignPost | dossier.SignPart
	}
	return implied(set &^ cfg.Without)
}

// implied clears what cannot be had without something that is missing.
func implied(set dossier.Capabilities) dossier.Capabilities {
	if !set.Has(dossier.PutIfAbsent) {
		set &^= dossier.CopyIfAbsent | dossier.BindIfAbsent
	}
	if !set.Has(dossier.Multipart) {
		set &^= dossier.SignPart
	}
	if !set.Has(dossier.SignPut) {
		set &^= dossier.BindType | dossier.BindLength | dossier.BindIfAbsent | dossier.BindChecksum | dossier.SignPart
	}
	return set
}

// Describe implements [dossier.Backend].
func (b *Backend) Describe() dossier.Description {
	return dossier.Description{
		Scheme: scheme, Store: b.store, Capabilities: b.capabilities,
		Limits: dossier.Limits{
			MaxKey: dossier.MaxKeyLength, MaxObject: b.limits.maxObject, MaxPut: b.limits.maxPart,
			MinPart: b.limits.minPart, MaxPart: b.limits.maxPart, MaxParts: b.limits.maxParts, EqualParts: b.cfg.EqualParts,
			MaxBatch: b.limits.maxBatch, MaxSignedLife: dossier.MaxSignedLife, MaxMetadata: maxStoredMetadata - putIDSpace,
		},
	}
}

// PublicURL implements [dossier.PublicURLer] with Config.PublicURL. That anyone can read there is for the bucket's policy
// to say; it is not checked.
func (b *Backend) PublicURL(key string) (string, error) {
	if err := errors.Join(b.open(), dossier.CheckKey(key)); err != nil {
		return "", fail("public URL", key, err)
	}
	if b.cfg.PublicURL == "" {
		return "", fail("public URL", key,
			fmt.Errorf("%w: the store has no public URL; set Config.PublicURL, or sign one", errors.ErrUnsupported))
	}
	return strings.TrimRight(b.cfg.PublicURL, "/") + "/" + escapeBytes(key, "-._~/"), nil
}
