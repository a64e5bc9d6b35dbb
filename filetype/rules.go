package filetype

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// textFormats are formats that have no reliable signature, by extension. All are passive: no browser runs them. Adding
// one that is active (HTML, SVG, XML, JavaScript, style sheets) would let a client choose it by a name.
var textFormats = map[string]string{
	".adoc":     "text/asciidoc",
	".csv":      "text/csv",
	".diff":     "text/x-diff",
	".geojson":  "application/geo+json",
	".ics":      "text/calendar",
	".json":     "application/json",
	".jsonl":    "application/x-ndjson",
	".log":      "text/plain",
	".markdown": "text/markdown",
	".md":       "text/markdown",
	".ndjson":   "application/x-ndjson",
	".patch":    "text/x-diff",
	".rst":      "text/x-rst",
	".sql":      "application/sql",
	".srt":      "application/x-subrip",
	".toml":     "application/toml",
	".tsv":      "text/tab-separated-values",
	".txt":      "text/plain",
	".vcf":      "text/vcard",
	".vtt":      "text/vtt",
	".yaml":     "application/yaml",
	".yml":      "application/yaml",
}

// guesses are the types that a name may refine: plain text, and the tabular formats, which prose with as many commas
// in each line looks like as well.
var guesses = []string{"text/plain", "text/csv", "text/tab-separated-values"}

// refine returns the type that name gives to content of type contentType, or contentType when it gives none.
func refine(contentType, name string) string {
	if !slices.Contains(guesses, contentType) {
		return contentType
	}
	if refined, ok := textFormats[strings.ToLower(path.Ext(name))]; ok {
		return refined
	}
	return contentType
}

// generalises reports whether an ancestor belongs into the list of types that begins with the given descendants.
func generalises(ancestor string, descendants []string) bool {
	if len(descendants) == 0 {
		return true
	}
	if slices.ContainsFunc(descendants, active) {
		return active(ancestor)
	}
	leaf, family := family(descendants[0]), family(ancestor)
	switch leaf {
	case "image", "audio", "video", "font", "model":
		return family == leaf || family == "application"
	}
	return true
}

// active reports whether a browser that shows the type runs what is in it: script in HTML, SVG and any other XML.
func active(contentType string) bool {
	switch contentType {
	case "text/html", "text/xml", "application/xml", "text/javascript", "application/javascript":
		return true
	}
	return strings.HasSuffix(contentType, "+xml")
}

// family is the part of a content type before the slash.
func family(contentType string) string {
	family, _, _ := strings.Cut(contentType, "/")
	return family
}

// withCharset adds the charset that the bytes prove to a text type.
func withCharset(contentType string, head []byte) string {
	if family(contentType) != "text" {
		return contentType
	}
	if charset := provenCharset(head); charset != "" {
		return contentType + "; charset=" + charset
	}
	return contentType
}

// provenCharset is the charset of the byte order mark (Unicode Standard, section 23.8), or UTF-8 for valid UTF-8
// whose last character may be cut, or empty.
func provenCharset(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return "utf-16be"
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE, 0, 0}): // UTF-32, which browsers do not read
		return ""
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return "utf-16le"
	case utf8.Valid(withoutCutRune(head)):
		return "utf-8"
	}
	return ""
}

// withoutCutRune drops the beginning of a character whose rest lies behind the end of head.
func withoutCutRune(head []byte) []byte {
	for back := 1; back < utf8.UTFMax && back <= len(head); back++ {
		start := len(head) - back
		if !utf8.RuneStart(head[start]) {
			continue
		}
		if !utf8.FullRune(head[start:]) {
			return head[:start]
		}
		return head
	}
	return head
}
