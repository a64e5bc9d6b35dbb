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
	"github.com/dossier-go/dossier/session"
)

// serve calls a handler behind the middleware, without a network.
func (w *world) serve(cfg session.Autocommit, handler http.HandlerFunc) *httptest.ResponseRecorder {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.Middleware(cfg)(handler).ServeHTTP(recorder, httptest.NewRequestWithContext(w.ctx, http.MethodPost, "/", nil))
	return recorder
}

// here is the session of the request.
func (w *world) here(r *http.Request) *session.Session {
	w.t.Helper()
	s, ok := w.FromContext(r.Context())
	if !ok {
		w.t.Fatal("no session in the request")
	}
	return s
}

// answers are the ways in which a handler says that all is well.
var answers = map[string]func(w http.ResponseWriter, r *http.Request){
	"nothing": func(http.ResponseWriter, *http.Request) {},
	"WriteHeader": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "stored")
	},
	"Write":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("stored")) },
	"WriteString": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "stored") },
	"Flush": func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "stored")
	},
	"Copy": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, strings.NewReader("stored")) },
	"twice": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.WriteHeader(http.StatusAccepted)
	},
	"ServeContent": func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "stored.txt") },
}

// checkFailed demands an answer that neither says nor suggests that anything was stored.
func checkFailed(t *testing.T, answer *httptest.ResponseRecorder) {
	t.Helper()
	if answer.Code != http.StatusInternalServerError {
		t.Errorf("status %d", answer.Code)
	}
	for _, name := range []string{"Set-Cookie", "Location", "Etag", "Retry-After"} {
		if value := answer.Header().Get(name); value != "" {
			t.Errorf("%s is %q", name, value)
		}
	}
	if strings.Contains(answer.Body.String(), "stored") {
		t.Errorf("body %q", answer.Body)
	}
}

// promise sets the header of a success.
func promise(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: "user", Value: "1"})
	w.Header().Set("Location", "/papers/1")
	w.Header().Set("Etag", `"1"`)
	w.Header().Set("Content-Length", "6")
}

// Constraints that are checked by COMMIT alone, and all else that can go wrong there, must reach the client: it would
// take a 2xx, and a cookie, for the truth.
func TestMiddlewareFailedCommitAnswers5xxHoweverTheHandlerAnswers(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		broken := w.breakCommits()
		for name, answer := range answers {
			checkFailed(t, w.serve(session.Autocommit{}, func(rw http.ResponseWriter, r *http.Request) {
				s := w.here(r)
				must(t, s.Insert(r.Context(), &paper{Title: name, File: text("one")}))
				must(t, broken(r.Context(), s))
				promise(rw)
				answer(rw, r)
			}))
			if t.Failed() {
				t.Fatalf("after %s", name)
			}
		}
		w.faults.set(nil)
		w.settle()
	})
}

// breakCommits returns what makes the next commit of a session fail: a foreign key that only COMMIT checks, or where the
// database has none such a COMMIT that is refused.
func (w *world) breakCommits() func(ctx context.Context, s *session.Session) error {
	w.t.Helper()
	if w.on == "mariadb" {
		return func(context.Context, *session.Session) error {
			w.faults.fail("sql COMMIT before")
			return nil
		}
	}
	w.exec("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
	w.exec("CREATE TABLE orphans (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)")
	return func(ctx context.Context, s *session.Session) error {
		_, err := s.IDB().ExecContext(ctx, "INSERT INTO orphans (parent) VALUES (99)")
		return err
	}
}

// Nobody knows whether it was committed: a client that is told to try again would do it twice.
func TestMiddlewareUnknownOutcomeIs500WithoutRetryAfter(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		var failure error
		patient := session.Autocommit{OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
			failure = err
			w.Header().Set("Retry-After", "1")
			http.Error(w, "later", http.StatusInternalServerError)
		}}
		for _, cfg := range []session.Autocommit{{}, patient} {
			answer := w.serve(cfg, func(rw http.ResponseWriter, r *http.Request) {
				must(t, w.here(r).Insert(r.Context(), &paper{Title: "a", File: text("one")}))
				lost := false
				w.faults.set(func(_ int, step string) error {
					lost = lost || step == "sql COMMIT after"
					if lost {
						return errInjected
					}
					return nil
				})
				promise(rw)
				rw.WriteHeader(http.StatusCreated)
			})
			w.faults.set(nil)
			checkFailed(t, answer)
		}
		wantError(t, failure, dossier.ErrOutcomeUnknown)
	})
}

