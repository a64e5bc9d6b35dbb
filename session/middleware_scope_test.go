package session_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A router may have the middleware and a group of its routes too: there is one session, so that SQLite does not wait for
// itself, and the policy that is nearest to the handler decides.
func TestMiddlewareUsedTwiceIsOneSession(t *testing.T) {
	t.Parallel()
	everyWorld(t, session.Options{}, func(t *testing.T, w *world) {
		var outer, inner *session.Session
		handler := w.Middleware(session.Autocommit{})(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			outer = w.here(r)
			must(t, outer.Insert(r.Context(), &paper{Title: "outer", File: text("one")}))
			w.Middleware(session.Autocommit{Redirects: true})(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				inner = w.here(r)
				must(t, inner.Insert(r.Context(), &paper{Title: "inner", File: text("two")}))
				rw.WriteHeader(http.StatusSeeOther)
			})).ServeHTTP(rw, r)
		}))
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
		if outer != inner || recorder.Code != http.StatusSeeOther {
			t.Errorf("sessions %p and %p, status %d", outer, inner, recorder.Code)
		}
		w.settle("one", "two")
	})
}

// The context of a request that is over, used for another one, does not bring its session back.
func TestMiddlewareWithTheContextOfAnOldRequest(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	var old context.Context
	w.serve(session.Autocommit{}, func(_ http.ResponseWriter, r *http.Request) { old = r.Context() })
	if s, ok := w.FromContext(old); ok || s != nil {
		t.Error("a session after the request")
	}
	w.ctx = context.WithoutCancel(old)
	w.serve(session.Autocommit{}, func(_ http.ResponseWriter, r *http.Request) {
		must(t, w.here(r).Insert(r.Context(), &paper{Title: "a", File: text("one")}))
	})
	w.settle("one")
}

// Two databases are two transactions: the innermost commits first. What fails there undoes both; what fails outside is
// still no 2xx.
func TestMiddlewareOfSeveralManagers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fails        string
		status       int
		outer, inner int
	}{
		"both commit":           {"", 200, 1, 1},
		"the inner one fails":   {"inner", 500, 0, 0},
		"the outer one fails":   {"outer", 500, 0, 1},
		"the handler says 404":  {"status", 404, 0, 0},
		"the handler's a panic": {"panic", 500, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer, inner := newMemoryWorld(t, session.Options{}), newMemoryWorld(t, session.Options{})
			if failing := map[string]*world{"inner": inner, "outer": outer}[test.fails]; failing != nil {
				failing.faults.fail("sql COMMIT before")
			}
			recorder := httptest.NewRecorder()
			handler := outer.Middleware(session.Autocommit{})(inner.Middleware(session.Autocommit{})(http.HandlerFunc(
				func(rw http.ResponseWriter, r *http.Request) {
					must(t, outer.here(r).Insert(r.Context(), &paper{Title: "a"}))
					must(t, inner.here(r).Insert(r.Context(), &paper{Title: "a"}))
					promise(rw)
					switch test.fails {
					case "status":
						rw.WriteHeader(404)
					case "panic":
						panic(errInjected)
					}
				})))
			func() {
				defer func() {
					if recover() != nil {
						http.Error(recorder, "broken", 500)
					}
				}()
				handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
			}()
			if test.status == 500 {
				checkFailed(t, recorder)
			}
			if recorder.Code != test.status || outer.count() != test.outer || inner.count() != test.inner {
				t.Errorf("status %d, rows %d and %d; want %+v", recorder.Code, outer.count(), inner.count(), test)
			}
		})
	}
}

// Goroutines of a request get its session, one and the same, and may use it one after the other; at once is an error.
func TestFromContextFromGoroutinesOfTheRequest(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	answer := w.serve(session.Autocommit{}, func(_ http.ResponseWriter, r *http.Request) {
		var group sync.WaitGroup
		sessions := make([]*session.Session, 20)
		for i := range sessions {
			group.Go(func() { sessions[i], _ = w.FromContext(r.Context()) })
		}
		group.Wait()
		for _, s := range sessions {
			if s == nil || s != sessions[0] {
				t.Fatalf("sessions %v", sessions)
			}
		}
		group.Go(func() { must(t, sessions[1].Insert(r.Context(), &paper{Title: "a", File: text("one")})) })
		group.Wait()
	})
	if answer.Code != 200 {
		t.Errorf("status %d", answer.Code)
	}
	w.settle("one")
}

