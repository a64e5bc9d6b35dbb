package s3

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/dossier-go/dossier"
)

const (
	// putIDName is the metadata name that a put-id is stored under. It is never shown as metadata.
	putIDName = "dossier_put_id"
	// escapeMark begins values that are not stored as they are, as in RFC 8187, section 3.2.3. Servers differ in what they
	// make of header values beyond ASCII (raw, RFC 2047, refused) and of empty ones; this comes back from all alike.
	escapeMark = "utf-8''"
	// maxStoredMetadata is the limit of S3: bytes of names and values together, as stored.
	maxStoredMetadata = 2 << 10
	// putIDSpace is what a put-id made here takes of it.
	putIDSpace = len(putIDName) + 26
)

// storedMetadata is what is sent for metadata and put-id.
func storedMetadata(metadata map[string]string, putID string) map[string]string {
	stored := make(map[string]string, len(metadata)+1)
	for name, value := range metadata {
		stored[name] = escapeValue(value)
	}
	stored[putIDName] = escapeValue(putID)
	return stored
}

// checkStored returns an error for metadata that is too much once it is escaped, or takes the reserved name.
func checkStored(metadata map[string]string, putID string) error {
	if _, taken := metadata[putIDName]; taken {
		return fmt.Errorf("%w: the metadata name %s is reserved", dossier.ErrInvalid, putIDName)
	}
	total := max(0, putIDSpace-len(putIDName)-len(escapeValue(putID)))
	for name, value := range storedMetadata(metadata, putID) {
		total += len(name) + len(value)
	}
	if total > maxStoredMetadata {
		return fmt.Errorf("%w: metadata of %d bytes as stored, at most %d; characters beyond ASCII take up to 3 bytes for one",
			dossier.ErrInvalid, total, maxStoredMetadata)
	}
	return nil
}

// splitMetadata takes the put-id out of what the server returned.
func splitMetadata(stored map[string]string) (metadata map[string]string, putID string) {
	for name, value := range stored {
		name = strings.ToLower(name)
		if name == putIDName {
			putID = unescapeValue(value)
			continue
		}
		if metadata == nil {
			metadata = make(map[string]string, len(stored))
		}
		metadata[name] = unescapeValue(value)
	}
	return metadata, putID
}

// escapeValue returns the value itself when every server keeps it, else its escaped form.
func escapeValue(value string) string {
	foreign := func(r rune) bool { return r < ' ' || r > '~' }
	marked := len(value) >= len(escapeMark) && strings.EqualFold(value[:len(escapeMark)], escapeMark)
	if value != "" && !marked && !strings.ContainsFunc(value, foreign) && !strings.Contains(value, "=?") {
		return value
	}
	return escapeMark + escapeBytes(value, "!#$&+-.^_`|~ ")
}

func unescapeValue(stored string) string {
	if rest, ok := strings.CutPrefix(stored, escapeMark); ok {
		if value, err := url.PathUnescape(rest); err == nil {
			return value
		}
	}
	return stored // written by somebody else
}

// escapeBytes percent-encodes all but ASCII letters, digits and the bytes of kept.
func escapeBytes(s, kept string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(kept, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// copySource names an object as the source of a copy: percent-encoded, a plus sign too, which some servers would take
// for a space.
func (b *Backend) copySource(key string) string {
	if strings.HasPrefix(b.bucket, "arn:") {
		return b.bucket + "/object/" + escapeBytes(key, "-._~/")
	}
	return b.bucket + "/" + escapeBytes(key, "-._~/")
}
