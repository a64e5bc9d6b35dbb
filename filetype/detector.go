package filetype

import (
	"mime"

	"github.com/gabriel-vasile/mimetype"

	"github.com/dossier-go/dossier"
)

// unknown is the type of bytes of which nothing else can be said (RFC 2046, section 4.5.1).
const unknown = "application/octet-stream"

// Detector implements [dossier.Detector]. The zero value is ready, has no state and is safe for concurrent use.
type Detector struct{}

var _ dossier.Detector = Detector{}

// Detect returns the content types of a file that begins with head: the most specific first, then what that is a
// special case of. There is always one; it is "application/octet-stream" only when nothing else is known, and never
// stands as a parent.
//
// head is what is at hand of the beginning; at most 4,096 bytes of it are looked at. Some formats are told from their
// container only by what comes late: with less than [dossier.DetectLength] bytes a DOCX may be found to be just a ZIP
// archive. Empty content is "text/plain".
//
// name is the file's name, or empty. It refines text/plain, and guesses at comma- or tab-separated values, to a
// passive text format by its extension. It is never believed against the bytes.
//
// A text type at the head of the result carries a charset where the bytes prove one: UTF-8 (which ASCII is too) or
// a byte order mark of UTF-16. What a document declares of itself is not believed. Types further down have no
// parameters.
//
// Two relations of the signature tree are left out, because a column's list of accepted types would let in what its
// author did not mean: active types (HTML, SVG, XML, JavaScript) are not listed as a kind of text/plain, and an image
// or a sound is not listed as a kind of the video container that it shares (AVIF, HEIC and M4A with MP4).
func (Detector) Detect(head []byte, name string) []string {
	types := lineage(mimetype.Detect(head))
	if refined := refine(types[0], name); refined != types[0] {
		types = chain(refined, "text/plain")
	}
	types[0] = withCharset(types[0], head)
	return types
}

// lineage lists found and those of its ancestors that hold for it as well, without parameters.
func lineage(found *mimetype.MIME) []string {
	var types []string
	for m := found; m != nil; m = m.Parent() {
		contentType, _, err := mime.ParseMediaType(m.String())
		if err != nil || contentType == unknown {
			continue
		}
		if generalises(contentType, types) {
			types = append(types, contentType)
		}
	}
	if len(types) == 0 {
		return []string{unknown}
	}
	return types
}

// chain lists a type and its parent, once if they are the same.
func chain(contentType, parent string) []string {
	if contentType == parent {
		return []string{contentType}
	}
	return []string{contentType, parent}
}
