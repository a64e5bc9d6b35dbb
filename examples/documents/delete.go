package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/dossier-go/dossier/session"
)

// delete deletes a document with all its files: DELETE /api/documents/{id}.
func (a *app) delete(w http.ResponseWriter, r *http.Request) error {
	doc, err := a.change(r, func(ctx context.Context, s *session.Session, doc *Document) error {
		return s.Delete(ctx, doc)
	})
	if err != nil {
		return err
	}
	slog.InfoContext(r.Context(), "document deleted", "id", doc.ID)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
