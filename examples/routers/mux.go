package routers

import (
	"net/http"

	"github.com/dossier-go/dossier/session"
)

// Mux is an application on net/http's own router: the middleware wraps it.
func Mux(m *session.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /papers", handler(m))
	mux.HandleFunc("POST /panic", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = create(r.Context(), m, "lost", "")
		panic(http.ErrAbortHandler)
	})
	return m.Middleware(session.Autocommit{})(mux)
}

// handler is one for any router of net/http's kind.
func handler(m *session.Manager) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, err := create(r.Context(), m, r.FormValue("title"), r.FormValue("parent"))
		if err != nil {
			http.Error(w, "not stored", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Location", "/papers/new")
		w.WriteHeader(status)
	}
}
