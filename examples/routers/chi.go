package routers

import (
	"net/http"

	"github.com/dossier-go/dossier/session"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// Chi is an application on chi, which takes the middleware as it is. Recoverer comes first: it then answers when the
// session is rolled back and the header is as it was. A group has a policy of its own, which counts for its routes.
func Chi(m *session.Manager) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, m.Middleware(session.Autocommit{}))
	r.Post("/papers", handler(m))
	r.Post("/panic", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = create(r.Context(), m, "lost", "")
		panic("a mistake")
	})
	r.Group(func(r chi.Router) {
		r.Use(m.Middleware(session.Autocommit{Redirects: true}))
		r.Post("/forms", func(w http.ResponseWriter, r *http.Request) {
			if _, err := create(r.Context(), m, r.FormValue("title"), ""); err != nil {
				http.Error(w, "not stored", http.StatusInternalServerError)
				return
			}
			http.Redirect(w, r, "/papers", http.StatusSeeOther)
		})
	})
	return r
}