// OnError words the failure; it cannot deny it.
func TestMiddlewareOnErrorCannotCallItASuccess(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter)
		status int
	}{
		"nothing":    {func(http.ResponseWriter) {}, 500},
		"200":        {func(w http.ResponseWriter) { w.WriteHeader(200) }, 500},
		"a redirect": {func(w http.ResponseWriter) { w.WriteHeader(303) }, 500},
		"a body":     {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "sorry") }, 500},
		"hints":      {func(w http.ResponseWriter) { w.WriteHeader(103) }, 500},
		"409":        {func(w http.ResponseWriter) { w.WriteHeader(409); w.WriteHeader(200) }, 409},
		"503":        {func(w http.ResponseWriter) { http.Error(w, "busy", 503) }, 503},
		"a panic":    {func(http.ResponseWriter) { panic("in OnError") }, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMemoryWorld(t, session.Options{})
			cfg := session.Autocommit{OnError: func(w http.ResponseWriter, _ *http.Request, _ error) { test.answer(w) }}
			answer := w.serve(cfg, func(rw http.ResponseWriter, r *http.Request) {
				defer func() { _ = recover() }()
				must(t, w.here(r).Insert(r.Context(), &paper{Title: "a"}))
				w.faults.fail("sql COMMIT before")
				rw.WriteHeader(http.StatusCreated)
			})
			if answer.Code != test.status {
				t.Errorf("status %d, want %d", answer.Code, test.status)
			}
		})
	}
}

// A hook that panics in the commit, and a handler that recovers from it, must not leave an answer of 2xx behind.
func TestMiddlewarePanicInTheCommitAnswers5xx(t *testing.T) {
	t.Parallel()
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hooks := session.Hooks{BeforeCommit: func(context.Context, *session.Session) error { panic("in a hook") }}
			w := newMemoryWorld(t, session.Options{Hooks: hooks})
			checkFailed(t, w.serve(session.Autocommit{}, func(rw http.ResponseWriter, r *http.Request) {
				must(t, w.here(r).Insert(r.Context(), &paper{Title: "a", File: text("one")}))
				promise(rw)
				func() {
					defer func() { _ = recover() }()
					rw.WriteHeader(http.StatusCreated)
				}()
				answer(rw, r)
			}))
			w.settle()
		})
	}
}

// A panic goes on as it is, and whoever recovers from it does not send what the handler had prepared.
func TestMiddlewarePanicUndoesTheHeader(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		for _, value := range []error{http.ErrAbortHandler, errInjected} {
			handler := w.Middleware(session.Autocommit{})(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				must(t, w.here(r).Insert(r.Context(), &paper{Title: "a", File: text("one")}))
				promise(rw)
				panic(value)
			}))
			recorder := httptest.NewRecorder()
			recorder.Header().Set("X-Request-Id", "7")
			func() {
				defer func() {
					if err, _ := recover().(error); !errors.Is(err, value) {
						t.Errorf("the panic became %v", err)
					}
					http.Error(recorder, "broken", http.StatusInternalServerError)
				}()
				handler.ServeHTTP(recorder, httptest.NewRequestWithContext(w.ctx, http.MethodPost, "/", nil))
			}()
			checkFailed(t, recorder)
			if recorder.Header().Get("X-Request-Id") != "7" {
				t.Error("the header from before the handler is gone")
			}
		}
		w.settle()
	})
}
