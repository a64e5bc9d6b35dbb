package azure

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/dossier-go/dossier"
)

// Names of metadata that this package keeps for itself.
const (
	namePutID     = "dossier_put_id"
	nameCRC64NVME = "dossier_crc64nvme"
	nameCRC32C    = "dossier_crc32c"
	nameSHA256    = "dossier_sha256"
	nameMD5       = "dossier_md5"
	nameUntyped   = "dossier_untyped" // the object was written without a content type; the service gives it one
)

// encodedMark begins values that are percent-encoded, as in RFC 8187: header fields carry visible ASCII only.
const encodedMark = "UTF-8''"

// sumFields are the checksums in metadata: in hexadecimal.
func sumFields(sums *dossier.Checksums) map[string]*[]byte {
	return map[string]*[]byte{
		nameCRC64NVME: &sums.CRC64NVME, nameCRC32C: &sums.CRC32C, nameSHA256: &sums.SHA256, nameMD5: &sums.MD5,
	}
}

func reservedName(name string) bool {
	_, sum := sumFields(&dossier.Checksums{})[name]
	return sum || name == namePutID || name == nameUntyped
}

// checkNames refuses metadata that would be taken for this package's own.
func checkNames(metadata map[string]string) error {
	for name := range metadata {
		if reservedName(name) {
			return fmt.Errorf("%w: the metadata name %s is reserved", dossier.ErrInvalid, name)
		}
	}
	return nil
}

// encodeMetadata returns everything that is stored as metadata of an object.
func encodeMetadata(info dossier.Info) map[string]*string {
	stored := map[string]*string{}
	set := func(name, value string) { stored[name] = &value }
	for name, value := range info.Metadata {
		set(name, encodeValue(value))
	}
	for name, sum := range sumFields(&info.Checksums) {
		if *sum != nil {
			set(name, hex.EncodeToString(*sum))
		}
	}
	if info.PutID != "" {
		set(namePutID, encodeValue(info.PutID))
	}
	if info.Header.ContentType == "" {
		set(nameUntyped, "1")
	}
	return stored
}

// decodeMetadata fills the fields of info that are stored as metadata. Names come back in any case.
func decodeMetadata(info *dossier.Info, stored map[string]*string) {
	sums := sumFields(&info.Checksums)
	for name, value := range stored {
		if value == nil {
			continue
		}
		name = strings.ToLower(name)
		sum, isSum := sums[name]
		switch {
		case isSum:
			if decoded, err := hex.DecodeString(*value); err == nil {
				*sum = decoded
			}
		case name == namePutID:
			info.PutID = decodeValue(*value)
		case name == nameUntyped:
			info.Header.ContentType = ""
		default:
			if info.Metadata == nil {
				info.Metadata = map[string]string{}
			}
			info.Metadata[name] = decodeValue(*value)
		}
	}
}

// encodeValue makes a value fit for a header field. Empty values are marked too: not every server keeps an empty field.
func encodeValue(value string) string {
	plain := value != "" && !strings.HasPrefix(value, encodedMark) &&
		!strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r > 0x7E })
	if plain {
		return value
	}
	return encodedMark + url.PathEscape(value)
}

// decodeValue undoes encodeValue; what it cannot have made is returned as it is.
func decodeValue(stored string) string {
	encoded, marked := strings.CutPrefix(stored, encodedMark)
	if !marked {
		return stored
	}
	value, err := url.PathUnescape(encoded)
	if err != nil {
		return stored
	}
	return value
}
