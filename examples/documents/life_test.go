package main

import (
	"net/http"
	"strings"
	"testing"
)

// A document lives from its creation to its deletion through the API, and every step is seen by the next read.
func TestDocumentLifeCycle(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	made := s.upload("POST", "/api/documents", field{"file", "plan.txt", "first"}, field{"pages", "1.png", pngBytes},
		field{"title", "", "The plan"}, field{"pages", "2.pdf", pdfBytes}) // the title comes after the file
	doc := made.document(http.StatusCreated)
	path := "/api/documents/" + doc.ID.String()
	if location := made.header.Get("Location"); location != path {
		t.Errorf("Location %q, want %q", location, path)
	}
	if doc.Title != "The plan" || doc.File.Name != "plan.txt" || doc.File.Size != 5 || len(doc.Pages) != 2 {
		t.Errorf("created %+v", doc)
	}
	if got := s.do("GET", doc.File.URL, nil); string(got.body) != "first" {
		t.Errorf("the signed link gives %d %q", got.status, got.body)
	}

	doc = s.upload("PUT", path+"/file", field{"file", "plan2.txt", "second"}).document(http.StatusOK)
	if got := s.do("GET", path+"/file", nil); string(got.body) != "second" || doc.File.Name != "plan2.txt" || len(doc.Pages) != 2 {
		t.Errorf("after the replacement: %q, %+v", got.body, doc)
	}
	doc = s.upload("POST", path+"/pages", field{"pages", "3.png", pngBytes}).document(http.StatusOK)
	first := doc.Pages[0].ID
	doc = s.do("DELETE", path+"/pages/"+first, nil).document(http.StatusOK)
	if len(doc.Pages) != 2 || doc.Pages[0].Name != "2.pdf" || doc.Pages[1].Name != "3.png" {
		t.Errorf("after the removal of the first page: %+v", doc.Pages)
	}
	s.do("DELETE", path+"/pages/"+first, nil).wantProblem(http.StatusNotFound)

	s.do("DELETE", path, nil).want(http.StatusNoContent)
	for _, gone := range []string{path, path + "/file"} {
		s.do("GET", gone, nil).wantProblem(http.StatusNotFound)
	}
	s.do("DELETE", path, nil).wantProblem(http.StatusNotFound)
}

// A document without a title is named after its file, because a list of nameless documents is of no use.
func TestTitleDefaultsToFileName(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	for _, title := range []field{{"title", "", "  "}, {"pages", "", ""}} {
		if doc := s.create(title, field{"file", "Grüße aus Köln.txt", "x"}); doc.Title != "Grüße aus Köln" {
			t.Errorf("title %q", doc.Title)
		}
	}
}

// The list has the newest first, in pages that neither repeat nor leave out anything, and links that work.
func TestListIsNewestFirstInPages(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	var want []string
	for _, title := range []string{"a", "b", "c", "d", "e"} {
		s.create(field{"title", "", title}, field{"file", "f", "of " + title})
		want = append([]string{title}, want...)
	}
	var titles []string
	for _, query := range []string{"?limit=2", "?limit=2&offset=2", "?limit=2&offset=4", "?limit=2&offset=6"} {
		var page listView
		s.do("GET", "/api/documents"+query, nil).into(http.StatusOK, &page)
		if page.Total != 5 || page.Limit != 2 {
			t.Errorf("%s: total %d, limit %d", query, page.Total, page.Limit)
		}
		for _, doc := range page.Documents {
			titles = append(titles, doc.Title)
			if got := s.do("GET", doc.File.URL, nil); string(got.body) != "of "+doc.Title {
				t.Errorf("the link of %q gives %q", doc.Title, got.body)
			}
		}
	}
	if strings.Join(titles, "") != strings.Join(want, "") {
		t.Errorf("listed %q, want %q", titles, want)
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "offset=-1", "offset=9999999999999999999"} {
		s.do("GET", "/api/documents?"+query, nil).wantProblem(http.StatusBadRequest)
	}
}

// What a client sees names neither backend nor key as fields: they are this server's business, and a client that knew
// them could try to send them back.
func TestViewsTellNoBackend(t *testing.T) {
	t.Parallel()
	s := newService(t, 0)
	s.create(field{"file", "a.txt", "x"}, field{"pages", "1.png", pngBytes})
	body := string(s.do("GET", "/api/documents", nil).body)
	for _, word := range []string{"to_filename", "backend", backendName, "checksum", "etag", "version", s.app.cfg.data} {
		if strings.Contains(body, word) {
			t.Errorf("the list says %q: %s", word, body)
		}
	}
}
