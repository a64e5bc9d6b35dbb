package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// replace exchanges the file of a document for the one in the form: PUT /api/documents/{id}/file. When somebody else
// exchanged it since this request began, it is dossier.ErrStale: of two at once one wins and the other is told.
func (a *app) replace(w http.ResponseWriter, r *http.Request) error {
	doc, err := a.change(r, func(ctx context.Context, s *session.Session, doc *Document) error {
		f := &form{doc: doc, fields: []string{"file"}}
		if err := a.receive(ctx, r, s, f); err != nil {
			return err
		}
		if f.file == nil {
			return badRequest("The field file is missing.")
		}
		before := pageID(doc.File)
		if err := s.Lock(ctx, doc); err != nil {
			return err
		}
		if pageID(doc.File) != before {
			return fmt.Errorf("replace file: %w", dossier.ErrStale)
		}
		doc.File = f.file
		return s.Update(ctx, doc, "file")
	})
	if err != nil {
		return err
	}
	slog.InfoContext(r.Context(), "file replaced", "id", doc.ID, "bytes", doc.File.Size)
	return answer(w, r, http.StatusOK, doc)
}
