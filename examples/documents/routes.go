package main

import (
	"log/slog"
	"net/http"

	"github.com/dossier-go/dossier/filehttp"
)

// handler is the whole service.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", problems(patiently(a.cfg.stall, http.NewCrossOriginProtection().Handler(a.api()))))
	if a.signer != nil {
		mux.Handle("GET "+filesPath+"/", http.StripPrefix(filesPath,
			filehttp.NewSignedHandler(a.store, a.signer, filehttp.SignedOptions{Logger: slog.Default()})))
	}
	a.assets.route(mux)
	return ownHosts(a.cfg.hosts, protected(a.origin, mux))
}

// api routes the JSON API. What changes something is refused when a page of another origin asks for it.
func (a *app) api() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("POST /api/documents", endpoint(a.create))
	mux.Handle("GET /api/documents", endpoint(a.list))
	mux.Handle("GET /api/documents/{id}", endpoint(a.show))
	mux.Handle("DELETE /api/documents/{id}", endpoint(a.delete))
	mux.Handle("PUT /api/documents/{id}/file", endpoint(a.replace))
	mux.Handle("POST /api/documents/{id}/pages", endpoint(a.addPages))
	mux.Handle("DELETE /api/documents/{id}/pages/{page}", endpoint(a.removePage))
	mux.Handle("GET /api/documents/{id}/file", filehttp.NewHandler(filehttp.Config{
		Lookup: a.fileOf, Mode: filehttp.Proxy, Logger: slog.Default(),
	}))
	return mux
}

// endpoint is a handler that returns its error.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP implements [http.Handler].
func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := e(w, r); err != nil {
		refuse(w, r, err)
	}
}
