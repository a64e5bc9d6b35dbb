package routers

import (
	"io"
	"net/http"

	"github.com/dossier-go/dossier/session"
	"github.com/gin-gonic/gin"
)

// Gin is an application on gin that is wrapped as a whole: gin sends a status that was only set when it is done, through
// the session's writer.
func Gin(m *session.Manager) http.Handler {
	engine := gin.New()
	engine.Use(gin.Recovery())
	ginRoutes(m, engine.Group(""))
	return m.Middleware(session.Autocommit{})(engine)
}

// GinGroup is one of which only a group has sessions.
func GinGroup(m *session.Manager) http.Handler {
	engine := gin.New()
	engine.Use(gin.Recovery())
	ginRoutes(m, engine.Group("", GinMiddleware(m, session.Autocommit{})))
	return engine
}

func ginRoutes(m *session.Manager, routes *gin.RouterGroup) {
	routes.POST("/papers", func(c *gin.Context) {
		status, err := create(c.Request.Context(), m, c.Query("title"), c.Query("parent"))
		if err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		c.Header("Location", "/papers/new")
		c.Status(status) // not sent before gin is done
	})
	routes.POST("/stream", func(c *gin.Context) {
		if _, err := create(c.Request.Context(), m, "streamed", ""); err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		left := 3
		c.Stream(func(w io.Writer) bool { // the first byte commits
			_, _ = io.WriteString(w, "x")
			left--
			return left > 0
		})
	})
	routes.POST("/panic", func(c *gin.Context) {
		_, _ = create(c.Request.Context(), m, "lost", "")
		panic("a mistake")
	})
}

// GinMiddleware adapts the middleware to a group of routes. A status that is only set (c.Status) is decided by when the
// handlers are done. Middleware that turns c.Errors into answers must come after it, to be inside.
func GinMiddleware(m *session.Manager, cfg session.Autocommit) gin.HandlerFunc {
	wrap := m.Middleware(cfg)
	return func(c *gin.Context) {
		below, request := c.Writer, c.Request
		defer func() { c.Writer, c.Request = below, request }()
		wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			writer := &ginWriter{ResponseWriter: below, deciding: w}
			c.Writer, c.Request = writer, r
			c.Next()
			if !below.Written() {
				w.WriteHeader(below.Status())
			}
		})).ServeHTTP(below, request)
	}
}

// ginWriter is gin's writer, with everything that sends going by the session's, which stands on gin's again.
type ginWriter struct {
	gin.ResponseWriter
	deciding http.ResponseWriter
}

// WriteHeaderNow decides by the status that was set.
func (w *ginWriter) WriteHeaderNow() {
	if !w.Written() {
		w.deciding.WriteHeader(w.Status())
		w.ResponseWriter.WriteHeaderNow()
	}
}

func (w *ginWriter) Write(data []byte) (int, error) {
	w.WriteHeaderNow()
	return w.deciding.Write(data)
}

func (w *ginWriter) WriteString(text string) (int, error) { return w.Write([]byte(text)) }

func (w *ginWriter) Flush() {
	w.WriteHeaderNow()
	_ = http.NewResponseController(w.deciding).Flush()
}
