package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/dossier-go/dossier/session"
)

// create makes a document from a form with the fields file, title and pages: POST /api/documents.
func (a *app) create(w http.ResponseWriter, r *http.Request) error {
	doc := &Document{}
	err := a.manager.Run(r.Context(), func(ctx context.Context, s *session.Session) error {
		f := &form{doc: doc, fields: []string{"title", "file", "pages"}, most: maxPages}
		if err := a.receive(ctx, r, s, f); err != nil {
			return err
		}
		if f.file == nil {
			return badRequest("The field file is missing.")
		}
		doc.Title, doc.File, doc.Pages = f.titleOf(), f.file, f.pages
		return s.Insert(ctx, doc)
	})
	if err != nil {
		return err
	}
	slog.InfoContext(r.Context(), "document created", "id", doc.ID, "bytes", doc.File.Size, "pages", len(doc.Pages))
	w.Header().Set("Location", "/api/documents/"+doc.ID.String())
	return answer(w, r, http.StatusCreated, doc)
}
