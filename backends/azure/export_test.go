package azure

import (
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/crc"
)

// Joined is joined.
func Joined(a, b crc.Sums) crc.Sums { return joined(a, b) }

// EncodeValue and DecodeValue are what metadata goes through.
func EncodeValue(value string) string  { return encodeValue(value) }
func DecodeValue(stored string) string { return decodeValue(stored) }

// InByteOrder puts keys that come in the order of a server into byte order.
func InByteOrder(keys []string) (ordered []string) {
	var order byteOrder
	emit := func(info dossier.Info) bool {
		ordered = append(ordered, info.Key)
		return true
	}
	for _, key := range keys {
		order.next(dossier.Info{Key: key}, emit)
	}
	order.finish(emit)
	return ordered
}

// ContainerURL is what Open makes of a URL and an environment: the URL of the container, and which credentials it uses.
func ContainerURL(rawURL string, environment map[string]string) (url, credentials string, err error) {
	p, err := parseParameters(rawURL, func(name string) string { return environment[name] })
	switch {
	case err != nil:
		return "", "", err
	case p.anonymous:
		credentials = "none"
	case p.key != "":
		credentials = "key of " + p.account
	case p.sas != "":
		credentials = "signature"
	default:
		credentials = "token"
	}
	return p.containerURL, credentials, nil
}

// PartETag is the ETag of a part in one block; ok says whether it can be read back.
func PartETag(number int, content []byte) (etag string, ok bool) {
	part := newPartName(number)
	part.kind, part.sums = wholeBlock, crc.Of(content)
	read, ok := parsePartETag(part.etag())
	return part.etag(), ok && read == part
}

// ReadsPartETag says whether an ETag is one of this package.
func ReadsPartETag(etag string) bool {
	_, ok := parsePartETag(etag)
	return ok
}
