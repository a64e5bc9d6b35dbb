package filehttp

import (
	"net/http"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

// The policies of what is served (Content Security Policy Level 3). Nothing runs, loads, submits or navigates; what the
// browsers' own viewers of images, sound and films need is allowed.
const (
	contentPolicy = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
	// pdfPolicy has no sandbox: browsers refuse to show a PDF inside one. With nosniff a PDF is never taken for HTML.
	pdfPolicy = "default-src 'none'; object-src 'self'; img-src 'self'; style-src 'unsafe-inline'"
)

// protect sets the header fields that every answer has, whatever else it says. mediaType is what is served; "" is an
// answer without a file.
func protect(h http.Header, mediaType string) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	policy := contentPolicy
	if baseType(mediaType) == "application/pdf" {
		policy = pdfPolicy
	}
	h.Set("Content-Security-Policy", policy)
}

// setText sets a field unless the value is empty.
func setText(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// httpTime is the form of dates in header fields (RFC 9110, section 5.6.7).
func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// entityTag returns etag if it is well-formed (RFC 9110, section 8.8.3), else "".
func entityTag(etag string) string {
	opaque := strings.TrimPrefix(etag, "W/")
	if len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
		return ""
	}
	for _, c := range []byte(opaque[1 : len(opaque)-1]) {
		if c <= ' ' || c == '"' || c == 0x7F {
			return ""
		}
	}
	return etag
}

// defaultText is value, or standard when it is empty.
func defaultText(value, standard string) string {
	if value == "" {
		return standard
	}
	return value
}

// respond sets the overrides of a signed answer.
func respond(h http.Header, over dossier.Header) {
	setText(h, "Content-Type", over.ContentType)
	setText(h, "Content-Disposition", over.ContentDisposition)
	setText(h, "Content-Encoding", over.ContentEncoding)
	setText(h, "Content-Language", over.ContentLanguage)
	setText(h, "Cache-Control", over.CacheControl)
}
