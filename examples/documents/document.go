package main

import (
	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
)

// Document is a row with a file of any kind, and pages that are images or PDFs. Browsers may keep what a link leads to, for
// a key never gets other content.
type Document struct {
	bun.BaseModel `bun:"table:documents"`
	model.UUID
	model.Audit
	Title string                 `bun:"title,notnull"`
	File  *fileobject.FileObject `bun:"file" file:"uploads,max:5GiB,cache:'private, max-age=3600, immutable'"`
	Pages fileobject.List        `bun:"pages" file:"uploads,max:20MiB,many:50,accept:image/*|application/pdf,cache:'private, max-age=3600, immutable'"`
}

// Names and limits as the tags have them.
const (
	backendName = "uploads"
	maxFile     = 5 << 30
	maxPage     = 20 << 20
	maxPages    = 50
)
