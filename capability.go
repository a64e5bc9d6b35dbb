package dossier

import (
	"errors"
	"fmt"
	"strings"
)

// Capabilities is a set of promises of a backend. A set bit is tested by package backendtest; a clear bit means that
// asking for it is [errors.ErrUnsupported] before any side effect.
type Capabilities uint64

// The capabilities.
const (
	PutIfAbsent       Capabilities = 1 << iota // create-only Put is atomic
	PutMatch                                   // compare-and-swap Put is atomic
	DeleteMatch                                // conditional Delete is atomic
	GetMatch                                   // Match and NotMatch on Get
	CopyIfAbsent                               // create-only Copy and Move are atomic
	AtomicMove                                 // Move is one step: no moment with both or none
	SuffixRange                                // ranges from the end
	StoresMetadata                             // PutOptions.Metadata comes back
	StoresHeader                               // PutOptions.Header comes back
	StoresCRC32C                               // Info.Checksums.CRC32C of full objects is known
	VerifiesChecksums                          // PutOptions.Expect is enforced before the object is visible
	ConsistentList                             // a listing sees every finished Put and Delete
	FlatKeys                                   // "a" and "a/b" can exist together
	Durable                                    // a finished Put survives a power loss
	SignGet                                    // signed GET and HEAD URLs
	SignPut                                    // signed PUT URLs
	SignDelete                                 // signed DELETE URLs
	SignPost                                   // signed POST forms
	BindType                                   // a signed PUT can be bound to a content type
	BindLength                                 // … to an exact length
	BindMaxLength                              // … to a largest length
	BindIfAbsent                               // … to create-only
	BindChecksum                               // … to a checksum
	Multipart                                  // MultipartBackend works
	SignPart                                   // signed PUT URLs for the parts of a multipart upload
	StoresClass                                // PutOptions.Class is honoured
	StoresTags                                 // PutOptions.Tags is honoured
	StoresACL                                  // PutOptions.ACL is honoured
)

var capabilityNames = []string{
	"PutIfAbsent", "PutMatch", "DeleteMatch", "GetMatch", "CopyIfAbsent", "AtomicMove", "SuffixRange",
	"StoresMetadata", "StoresHeader", "StoresCRC32C", "VerifiesChecksums", "ConsistentList", "FlatKeys", "Durable",
	"SignGet", "SignPut", "SignDelete", "SignPost", "BindType", "BindLength", "BindMaxLength", "BindIfAbsent",
	"BindChecksum", "Multipart", "SignPart", "StoresClass", "StoresTags", "StoresACL",
}

// Has reports whether every bit of want is set.
func (c Capabilities) Has(want Capabilities) bool { return c&want == want }

// String lists the names of the set bits, separated by commas.
func (c Capabilities) String() string {
	var names []string
	for i, name := range capabilityNames {
		if c.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// CheckPut returns an error that Is [errors.ErrUnsupported] when opts asks for what the set does not hold. Backends call
// it before any side effect of a Put or CreateUpload.
func (c Capabilities) CheckPut(opts PutOptions) error {
	for _, asked := range []struct {
		is   bool
		of   Capabilities
		what string
	}{
		{opts.If.IfAbsent, PutIfAbsent, "create-only writes"},
		{opts.If.Match != "", PutMatch, "conditional writes"},
		{opts.Expect.any(), VerifiesChecksums, "checking checksums"},
		{opts.Header != Header{}, StoresHeader, "header fields"},
		{len(opts.Metadata) > 0, StoresMetadata, "metadata"},
		{opts.Class != "", StoresClass, "storage classes"},
		{len(opts.Tags) > 0, StoresTags, "tags"},
		{opts.ACL != "", StoresACL, "access control lists"},
	} {
		if asked.is && !c.Has(asked.of) {
			return fmt.Errorf("%w: the store does not offer %s (capability %v)", errors.ErrUnsupported, asked.what, asked.of)
		}
	}
	return nil
}
