package filehttp

import (
	"path"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// maxSentName is the longest file name that is sent, in bytes: percent-encoded and with its fallback it still fits into
// the 1,024 bytes that a signed header field may have.
const maxSentName = 200

// ContentDisposition returns a Content-Disposition field (RFC 6266) for any file name, however hostile: folders, control
// and format characters (CR, LF, NUL, bidirectional overrides) and invalid UTF-8 are dropped, a long name is cut to 200
// bytes before its extension, and what is not plain ASCII is sent as filename* (RFC 8187) with an ASCII fallback.
// The disposition is "inline" or "attachment"; anything else is "attachment". An empty name sends none.
func ContentDisposition(disposition, filename string) string {
	if disposition != "inline" {
		disposition = "attachment"
	}
	if filename == "" {
		return disposition
	}
	return dossier.ContentDisposition(disposition, cutName(fileobject.CleanFilename(filename)))
}

func cutName(name string) string {
	if len(name) <= maxSentName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	end := maxSentName - len(ext)
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + ext
}
