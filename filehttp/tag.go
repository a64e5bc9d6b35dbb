package filehttp

import (
	"encoding/hex"
	"strconv"

	"github.com/dossier-go/dossier"
)

// tagOfChecksum makes an entity tag of a checksum as rows have it ("crc32c:<hex>") and the size; "" without checksum.
// It stays the same when the object moves to another store.
func tagOfChecksum(checksum string, size int64) string {
	if checksum == "" || size < 0 {
		return ""
	}
	return entityTag(`"` + checksum + "-" + strconv.FormatInt(size, 16) + `"`)
}

// tagOfRecord is the entity tag of what a row says.
func tagOfRecord(r dossier.Record) string {
	if tag := tagOfChecksum(r.Checksum, r.Size); tag != "" {
		return tag
	}
	return entityTag(r.ETag)
}

// tagOfInfo is the store's own entity tag, or one made of a checksum that it keeps.
func tagOfInfo(info dossier.Info) string {
	if tag := entityTag(info.ETag); tag != "" {
		return tag
	}
	sums := info.Checksums
	switch {
	case len(sums.SHA256) > 0:
		return tagOfChecksum("sha256:"+hex.EncodeToString(sums.SHA256), info.Size)
	case len(sums.CRC32C) > 0:
		return tagOfChecksum("crc32c:"+hex.EncodeToString(sums.CRC32C), info.Size)
	}
	return ""
}
