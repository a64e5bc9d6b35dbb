package routers_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/dossier-go/dossier/examples/routers"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
)

const table = `CREATE TABLE papers (id TEXT PRIMARY KEY, title TEXT NOT NULL, file TEXT,
	parent TEXT REFERENCES papers (id) DEFERRABLE INITIALLY DEFERRED)`

// newManager is one whose papers have parents that COMMIT checks.
func newManager(t *testing.T) *session.Manager {
	t.Helper()
	m := sessiontest.New(t, (*routers.Paper)(nil))
	for _, query := range []string{"DROP TABLE papers", table} {
		if _, err := m.DB().Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func rows(t *testing.T, m *session.Manager) int {
	t.Helper()
	n, err := m.DB().NewSelect().Model((*routers.Paper)(nil)).Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// serve starts an application and returns a function that posts to it.
func serve(t *testing.T, handler http.Handler) func(path string) *http.Response {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(path string) *http.Response {
		answer, err := server.Client().Post(server.URL+path, "", nil)
		if err != nil {
			return nil // a panic may end the connection
		}
		_ = answer.Body.Close()
		return answer
	}
}

// Under every router a 2xx commits, a 4xx and a panic roll back, and a commit that fails is a 500 without the handler's
// header.
func TestRouters(t *testing.T) {
	t.Parallel()
	for name, application := range map[string]func(*session.Manager) http.Handler{
		"ServeMux": routers.Mux, "chi": routers.Chi,
		"echo": routers.Echo, "echo group": routers.EchoGroup, "gin": routers.Gin, "gin group": routers.GinGroup,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newManager(t)
			post := serve(t, application(m))
			for _, step := range []struct {
				path     string
				status   int
				location string
				rows     int
			}{
				{"/papers?title=a", http.StatusCreated, "/papers/new", 1},
				{"/papers?title=", http.StatusUnprocessableEntity, "", 1},
				{"/papers?title=b&parent=nobody", http.StatusInternalServerError, "", 1},
				{"/nowhere", http.StatusNotFound, "", 1},
				{"/panic", http.StatusInternalServerError, "", 1},
				{"/papers?title=c", http.StatusCreated, "/papers/new", 2},
			} {
				answer := post(step.path)
				if answer == nil && name == "ServeMux" && step.path == "/panic" {
					continue // net/http ends the connection
				}
				if answer == nil {
					t.Errorf("%s: no answer", step.path)
					continue
				}
				if answer.StatusCode != step.status || rows(t, m) != step.rows {
					t.Errorf("%s: status %d, %d rows; want %+v", step.path, answer.StatusCode, rows(t, m), step)
				}
				if location := answer.Header.Get("Location"); step.status != 422 && location != step.location {
					t.Errorf("%s: location %q", step.path, location)
				}
			}
		})
	}
}

// A group's own policy counts for its routes.
func TestChiGroupCommitsRedirects(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	if answer := serve(t, routers.Chi(m))("/forms?title=a"); answer.StatusCode != http.StatusSeeOther || rows(t, m) != 1 {
		t.Errorf("status %d, %d rows", answer.StatusCode, rows(t, m))
	}
}

// gin's streams ask for what is deprecated in net/http; they work, and commit with their first byte.
func TestGinStreams(t *testing.T) {
	t.Parallel()
	for name, application := range map[string]func(*session.Manager) http.Handler{"gin": routers.Gin, "gin group": routers.GinGroup} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newManager(t)
			if answer := serve(t, application(m))("/stream"); answer.StatusCode != http.StatusOK || rows(t, m) != 1 {
				t.Errorf("status %d, %d rows", answer.StatusCode, rows(t, m))
			}
		})
	}
}

// Each message is committed before it is answered.
func TestWebsocketMessagesAreUnitsOfWork(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	server := httptest.NewServer(routers.Websocket(m))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.Scheme = "ws"
	conn, _, err := websocket.Dial(t.Context(), address.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for want, message := range strings.Fields("one two three") {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		_, answer, err := conn.Read(context.Background())
		if err != nil || string(answer) != "stored" || rows(t, m) != want+1 {
			t.Errorf("%s: %q, %v, %d rows", message, answer, err, rows(t, m))
		}
	}
}
