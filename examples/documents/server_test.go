package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stoppable runs the whole server until stop is called; its error comes out of ended.
func stoppable(t *testing.T, cfg config) (url string, stop func(), ended chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	go func() { ended <- run(ctx, cfg, listener) }()
	return "http://" + listener.Addr().String(), cancel, ended
}

// waitUntilClosed returns when the address takes no connection any more.
func waitUntilClosed(t *testing.T, url string) {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			return
		}
		check(t, conn.Close())
	}
}

// reopened opens the data folder of a server that has ended.
func reopened(t *testing.T, cfg config) *app {
	t.Helper()
	a, err := openApp(t.Context(), cfg)
	check(t, err)
	t.Cleanup(func() { check(t, a.close()) })
	return a
}

// An upload that is under way when the server is asked to stop is finished and answered: a deployment loses nobody's
// file.
func TestShutdownLetsUploadsFinish(t *testing.T) {
	t.Parallel()
	cfg := config{data: t.TempDir(), max: maxFile, stall: time.Minute, grace: time.Minute}
	url, stop, ended := stoppable(t, cfg)
	upload := startUpload(t, url)
	stop()
	waitUntilClosed(t, url)
	upload.finish().want(http.StatusCreated)
	check(t, <-ended)
	if r := judge(t, reopened(t, cfg)); r.Rows != 1 || r.Objects != 1 {
		t.Errorf("after the shutdown: %v", r)
	}
}

// An upload that takes longer than the grace is cut off, and the server ends all the same. What stays of it, if anything,
// is known to the journal.
func TestShutdownEndsWhenGraceIsOver(t *testing.T) {
	t.Parallel()
	cfg := config{data: t.TempDir(), max: maxFile, stall: time.Minute, grace: time.Millisecond}
	url, stop, ended := stoppable(t, cfg)
	upload := startUpload(t, url)
	stop()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("the server ended with %v", err)
	}
	if r, err := upload.read(); err == nil && r.status == http.StatusCreated {
		t.Error("an upload whose form never ended was answered as if it had")
	}
	if r := judge(t, reopened(t, cfg)); r.Rows > 0 {
		t.Errorf("the interrupted upload made a row: %v", r)
	}
}

// A taken port is an error that says what to do, not a stack trace.
func TestTakenPortIsExplained(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer listener.Close()
	cfg := config{listen: listener.Addr().String(), data: filepath.Join(t.TempDir(), "data")}
	err = serveUntilSignal(cfg)
	if err == nil || !strings.Contains(err.Error(), "-listen") || !strings.Contains(err.Error(), cfg.listen) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(cfg.data); err == nil {
		t.Error("the data folder was made before the address was known to be free")
	}
}

// Documents and links given out outlive the process.
func TestRestartKeepsDocumentsAndLinks(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	doc := s.create(field{"file", "f", "kept"})
	s.start(config{data: s.app.cfg.data, max: maxFile, stall: time.Minute}) // a second process over the same folder
	if got := s.do("GET", doc.File.URL, nil); string(got.body) != "kept" {
		t.Errorf("the old link gives %d %q", got.status, got.body)
	}
}
