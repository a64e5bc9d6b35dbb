package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// show answers one document: GET /api/documents/{id}.
func (a *app) show(w http.ResponseWriter, r *http.Request) error {
	doc, err := a.find(r)
	if err != nil {
		return err
	}
	return answer(w, r, http.StatusOK, doc)
}

// fileOf finds the file that GET /api/documents/{id}/file serves.
func (a *app) fileOf(r *http.Request) (*fileobject.FileObject, error) {
	doc, err := a.find(r)
	if err != nil {
		return nil, err
	}
	return doc.File, nil
}

// find reads the document of a request.
func (a *app) find(r *http.Request) (*Document, error) {
	id, err := documentID(r)
	if err != nil {
		return nil, err
	}
	doc := &Document{}
	return doc, a.manager.RunWith(r.Context(), session.RunOptions{ReadOnly: true}, func(ctx context.Context, s *session.Session) error {
		return s.Get(ctx, doc, id)
	})
}

// change loads the document of a request, before anything of its body is read, and commits what fn does with it.
func (a *app) change(r *http.Request, fn func(ctx context.Context, s *session.Session, doc *Document) error) (*Document, error) {
	id, err := documentID(r)
	if err != nil {
		return nil, err
	}
	doc := &Document{}
	return doc, a.manager.Run(r.Context(), func(ctx context.Context, s *session.Session) error {
		if err := s.Get(ctx, doc, id); err != nil {
			return err
		}
		return fn(ctx, s, doc)
	})
}

// documentID reads {id}. What is no id is the id of no document.
func documentID(r *http.Request) (uuid.UUID, error) {
	text := r.PathValue("id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.Nil, fmt.Errorf("%w: no document has this id", dossier.ErrNotFound)
	}
	return id, nil
}
