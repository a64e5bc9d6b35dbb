// Package routers shows sessions of requests ([session.Manager.Middleware]) under net/http's ServeMux, chi, echo and gin, and
// beside websockets. It is a module of its own, so that no router is in the graph of the library's users.
//
// Every router can be wrapped as a whole, which is the simplest and always right: a status is final when it reaches the
// middleware. Where only a group of routes shall have sessions, chi takes the middleware as it is; echo and gin need an
// adapter, because their handlers' status is not known yet when the handler returns.
package routers

import (
	"context"
	"net/http"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
)

// Paper is a row with a file. Parent refers to another paper, which is checked by COMMIT.
type Paper struct {
	bun.BaseModel `bun:"table:papers"`
	model.UUID
	Title  string                 `bun:"title,notnull"`
	Parent string                 `bun:"parent,nullzero"`
	File   *fileobject.FileObject `bun:"file" file:"uploads"`
}

// create stores a paper with the session of the request, whatever router it came by, and tells the status. Nothing is
// committed here: a paper without a title is written and undone by its status.
func create(ctx context.Context, m *session.Manager, title, parent string) (int, error) {
	s, ok := m.FromContext(ctx)
	if !ok {
		return 0, http.ErrNotSupported // a mistake in the routes: they lack the middleware
	}
	paper := &Paper{Title: title, Parent: parent, File: fileobject.FromBytes("paper.txt", []byte(title), fileobject.Options{})}
	if err := s.Insert(ctx, paper); err != nil {
		return 0, err
	}
	if title == "" {
		return http.StatusUnprocessableEntity, nil
	}
	return http.StatusCreated, nil
}
