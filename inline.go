package dossier

import (
	"mime"
	"slices"
	"strings"
)

// InlineType reports whether content of this type may be shown in a browser rather than downloaded: raster images,
// audio, video, PDF and plain text. HTML, SVG, XML and scripts are never among them, nor is anything unknown.
func InlineType(contentType string) bool {
	base, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if strings.HasPrefix(base, "audio/") || strings.HasPrefix(base, "video/") {
		return true
	}
	return slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/heic",
		"image/heif", "image/x-icon", "image/vnd.microsoft.icon", "image/tiff", "application/pdf", "text/plain"}, base)
}
