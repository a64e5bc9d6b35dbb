package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/journal"
)

// service is a running app with an empty data folder. When its test ends, rows and files must belong together.
type service struct {
	t        *testing.T
	app      *app
	url      string
	points   *faultkit.Points  // of the store
	store    *faultkit.Backend // counts what is read
	finished chan struct{}     // one message for each request that was handled, as far as there is room
}

// newService starts a service; largest is the largest file in bytes, 0 for the usual.
func newService(t *testing.T, largest int64) *service {
	t.Helper()
	s := &service{t: t, points: &faultkit.Points{}, finished: make(chan struct{}, 100)}
	cfg := config{data: t.TempDir(), max: maxFile, stall: time.Minute}
	if largest > 0 {
		cfg.max = largest
	}
	cfg.around = func(b dossier.Backend) dossier.Backend {
		s.store = faultkit.Wrap(b, s.points)
		return s.store
	}
	return s.start(cfg)
}

func (s *service) start(cfg config) *service {
	s.t.Helper()
	a, err := openApp(s.t.Context(), cfg)
	check(s.t, err)
	s.app = a
	handler := a.handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			select {
			case s.finished <- struct{}{}:
			default:
			}
		}()
		handler.ServeHTTP(w, r)
	}))
	s.url = server.URL
	s.t.Cleanup(func() {
		server.Close()
		judge(s.t, a)
		check(s.t, a.close())
	})
	return s
}

// judge compares rows and files by plain SQL and a walk of the folder; it fails the test when they do not match.
func (s *service) judge() faultkit.Report {
	s.t.Helper()
	return judge(s.t, s.app)
}

func judge(t *testing.T, a *app) faultkit.Report {
	t.Helper()
	report, err := faultkit.Check{
		DB: a.db.DB, Columns: []string{"documents.file", "documents.pages"}, Dir: filepath.Join(a.cfg.data, "files"),
		Inventory: inventoryOf(t, a.cfg.store),
	}.Run(context.Background())
	check(t, err)
	check(t, report.Err())
	return report
}

// wantNothingStored fails unless there is no row, no object, no temporary file and nothing in the journal.
func (s *service) wantNothingStored() {
	s.t.Helper()
	if r := s.judge(); r.Rows+r.Objects+r.Journal+len(r.Leftover) > 0 {
		s.t.Errorf("something was stored: %v", r)
	}
}

// sweep does what the sweeper does.
func (s *service) sweep() {
	s.t.Helper()
	_, err := s.app.manager.Sweep(s.t.Context(), journal.SweepOptions{})
	check(s.t, err)
}

// do sends a request and returns the answer with its whole body.
func (s *service) do(method, path string, body io.Reader, fields ...string) reply {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	check(s.t, err)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return s.send(r)
}

// send sends a request as it is.
func (s *service) send(r *http.Request) reply {
	s.t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	check(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(s.t, err)
	return reply{s.t, response.StatusCode, response.Header, text}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
