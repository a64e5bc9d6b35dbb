package azure

import (
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/dossier-go/dossier"
)

// properties are what the service says of an object, in whatever answer.
type properties struct {
	size     int64
	etag     *azcore.ETag
	modified *time.Time
	header   blob.HTTPHeaders
	metadata map[string]*string
}

// info makes the description of an object from what the service says.
func (p properties) info(key string) dossier.Info {
	info := dossier.Info{Key: key, Size: p.size, Header: dossier.Header{
		ContentType: value(p.header.BlobContentType), ContentDisposition: value(p.header.BlobContentDisposition),
		ContentEncoding: value(p.header.BlobContentEncoding), ContentLanguage: value(p.header.BlobContentLanguage),
		CacheControl: value(p.header.BlobCacheControl),
	}}
	decodeMetadata(&info, p.metadata)
	if info.PutID == "" {
		info.Checksums.MD5 = p.header.BlobContentMD5 // another program's object; ours name all their checksums in metadata
	}
	return stamped(info, p.etag, p.modified)
}

// stamped gives info the identity of a version.
func stamped(info dossier.Info, etag *azcore.ETag, modified *time.Time) dossier.Info {
	info.ETag = string(value(etag))
	if info.ETag != "" && !strings.HasPrefix(info.ETag, `"`) {
		info.ETag = `"` + info.ETag + `"` // as listings have it
	}
	info.Version = dossier.Version(info.ETag)
	info.ModTime = value(modified).UTC()
	return info
}

// value returns what p points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// storedHeader is what the service keeps of the header fields of an object, and of its MD5.
func storedHeader(info dossier.Info) *blob.HTTPHeaders {
	field := func(value string) *string {
		if value == "" {
			return nil
		}
		return &value
	}
	return &blob.HTTPHeaders{
		BlobContentType: field(info.Header.ContentType), BlobContentDisposition: field(info.Header.ContentDisposition),
		BlobContentEncoding: field(info.Header.ContentEncoding), BlobContentLanguage: field(info.Header.ContentLanguage),
		BlobCacheControl: field(info.Header.CacheControl), BlobContentMD5: info.Checksums.MD5,
	}
}
