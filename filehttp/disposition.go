package filehttp

import (
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

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
	return dossier.ContentDisposition(disposition, fileobject.CleanFilename(filename))
}
