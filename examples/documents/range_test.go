package main

import (
	"net/http"
	"strings"
	"testing"
)

// The end of a large file is served without reading what comes before it: players and resumed downloads ask for ranges
// all the time.
func TestRangeReadsOnlyItsBytes(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	content := strings.Repeat("0123456789abcdef", 8<<20/16) + "the end..."
	doc := s.create(field{"file", "large.bin", content})
	for _, path := range []string{"/api/documents/" + doc.ID.String() + "/file", doc.File.URL} {
		s.store.ResetUsage()
		got := s.do("GET", path, nil, "Range", "bytes=-10")
		got.want(http.StatusPartialContent)
		if string(got.body) != "the end..." || got.header.Get("Content-Range") != "bytes 8388608-8388617/8388618" {
			t.Errorf("%s: %q, Content-Range %q", path, got.body, got.header.Get("Content-Range"))
		}
		if used := s.store.Usage("get"); used.Calls != 1 || used.Bytes > 64<<10 {
			t.Errorf("%s: %d calls of the store for %d bytes", path, used.Calls, used.Bytes)
		}
	}
	s.do("GET", "/api/documents/"+doc.ID.String()+"/file", nil, "Range", "bytes=8388618-").
		wantProblem(http.StatusRequestedRangeNotSatisfiable)
}

// A player that has the file asks with its ETag and gets no bytes again.
func TestUnchangedFileIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	path := "/api/documents/" + s.create(field{"file", "f", "content"}).ID.String() + "/file"
	first := s.do("GET", path, nil)
	s.store.ResetUsage()
	second := s.do("GET", path, nil, "If-None-Match", first.header.Get("ETag"))
	second.want(http.StatusNotModified)
	if used := s.store.Usage("get"); used.Calls != 0 {
		t.Errorf("the store was asked %d times", used.Calls)
	}
}
