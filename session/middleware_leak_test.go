package session_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// traffic is a server whose requests end in every way there is, and what is known of them afterwards.
type traffic struct {
	*world
	mu       sync.Mutex
	sessions []*session.Session
	running  sync.WaitGroup
	began    map[string]chan struct{} // of requests whose client leaves
}

// The ways in which requests end; the first two leave a row.
var endings = []string{"stored", "streamed", "refused", "panic", "abort", "cancelled", "hijacked", "failed", "read", "none"}

func (tr *traffic) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	ending, _, _ := strings.Cut(name, " ")
	if ending == "none" {
		return
	}
	s := tr.here(r)
	tr.mu.Lock()
	tr.sessions = append(tr.sessions, s)
	tr.mu.Unlock()
	p := &paper{Title: name}
	if strings.HasSuffix(name, "0") {
		p.File = text(name)
	}
	if ending == "read" {
		if !errors.Is(s.Get(r.Context(), p, "00000000-0000-7000-8000-000000000000"), dossier.ErrNotFound) {
			tr.t.Error("a row that is not there was found")
		}
		return
	}
	if err := s.Insert(r.Context(), p); err != nil {
		tr.t.Error(err)
	}
	tr.end(ending, name, rw, r)
}

func (tr *traffic) end(ending, name string, rw http.ResponseWriter, r *http.Request) {
	switch ending {
	case "streamed":
		_, _ = io.WriteString(rw, "first")
		_ = http.NewResponseController(rw).Flush()
		_, _ = io.WriteString(rw, "second")
	case "refused":
		http.Error(rw, "no", http.StatusUnprocessableEntity)
	case "panic":
		panic(errInjected)
	case "abort":
		panic(http.ErrAbortHandler)
	case "cancelled":
		close(tr.leaver(name))
		<-r.Context().Done()
	case "hijacked":
		if conn, _, err := http.NewResponseController(rw).Hijack(); err == nil {
			_ = conn.Close()
		}
	case "failed":
		tr.here(r).Add(&paper{Title: name}, (*paper)(nil)) // which the commit says
	}
}

// leaver is closed when the client of this request is to leave.
func (tr *traffic) leaver(name string) chan struct{} {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.began[name] == nil {
		tr.began[name] = make(chan struct{})
	}
	return tr.began[name]
}

// request sends one and checks the status of those that are answered.
func (tr *traffic) request(client *http.Client, url, name string) {
	ctx, cancel := context.WithCancel(tr.ctx)
	defer cancel()
	ending, _, _ := strings.Cut(name, " ")
	if ending == "cancelled" {
		go func() { <-tr.leaver(name); cancel() }()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"?name="+strings.ReplaceAll(name, " ", "+"), nil)
	if err != nil {
		tr.t.Error(err)
		return
	}
	answer, err := client.Do(request)
	want := map[string]int{"stored": 200, "streamed": 200, "refused": 422, "failed": 500, "read": 200, "none": 200}[ending]
	if err != nil {
		if want != 0 {
			tr.t.Errorf("%s: %v", name, err)
		}
		return
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != want {
		tr.t.Errorf("%s: status %d, want %d", name, answer.StatusCode, want)
	}
}

// requests is how many a database gets: ten thousand in all, and ten thousand each in long runs.
func requests(on string) int {
	switch {
	case os.Getenv("DOSSIER_LONG") != "":
		return 10_000
	case on == "memory":
		return 8_000
	}
	return 1_000
}

// A web server runs for months: whatever becomes of its requests, no session, connection or goroutine may stay behind, and
// only what was answered with 2xx is there.
func TestMiddlewareLeaksNothing(t *testing.T) { //nolint:paralleltest // it counts goroutines
	for _, on := range []string{"memory", "postgresql", "mariadb"} {
		t.Run(on, func(t *testing.T) {
			var w *world
			if on == "memory" {
				w = newMemoryWorld(t, session.Options{Logger: quiet})
			} else {
				w = newServerWorld(t, on, session.Options{Logger: quiet})
			}
			before := ours()
			tr := &traffic{world: w, began: map[string]chan struct{}{}}
			handler := w.Middleware(session.Autocommit{})(tr)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				tr.running.Add(1)
				defer tr.running.Done()
				handler.ServeHTTP(rw, r)
			}))
			server.Config.ErrorLog = quietServer
			server.Start()
			tr.load(server, requests(on))
			server.Close()
			tr.running.Wait()
			tr.check()
			if after := ours(); len(after) > len(before) {
				t.Errorf("%d goroutines of ours are left, the first:\n%s", len(after)-len(before), after[0])
			}
		})
	}
}

func (tr *traffic) load(server *httptest.Server, total int) {
	var group sync.WaitGroup
	names := make(chan string)
	for range 8 {
		group.Go(func() {
			for name := range names {
				tr.request(server.Client(), server.URL, name)
			}
		})
	}
	for i := range total {
		names <- endings[i%len(endings)] + " " + strconv.Itoa(i/len(endings))
	}
	close(names)
	group.Wait()
	stored := tr.texts("SELECT title FROM papers")
	if len(stored) != total/len(endings)*2 {
		tr.t.Errorf("%d rows", len(stored))
	}
	if i := slices.IndexFunc(stored, func(title string) bool { return !strings.HasPrefix(title, "st") }); i >= 0 {
		tr.t.Errorf("%q was committed", stored[i])
	}
}

// check looks at what is left.
func (tr *traffic) check() {
	tr.t.Helper()
	for _, s := range tr.sessions {
		if err := s.Get(tr.ctx, &paper{}, 1); !errors.Is(err, dossier.ErrClosed) {
			tr.t.Fatalf("a session is open: %v", err)
		}
	}
	if n := tr.DB().Stats().InUse; n != 0 {
		tr.t.Errorf("%d connections are in use", n)
	}
	tr.world.check()
	if left := tr.journal(); len(left) > 0 {
		tr.t.Errorf("the journal has %d rows, the first %q", len(left), left[0])
	}
}

// ours are the stacks of goroutines that run code of the session.
func ours() []string {
	stacks := make([]byte, 1<<20)
	for n := runtime.Stack(stacks, true); ; n = runtime.Stack(stacks, true) {
		if n < len(stacks) {
			stacks = stacks[:n]
			break
		}
		stacks = make([]byte, 2*n)
	}
	return slices.DeleteFunc(strings.Split(string(stacks), "\n\n"), func(stack string) bool {
		return !strings.Contains(stack, "dossier/session.")
	})
}

// What the requests say is expected.
var (
	quiet       = slog.New(slog.DiscardHandler)
	quietServer = log.New(io.Discard, "", 0)
)
