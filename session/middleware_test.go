package session_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
	"github.com/uptrace/bun"
)

type note struct {
	bun.BaseModel `bun:"table:notes"`
	model.UUID
	Title string                 `bun:"title,notnull,unique"`
	File  *fileobject.FileObject `bun:"file" file:"uploads"`
}

type web struct {
	m      *session.Manager
	server *httptest.Server
}

// newWeb serves handler behind the middleware.
func newWeb(t *testing.T, cfg session.Autocommit, opts session.Options,
	handler func(s *session.Session, w http.ResponseWriter, r *http.Request)) web {
	t.Helper()
	m := sessiontest.NewWith(t, opts, (*note)(nil))
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := m.FromContext(r.Context())
		if !ok {
			t.Error("no session in the request")
		}
		handler(s, w, r)
	})
	server := httptest.NewUnstartedServer(m.Middleware(cfg)(next))
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	return web{m, server}
}

func (w web) rows(t *testing.T) int {
	t.Helper()
	n, err := w.m.DB().NewSelect().Model((*note)(nil)).Count(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func (w web) get(t *testing.T) (*http.Response, string) {
	t.Helper()
	answer, err := http.Get(w.server.URL)
	if err != nil {
		return nil, ""
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return answer, string(body)
}

func insertNote(t *testing.T, ctx context.Context, s *session.Session, title string) {
	t.Helper()
	f := fileobject.FromBytes("a.txt", []byte(title), fileobject.Options{})
	if err := s.Insert(ctx, &note{Title: title, File: f}); err != nil {
		t.Error(err)
	}
}

// The client must be able to trust a 2xx, and only such an answer.
func TestMiddlewareCommitsByStatus(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg    session.Autocommit
		status int
		rows   int
	}{
		"200 commits":                 {status: 200, rows: 1},
		"204 commits":                 {status: 204, rows: 1},
		"303 rolls back":              {status: 303},
		"303 commits when asked":      {cfg: session.Autocommit{Redirects: true}, status: 303, rows: 1},
		"404 rolls back":              {status: 404},
		"500 rolls back":              {status: 500},
		"409 commits when listed":     {cfg: session.Autocommit{Commit: []int{409}}, status: 409, rows: 1},
		"202 rolls back when listed":  {cfg: session.Autocommit{Rollback: []int{202}}, status: 202},
		"manual mode commits nothing": {cfg: session.Autocommit{Manual: true}, status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := newWeb(t, test.cfg, session.Options{}, func(s *session.Session, w http.ResponseWriter, r *http.Request) {
				insertNote(t, r.Context(), s, "a")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
			})
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			answer, err := client.Get(web.server.URL)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != test.status || web.rows(t) != test.rows {
				t.Errorf("status %d, %d rows; want %d, %d", answer.StatusCode, web.rows(t), test.status, test.rows)
			}
		})
	}
}

// The commit must come before the first byte, also when the handler streams or writes nothing at all.
func TestMiddlewareCommitsBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter) error{
		"nothing": func(http.ResponseWriter) error { return nil },
		"Write":   func(w http.ResponseWriter) error { _, err := io.WriteString(w, "x"); return err },
		"Flush":   func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"ReadFrom": func(w http.ResponseWriter) error {
			_, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
			return err
		},
		"100 first":  func(w http.ResponseWriter) error { w.WriteHeader(103); w.WriteHeader(200); return nil },
		"old Flush":  func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"200 header": func(w http.ResponseWriter) error { w.WriteHeader(200); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m *session.Manager
			web := newWeb(t, session.Autocommit{}, session.Options{}, func(s *session.Session, w http.ResponseWriter, r *http.Request) {
				insertNote(t, r.Context(), s, "a")
				if err := answer(w); err != nil {
					t.Error(err)
				}
				if name == "nothing" {
					return // the transaction is open: in memory a read outside of it would wait for its end
				}
				if n, _ := m.DB().NewSelect().Model((*note)(nil)).Count(r.Context()); n != 1 {
					t.Errorf("%d rows are committed after the answer began", n)
				}
			})
			m = web.m
			if answer, _ := web.get(t); answer.StatusCode != 200 || web.rows(t) != 1 {
				t.Errorf("status %d, %d rows", answer.StatusCode, web.rows(t))
			}
		})
	}
}

