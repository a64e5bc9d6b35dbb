package filehttp

import (
	"mime"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

const binaryType = "application/octet-stream"

// baseType is the media type in lower case without parameters, or "" when it is malformed.
func baseType(contentType string) string {
	if isPlain(contentType) {
		return contentType
	}
	base, _, err := mime.ParseMediaType(contentType)
	if err != nil || strings.Count(base, "/") != 1 {
		return ""
	}
	return base
}

// isPlain reports a media type that is its own base, as nearly all are, without parsing it.
func isPlain(contentType string) bool {
	family, subtype, ok := strings.Cut(contentType, "/")
	return ok && isPlainToken(family) && isPlainToken(subtype)
}

func isPlainToken(token string) bool {
	for _, c := range []byte(token) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '+') {
			return false
		}
	}
	return token != ""
}

// isActive reports types that a browser may run, or that carry what it may run. Wildcards never match them.
func isActive(base string) bool {
	return strings.HasSuffix(base, "+xml") || strings.HasPrefix(base, "multipart/") || strings.HasPrefix(base, "message/") ||
		slices.Contains(active, base)
}

var active = []string{
	"image/svg", "text/html", "text/xml", "text/css", "text/javascript", "text/ecmascript", "text/cache-manifest",
	"application/xml", "application/javascript", "application/x-javascript", "application/ecmascript", "application/wasm",
	"application/x-shockwave-flash",
}

// shownInline reports whether content of this type may be shown in the browser: by the list of the configuration, or by
// [dossier.InlineType] when there is none.
func shownInline(list []string, contentType string) bool {
	base := baseType(contentType)
	if list == nil {
		return base != "" && !isActive(base) && dossier.InlineType(contentType)
	}
	for _, pattern := range list {
		pattern = strings.ToLower(strings.TrimSpace(pattern))
		family, wild := strings.CutSuffix(pattern, "/*")
		if base != "" && base == pattern || wild && !isActive(base) && strings.HasPrefix(base, family+"/") {
			return true
		}
	}
	return false
}

// passive lists types outside image/, audio/, video/ and font/ that a download may keep; all others, whatever they are,
// become application/octet-stream. A browser never runs one of these, not even included by a script or style element.
var passive = []string{
	"application/epub+zip", "application/gzip", "application/json", "application/msword", "application/pdf", "application/rtf",
	"application/x-7z-compressed", "application/x-bzip2", "application/x-tar", "application/zip", "application/zstd",
	"text/calendar", "text/csv", "text/markdown", "text/plain", "text/tab-separated-values", "text/vcard",
}

// servedType is the Content-Type under which stored content goes out. inline tells whether the browser shows it.
func servedType(contentType string, inline bool) string {
	base := baseType(contentType)
	family, _, _ := strings.Cut(base, "/")
	switch {
	case base == "":
		return binaryType
	case strings.HasPrefix(base, "text/") && (inline || slices.Contains(passive, base)):
		return base + "; charset=utf-8"
	case inline, slices.Contains(passive, base):
		return base
	case isActive(base):
		return binaryType
	case slices.Contains([]string{"image", "audio", "video", "font"}, family):
		return base
	case strings.HasPrefix(base, "application/vnd."):
		return base
	}
	return binaryType
}
