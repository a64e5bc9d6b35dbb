// Package filetype finds content types from the first bytes of a file, for some two hundred formats.
//
// [Detector] is a [dossier.Detector] over github.com/gabriel-vasile/mimetype, whose tree of signatures knows what is a
// special case of what (a DOCX file is a ZIP archive). Give it to the registry in place of the default, which is
// net/http's and knows far fewer formats.
//
//	registry := &dossier.Registry{Detector: filetype.Detector{}}
//
// The bytes decide; a name is a claim of the client. It chooses only between formats that are plain text to the
// bytes and passive to a browser (CSV, Markdown, JSON …), and never makes content active, such as HTML, SVG, XML or
// JavaScript.
//
// What is found is a label, not a proof that the file is well-formed: a file may be valid in two formats at once. What
// is served must still be served with "X-Content-Type-Options: nosniff", and inline only for an allow-list, as
// package filehttp does.
package filetype