// A request whose commit failed never answers 2xx, and keeps nothing of the handler's header: a cookie would log in a
// user whose row is not there.
func TestMiddlewareFailedCommitIs5xxWithoutTheHandlersHeader(t *testing.T) {
	t.Parallel()
	hooks := session.Hooks{BeforeCommit: func(context.Context, *session.Session) error { return errors.New("no") }}
	web := newWeb(t, session.Autocommit{}, session.Options{Hooks: hooks},
		func(s *session.Session, w http.ResponseWriter, r *http.Request) {
			insertNote(t, r.Context(), s, "a")
			http.SetCookie(w, &http.Cookie{Name: "user", Value: "1"})
			w.Header().Set("Content-Length", "2")
			if _, err := io.WriteString(w, "ok"); !errors.Is(err, dossier.ErrClosed) {
				t.Errorf("Write after the failed commit: %v", err)
			}
		})
	answer, body := web.get(t)
	if answer.StatusCode != 500 || answer.Header.Get("Set-Cookie") != "" || body == "ok" || web.rows(t) != 0 {
		t.Errorf("status %d, cookie %q, body %q, %d rows", answer.StatusCode, answer.Header.Get("Set-Cookie"), body, web.rows(t))
	}
}

func TestMiddlewareOnErrorAnswersInPlaceOfTheHandler(t *testing.T) {
	t.Parallel()
	hooks := session.Hooks{BeforeCommit: func(context.Context, *session.Session) error { return dossier.ErrUnavailable }}
	cfg := session.Autocommit{OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
		if !errors.Is(err, dossier.ErrUnavailable) {
			t.Errorf("OnError got %v", err)
		}
		w.WriteHeader(503)
	}}
	web := newWeb(t, cfg, session.Options{Hooks: hooks}, func(s *session.Session, w http.ResponseWriter, r *http.Request) {
		insertNote(t, r.Context(), s, "a")
	})
	if answer, _ := web.get(t); answer.StatusCode != 503 {
		t.Errorf("status %d", answer.StatusCode)
	}
}

func TestMiddlewarePanicRollsBack(t *testing.T) {
	t.Parallel()
	web := newWeb(t, session.Autocommit{}, session.Options{}, func(s *session.Session, _ http.ResponseWriter, r *http.Request) {
		insertNote(t, r.Context(), s, "a")
		panic(http.ErrAbortHandler)
	})
	web.get(t)
	if web.rows(t) != 0 {
		t.Error("the row was committed")
	}
}

func TestMiddlewareClientGoneCommitsNothing(t *testing.T) {
	t.Parallel()
	m := sessiontest.New(t, (*note)(nil))
	ctx, cancel := context.WithCancel(t.Context())
	handler := m.Middleware(session.Autocommit{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := m.FromContext(r.Context())
		insertNote(t, r.Context(), s, "a")
		cancel()
		w.WriteHeader(200)
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	if (web{m: m}).rows(t) != 0 || w.Code/100 == 2 {
		t.Errorf("status %d, %d rows", w.Code, (web{m: m}).rows(t))
	}
}

func TestMiddlewareHijackRollsBack(t *testing.T) {
	t.Parallel()
	web := newWeb(t, session.Autocommit{}, session.Options{}, func(s *session.Session, w http.ResponseWriter, r *http.Request) {
		insertNote(t, r.Context(), s, "a")
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	})
	web.get(t)
	if web.rows(t) != 0 {
		t.Error("the row was committed")
	}
}

// What is written after the answer began would be lost: the call that asked for it must say so. Reading goes on.
func TestMiddlewareLateChangesAreRefused(t *testing.T) {
	t.Parallel()
	web := newWeb(t, session.Autocommit{}, session.Options{}, func(s *session.Session, w http.ResponseWriter, r *http.Request) {
		n := &note{Title: "a", File: text("a")}
		must(t, s.Insert(r.Context(), n))
		w.WriteHeader(200)
		wantError(t, s.Insert(r.Context(), &note{Title: "late"}), dossier.ErrClosed)
		_, err := s.IDB().ExecContext(r.Context(), "DELETE FROM notes")
		wantError(t, err, dossier.ErrClosed)
		s.Add(&note{Title: "late"})
		must(t, s.Get(r.Context(), &note{}, n.ID))
	})
	if answer, _ := web.get(t); answer.StatusCode != 200 || web.rows(t) != 1 {
		t.Errorf("status %d, %d rows", answer.StatusCode, web.rows(t))
	}
}

func TestMiddlewareRefusesOverlappingStatuses(t *testing.T) {
	t.Parallel()
	for _, cfg := range []session.Autocommit{
		{Commit: []int{404}, Rollback: []int{404}}, {Commit: []int{99}}, {Rollback: []int{600}}, {Manual: true, Redirects: true},
	} {
		if !errors.Is(cfg.Check(), dossier.ErrInvalid) {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

func TestFromContextOutsideTheMiddleware(t *testing.T) {
	t.Parallel()
	m := sessiontest.New(t, (*note)(nil))
	if s, ok := m.FromContext(t.Context()); ok || s != nil {
		t.Error("a session outside a request")
	}
}
