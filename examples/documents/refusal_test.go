package main

import (
	"net/http"
	"strings"
	"testing"
)

// One byte over the limit is refused and leaves nothing behind; exactly the limit is accepted. Off by one here would be
// a limit that is not what it says.
func TestFileOverLimitIsRefused(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	s := newService(t, limit)
	s.upload("POST", "/api/documents", field{"file", "f", strings.Repeat("x", limit+1)}).wantProblem(http.StatusRequestEntityTooLarge)
	s.upload("POST", "/api/documents", field{"pages", "1.png", pngBytes}, field{"file", "f", strings.Repeat("x", limit+1)}).
		wantProblem(http.StatusRequestEntityTooLarge)
	s.wantNothingStored()
	if doc := s.create(field{"file", "f", strings.Repeat("x", limit)}); doc.File.Size != limit {
		t.Errorf("stored %d bytes", doc.File.Size)
	}
}

// Whatever is wrong with a form, and however late it shows, the answer says so and neither row nor bytes stay.
func TestRefusedFormStoresNothing(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	t.Cleanup(s.wantNothingStored)
	file := field{"file", "f.txt", "x"}
	tooMany := []field{file}
	for range maxPages + 1 {
		tooMany = append(tooMany, field{"pages", "p.png", pngBytes})
	}
	for name, c := range map[string]struct {
		status int
		fields []field
	}{
		"no file":             {http.StatusBadRequest, []field{{"title", "", "t"}}},
		"file as text":        {http.StatusBadRequest, []field{{"file", "", "text"}}},
		"two files":           {http.StatusBadRequest, []field{file, file}},
		"two titles":          {http.StatusBadRequest, []field{file, {"title", "", "a"}, {"title", "", "b"}}},
		"title as file":       {http.StatusBadRequest, []field{file, {"title", "t.txt", "a"}}},
		"title of two lines":  {http.StatusBadRequest, []field{file, {"title", "", "a\nb"}}},
		"title not UTF-8":     {http.StatusBadRequest, []field{file, {"title", "", "\xff"}}},
		"title too long":      {http.StatusBadRequest, []field{file, {"title", "", strings.Repeat("ä", maxTitle+1)}}},
		"unknown field":       {http.StatusBadRequest, []field{file, {"key", "", "documents/other"}}},
		"page of other type":  {http.StatusUnsupportedMediaType, []field{file, {"pages", "p.png", htmlBytes}}},
		"page that is an SVG": {http.StatusUnsupportedMediaType, []field{file, {"pages", "p.png", `<svg xmlns="http://www.w3.org/2000/svg"/>`}}},
		"too many pages":      {http.StatusRequestEntityTooLarge, tooMany},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply := s.upload("POST", "/api/documents", c.fields...)
			reply.t = t
			reply.wantProblem(c.status)
		})
	}
	s.do("POST", "/api/documents", strings.NewReader(`{"title":"x"}`), "Content-Type", "application/json").
		wantProblem(http.StatusUnsupportedMediaType)
	s.do("POST", "/api/documents", strings.NewReader("--x\r\nbroken"), "Content-Type", "multipart/form-data; boundary=x").
		wantProblem(http.StatusBadRequest)
}

// A change that is refused leaves the document as it was.
func TestRefusedChangeChangesNothing(t *testing.T) {
	t.Parallel()
	s := newService(t, 1000)
	doc := s.create(field{"file", "f", "first"}, field{"pages", "1.png", pngBytes})
	path := "/api/documents/" + doc.ID.String()
	s.upload("PUT", path+"/file", field{"file", "f", strings.Repeat("x", 1001)}).wantProblem(http.StatusRequestEntityTooLarge)
	s.upload("PUT", path+"/file").wantProblem(http.StatusBadRequest)
	s.upload("PUT", path+"/file", field{"pages", "1.png", pngBytes}).wantProblem(http.StatusBadRequest)
	s.upload("POST", path+"/pages", field{"pages", "2.png", htmlBytes}).wantProblem(http.StatusUnsupportedMediaType)
	s.upload("POST", path+"/pages").wantProblem(http.StatusBadRequest)
	var many []field
	for range maxPages {
		many = append(many, field{"pages", "p.png", pngBytes})
	}
	s.upload("POST", path+"/pages", many...).wantProblem(http.StatusRequestEntityTooLarge)
	s.do("DELETE", path+"/pages/nothing", nil).wantProblem(http.StatusNotFound)

	after := s.do("GET", path, nil).document(http.StatusOK)
	if after.File.ID != doc.File.ID || len(after.Pages) != 1 || !after.UpdatedAt.Equal(doc.UpdatedAt) {
		t.Errorf("%+v became %+v", doc, after)
	}
	if r := s.judge(); r.Objects != 2 || r.Journal != 0 {
		t.Errorf("refused uploads left something: %v", r)
	}
}

// An id that is none is that of no document, and a path or method that does not exist is answered like any other error.
func TestUnknownThingsAreProblems(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	const missing = "/api/documents/018f3b1e-0000-7000-8000-000000000000"
	for _, path := range []string{
		missing, missing + "/file", "/api/documents/x", "/api/documents/%2e%2e%2f", "/api/nothing",
		"/api/documents/{018f3b1e-0000-7000-8000-000000000000}",
	} {
		s.do("GET", path, nil).wantProblem(http.StatusNotFound)
	}
	s.upload("PUT", missing+"/file", field{"file", "f", "x"}).wantProblem(http.StatusNotFound)
	refused := s.do("PATCH", missing, nil)
	refused.wantProblem(http.StatusMethodNotAllowed)
	if allow := refused.header.Get("Allow"); allow != "DELETE, GET, HEAD" {
		t.Errorf("Allow %q", allow)
	}
	s.wantNothingStored()
}
