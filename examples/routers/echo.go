package routers

import (
	"net/http"

	"github.com/dossier-go/dossier/session"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// Echo is an application on echo that is wrapped as a whole: errors of handlers have become answers by then.
func Echo(m *session.Manager) http.Handler {
	e := echo.New()
	e.Use(middleware.Recover())
	echoRoutes(m, e.Group(""))
	return m.Middleware(session.Autocommit{})(e)
}

// EchoGroup is one of which only a group has sessions.
func EchoGroup(m *session.Manager) http.Handler {
	e := echo.New()
	e.Use(middleware.Recover())
	echoRoutes(m, e.Group("", EchoMiddleware(m, session.Autocommit{})))
	return e
}

func echoRoutes(m *session.Manager, routes *echo.Group) {
	routes.POST("/papers", func(c echo.Context) error {
		status, err := create(c.Request().Context(), m, c.FormValue("title"), c.FormValue("parent"))
		if err != nil {
			return err
		}
		if status >= 400 {
			return echo.NewHTTPError(status, "a title is needed")
		}
		c.Response().Header().Set("Location", "/papers/new")
		return c.NoContent(status)
	})
	routes.POST("/panic", func(c echo.Context) error {
		_, _ = create(c.Request().Context(), m, "lost", "")
		panic("a mistake")
	})
}

// EchoMiddleware adapts the middleware to a group of routes. echo.WrapMiddleware does not do: an error that a handler
// returns is made an answer by echo after all middleware, when nothing but an unanswered request was seen, which means 200
// and would be committed. So the error becomes an answer here, and echo's own writer is kept, on top of the session's.
func EchoMiddleware(m *session.Manager, cfg session.Autocommit) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			below, request, own := c.Response().Writer, c.Request(), cfg
			own.OnError = func(w http.ResponseWriter, r *http.Request, err error) {
				c.Logger().Error(err)
				if cfg.OnError != nil {
					cfg.OnError(w, r, err)
				} else {
					http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				}
			}
			defer func() {
				c.Response().Writer = below
				c.SetRequest(request)
			}()
			m.Middleware(own)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				c.Response().Writer = w
				if err := next(c); err != nil {
					c.Error(err)
				}
			})).ServeHTTP(below, request)
			return nil
		}
	}
}