// A goroutine that the handler did not wait for is not half committed: its call ends with the request, the answer is no
// 2xx, and afterwards there is no session to be had.
func TestMiddlewareGoroutineLeftRunningIsNotCommitted(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	done := make(chan error, 1)
	var old context.Context
	answer := w.serve(session.Autocommit{}, func(_ http.ResponseWriter, r *http.Request) {
		old = r.Context()
		s, blocked := w.here(r), make(chan struct{})
		source, sender := io.Pipe()
		go func() {
			f := fileobject.FromReader("a", notifyingReader{source, blocked}, fileobject.Options{})
			done <- s.Insert(context.WithoutCancel(old), &paper{Title: "a", File: f})
		}()
		<-blocked
		go func() {
			<-old.Done()
			_ = sender.CloseWithError(errInjected)
		}()
	})
	checkFailed(t, answer)
	wantError(t, <-done, errInjected)
	if _, ok := w.FromContext(old); ok {
		t.Error("a session after the request")
	}
	w.settle()
}

// notifyingReader says when it is read.
type notifyingReader struct {
	io.Reader
	began chan struct{}
}

func (r notifyingReader) Read(p []byte) (int, error) {
	close(r.began)
	return r.Reader.Read(p)
}

// http.TimeoutHandler inside of the middleware answers while the handler still runs: nothing is committed, and the late
// handler gets no session that nobody would close.
func TestMiddlewareAroundATimeoutHandler(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	late, found := make(chan struct{}), make(chan bool)
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		must(t, w.here(r).Insert(r.Context(), &paper{Title: "a", File: text("one")}))
		<-late
		_, ok := w.FromContext(r.Context())
		found <- ok
	})
	answer := w.serve(session.Autocommit{}, http.TimeoutHandler(slow, 200*time.Millisecond, "").ServeHTTP)
	close(late)
	if ok := <-found; ok || answer.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, session %v", answer.Code, ok)
	}
	w.settle()
}

// What becomes of a connection after an upgrade is no answer that could decide: the request has no session any more.
func TestMiddlewareUpgradeEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, upgrade := range map[string]func(w http.ResponseWriter) error{
		"Hijack": func(w http.ResponseWriter) error {
			conn, _, err := w.(http.Hijacker).Hijack()
			return errors.Join(err, conn.Close())
		},
		"ResponseController": func(w http.ResponseWriter) error {
			conn, _, err := http.NewResponseController(w).Hijack()
			return errors.Join(err, conn.Close())
		},
		"101, then Hijack": func(w http.ResponseWriter) error {
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, _, err := http.NewResponseController(w).Hijack()
			return errors.Join(err, conn.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMemoryWorld(t, session.Options{})
			done := make(chan struct{})
			server := httptest.NewServer(w.Middleware(session.Autocommit{})(http.HandlerFunc(func(rw http.ResponseWriter,
				r *http.Request) {
				defer close(done)
				s := w.here(r)
				must(t, s.Insert(r.Context(), &paper{Title: "a", File: text("one")}))
				must(t, upgrade(rw))
				wantError(t, s.Insert(r.Context(), &paper{Title: "b"}), dossier.ErrClosed)
				if later, ok := w.FromContext(r.Context()); ok || later != nil {
					t.Error("a session after the upgrade")
				}
				must(t, w.Run(w.ctx, func(ctx context.Context, s *session.Session) error { // the client may be gone
					return s.Insert(ctx, &paper{Title: "of a message", File: text("two")})
				}))
			})))
			defer server.Close()
			if answer, err := http.Get(server.URL); err == nil {
				must(t, answer.Body.Close())
			}
			<-done
			w.settle("two")
		})
	}
}
