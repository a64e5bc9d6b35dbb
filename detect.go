package dossier

import (
	"mime"
	"net/http"
	"path"
	"strings"
)

// DetectLength is how many bytes of the beginning of a file a [Detector] is given, when there are so many.
const DetectLength = 3 << 10

// Detector finds the content type of a file from its bytes.
type Detector interface {
	// Detect returns the types that head, the first bytes of the file, can be: the most specific first, its
	// generalisations after it ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", then
	// "application/zip"), and never nothing: "application/octet-stream" when unknown. name is the file's name from an
	// untrusted client: it may only choose between plain text formats, never make content active.
	Detect(head []byte, name string) []string
}

// DefaultDetector is [net/http.DetectContentType] (the WHATWG MIME sniffing standard), with plain text refined by the
// extension of the name where that cannot make it active. Package filetype knows many more formats.
func DefaultDetector() Detector { return sniffer{} }

type sniffer struct{}

func (sniffer) Detect(head []byte, name string) []string {
	found := http.DetectContentType(head)
	base, _, _ := mime.ParseMediaType(found)
	if base == "text/plain" {
		if refined := textFormats[strings.ToLower(path.Ext(name))]; refined != "" {
			return []string{refined, found}
		}
	}
	return []string{found}
}

// textFormats are passive text formats that have no signature.
var textFormats = map[string]string{
	".csv":  "text/csv; charset=utf-8",
	".json": "application/json",
	".md":   "text/markdown; charset=utf-8",
	".tsv":  "text/tab-separated-values; charset=utf-8",
	".yaml": "application/yaml",
	".yml":  "application/yaml",
}
