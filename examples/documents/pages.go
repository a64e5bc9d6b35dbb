package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// addPages adds the files of the form: POST /api/documents/{id}/pages. Others may add at the same time; none is lost.
func (a *app) addPages(w http.ResponseWriter, r *http.Request) error {
	doc, err := a.change(r, func(ctx context.Context, s *session.Session, doc *Document) error {
		f := &form{doc: doc, fields: []string{"pages"}, most: maxPages - len(doc.Pages)}
		if err := a.receive(ctx, r, s, f); err != nil {
			return err
		}
		if len(f.pages) == 0 {
			return badRequest("The field pages is missing.")
		}
		return s.AppendFiles(ctx, doc, "pages", f.pages...)
	})
	if err != nil {
		return err
	}
	return answer(w, r, http.StatusOK, doc)
}

// removePage takes one page out: DELETE /api/documents/{id}/pages/{page}.
func (a *app) removePage(w http.ResponseWriter, r *http.Request) error {
	doc, err := a.change(r, func(ctx context.Context, s *session.Session, doc *Document) error {
		if err := s.Lock(ctx, doc); err != nil {
			return err
		}
		page := pageWith(doc, r.PathValue("page"))
		if page == nil {
			return fmt.Errorf("remove page: %w", dossier.ErrNotFound)
		}
		return s.RemoveFiles(ctx, doc, "pages", page)
	})
	if err != nil {
		return err
	}
	return answer(w, r, http.StatusOK, doc)
}

func pageWith(doc *Document, id string) *fileobject.FileObject {
	for _, page := range doc.Pages {
		if pageID(page) == id {
			return page
		}
	}
	return nil
}
