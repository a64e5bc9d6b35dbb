package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
	"github.com/uptrace/bun"
)

// asked counts statements.
type asked struct{ n atomic.Int64 }

// BeforeQuery implements [bun.QueryHook].
func (a *asked) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	a.n.Add(1)
	return ctx
}

// AfterQuery implements [bun.QueryHook].
func (a *asked) AfterQuery(context.Context, *bun.QueryEvent) {}

// A health check, or a picture from disk, must not take a connection from those who need one.
func TestMiddlewareWithoutASessionAsksNoDatabase(t *testing.T) {
	t.Parallel()
	m, queries := sessiontest.New(t, (*note)(nil)), &asked{}
	m.DB().AddQueryHook(queries)
	for name, use := range map[string]func(ctx context.Context){
		"none": func(context.Context) {}, "one that is not used": func(ctx context.Context) { m.FromContext(ctx) },
	} {
		answer := httptest.NewRecorder()
		m.Middleware(session.Autocommit{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			use(r.Context())
			w.WriteHeader(http.StatusNoContent)
		})).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", nil))
		if n := queries.n.Load(); n != 0 || answer.Code != http.StatusNoContent {
			t.Errorf("%s: status %d, %d statements", name, answer.Code, n)
		}
	}
}

// crooked has a column that no database can make.
type crooked struct {
	bun.BaseModel `bun:"table:crooked"`
	ID            int64 `bun:"id,pk,type:integer("`
}

// A service that starts without its tables fails at its first user; a schema that was not made ends the start.
func TestASchemaThatCannotBeCreatedIsAnError(t *testing.T) {
	t.Parallel()
	m, err := session.Open(t.Context(), session.Config{
		DSN: filepath.Join(t.TempDir(), "app.db"), Options: session.Options{Registry: &dossier.Registry{}},
		Models: []any{(*crooked)(nil)}, CreateSchema: true,
	})
	if err == nil || m != nil {
		t.Errorf("a manager %v, %v", m, err)
	}
}
