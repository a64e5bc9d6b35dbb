package session_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

var files = fstest.MapFS{"stored.txt": {Data: []byte("stored")}}

// everyProtocol runs a test against servers of HTTP/1.1 and HTTP/2 on a database in a file, where an open transaction
// blocks no reader.
func everyProtocol(t *testing.T, cfg session.Autocommit, handler func(w *world, rw http.ResponseWriter, r *http.Request),
	test func(t *testing.T, w *world, server *httptest.Server)) {
	t.Helper()
	for name, major := range map[string]int{"HTTP1": 1, "HTTP2": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, session.Options{})
			next := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor != major {
					t.Errorf("protocol %s", r.Proto)
				}
				handler(w, rw, r)
			})
			server := httptest.NewUnstartedServer(w.Middleware(cfg)(next))
			server.EnableHTTP2 = major == 2
			server.StartTLS()
			defer server.Close()
			server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			test(t, w, server)
		})
	}
}

// count is how many papers there are, for eyes outside of the session.
func (w *world) count() int {
	w.t.Helper()
	return len(w.texts("SELECT id FROM papers"))
}

// Who reads the first byte of a streamed answer may act on it: the row must be there by then, while the handler goes on.
func TestMiddlewareStreamIsCommittedBeforeItsFirstByte(t *testing.T) {
	t.Parallel()
	release := map[string]chan struct{}{"HTTP/1.1": make(chan struct{}), "HTTP/2.0": make(chan struct{})}
	everyProtocol(t, session.Autocommit{}, func(w *world, rw http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(rw)
		must(t, errors.Join(control.SetReadDeadline(time.Now().Add(time.Hour)), control.SetWriteDeadline(time.Now().Add(time.Hour))))
		must(t, control.EnableFullDuplex())
		s := w.here(r)
		p := &paper{Title: "a", File: text("one")}
		must(t, s.Insert(r.Context(), p))
		_, err := io.WriteString(rw, "first\n")
		must(t, errors.Join(err, control.Flush()))
		<-release[r.Proto]
		must(t, s.Get(r.Context(), &paper{}, p.ID)) // reading goes on
		wantError(t, s.Update(r.Context(), p), dossier.ErrClosed)
		rw.(http.Flusher).Flush()
		_, err = io.WriteString(rw, "second\n")
		must(t, err)
	}, func(t *testing.T, w *world, server *httptest.Server) {
		answer, err := server.Client().Get(server.URL)
		must(t, err)
		defer answer.Body.Close()
		lines := bufio.NewReader(answer.Body)
		first, err := lines.ReadString('\n')
		if n := w.count(); err != nil || first != "first\n" || n != 1 {
			t.Errorf("after %q (%v) there are %d rows", first, err, n)
		}
		close(release[answer.Proto])
		rest, err := io.ReadAll(lines)
		if err != nil || string(rest) != "second\n" {
			t.Errorf("then %q, %v", rest, err)
		}
		w.settle("one")
	})
}

// The final status decides, whatever the protocol allows around it.
func TestMiddlewareFinalStatusDecides(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		answer func(w http.ResponseWriter, r *http.Request)
		status int
		rows   int
	}{
		"hints, then 404": {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(404) }, 404, 0},
		"hints, then 201": {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(201) }, 201, 1},
		"hints alone":     {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) }, 200, 1},
		"404, then 200":   {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(200) }, 404, 0},
		"200, then 404":   {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.WriteHeader(404) }, 200, 1},
		"204":             {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, 1},
		"304":             {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 304, 0},
		"HEAD":            {"HEAD", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "body") }, 200, 1},
		"HEAD of nothing": {"HEAD", http.NotFound, 404, 0},
		"nothing":         {"GET", func(http.ResponseWriter, *http.Request) {}, 200, 1},
		"a copy of nothing, then 500": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.Copy(w, iotest.ErrReader(errInjected)); err != nil {
				http.Error(w, "no", 500)
			}
		}, 500, 0},
		"a copy": {"GET", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, bytes.NewReader(make([]byte, 100_000)))
		}, 200, 1},
		"no upgrade": {"GET", func(w http.ResponseWriter, r *http.Request) {
			if _, _, err := http.NewResponseController(unhijackable{w}).Hijack(); err == nil {
				panic("it was hijacked")
			}
		}, 200, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyProtocol(t, session.Autocommit{}, func(w *world, rw http.ResponseWriter, r *http.Request) {
				must(t, w.here(r).Insert(r.Context(), &paper{Title: "a"}))
				test.answer(rw, r)
			}, func(t *testing.T, w *world, server *httptest.Server) {
				request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL, nil)
				must(t, err)
				answer, err := server.Client().Do(request)
				must(t, err)
				_, err = io.Copy(io.Discard, answer.Body)
				must(t, errors.Join(err, answer.Body.Close()))
				if answer.StatusCode != test.status || w.count() != test.rows {
					t.Errorf("status %d, %d rows; want %d, %d", answer.StatusCode, w.count(), test.status, test.rows)
				}
			})
		})
	}
}

// unhijackable is a writer whose connection cannot be had.
type unhijackable struct{ http.ResponseWriter }

// HTTP/2 has no connection to take over: a handler that tried goes on, with its session.
func TestMiddlewareFailedHijackLeavesTheSession(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	answer := w.serve(session.Autocommit{}, func(rw http.ResponseWriter, r *http.Request) {
		s := w.here(r)
		must(t, s.Insert(r.Context(), &paper{Title: "a", File: text("one")}))
		_, _, err := http.NewResponseController(rw).Hijack() // a recorder has none
		wantError(t, err, http.ErrNotSupported)
		must(t, s.Insert(r.Context(), &paper{Title: "b"}))
	})
	if answer.Code != 200 || w.count() != 2 {
		t.Errorf("status %d, %d rows", answer.Code, w.count())
	}
}

// Once it is decided, a copy reaches the ReadFrom of net/http as it is: a file from disk is sent by the kernel.
func TestMiddlewareKeepsTheFastPathOfFiles(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	path := filepath.Join(t.TempDir(), "large")
	must(t, os.WriteFile(path, make([]byte, 10_000), 0o600))
	below := &fastWriter{ResponseRecorder: httptest.NewRecorder()}
	w.Middleware(session.Autocommit{})(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		must(t, w.here(r).Insert(r.Context(), &paper{Title: "a"}))
		http.ServeFile(rw, r, path)
	})).ServeHTTP(below, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	limited, ok := below.source.(*io.LimitedReader)
	if !ok {
		t.Fatalf("ReadFrom got %T", below.source)
	}
	if _, ok := limited.R.(*os.File); !ok || below.Body.Len() != 10_000 || w.count() != 1 {
		t.Errorf("source %T, %d bytes, %d rows", limited.R, below.Body.Len(), w.count())
	}
}

// fastWriter remembers what ReadFrom got.
type fastWriter struct {
	*httptest.ResponseRecorder
	source io.Reader
}

func (w *fastWriter) ReadFrom(r io.Reader) (int64, error) {
	w.source = r
	return io.Copy(w.ResponseRecorder, r)
}
