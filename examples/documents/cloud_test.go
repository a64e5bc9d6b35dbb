package main

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier/backends/all"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/faultkit/inventory"
)

// cloudStores are the stores of real servers by the variable that names them; scripts/servers starts them.
var cloudStores = map[string]string{
	"s3": "DOSSIER_TEST_S3", "s3 other": "DOSSIER_TEST_S3_OTHER", "gcs": "DOSSIER_TEST_GCS", "azure": "DOSSIER_TEST_AZURE",
}

// inventoryOf looks into a cloud store past all code that is tested. It is nil for a folder.
func inventoryOf(t *testing.T, storeURL string) faultkit.Inventory {
	t.Helper()
	if storeURL == "" {
		return nil
	}
	u, err := url.Parse(storeURL)
	check(t, err)
	judge, err := inventory.Open(t.Context(), storeURL, u.Query().Get("prefix")+"/")
	check(t, err)
	return judge
}

// newCloudService starts a service whose files are in an empty part of a cloud store.
func newCloudService(t *testing.T, variable string) *service {
	t.Helper()
	storeURL := os.Getenv(variable)
	if storeURL == "" {
		t.Skipf("server: %s is not set; scripts/servers starts one", variable)
	}
	mark := "?"
	if strings.Contains(storeURL, "?") {
		mark = "&"
	}
	s := &service{t: t, finished: make(chan struct{}, 100)}
	return s.start(config{
		data: t.TempDir(), max: maxFile, stall: time.Minute,
		store: storeURL + mark + "prefix=demo-" + rand.Text(), open: all.Open,
	})
}

// link reads what a signed link of another server leads to.
func (s *service) link(rawURL string, fields ...string) reply {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), "GET", rawURL, nil)
	check(s.t, err)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return s.send(r)
}

// The whole service works with its files in a bucket: the links lead to the bucket's own server, which is all that the
// page's policy lets in besides.
func TestDocumentLivesInCloudStores(t *testing.T) {
	t.Parallel()
	for name, variable := range cloudStores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			liveInCloud(t, newCloudService(t, variable))
		})
	}
}

func liveInCloud(t *testing.T, s *service) {
	t.Helper()
	large := strings.Repeat("0123456789", 1<<20) + "the last ten bytes"
	doc := s.upload("POST", "/api/documents", field{"file", "Plän 1.html", "<script>first</script>"}, field{"pages", "1.png", pngBytes},
		field{"title", "", "The plan"}).document(http.StatusCreated)
	path := "/api/documents/" + doc.ID.String()
	got := s.link(doc.File.URL)
	if string(got.body) != "<script>first</script>" || got.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("the link gives %d %q as %q", got.status, got.body, got.header.Get("Content-Type"))
	}
	if page := s.link(doc.Pages[0].URL); string(page.body) != pngBytes || page.header.Get("Content-Type") != "image/png" {
		t.Errorf("the page is %d %q", page.status, page.header.Get("Content-Type"))
	}
	policy := s.do("GET", "/", nil).header.Get("Content-Security-Policy")
	if link, err := url.Parse(doc.Pages[0].URL); err != nil || !strings.Contains(policy, "img-src 'self' "+link.Scheme+"://"+link.Host+";") {
		t.Errorf("the page may not show %s: %s", doc.Pages[0].URL, policy)
	}

	doc = s.upload("PUT", path+"/file", field{"file", "large.txt", large}).document(http.StatusOK)
	if got := s.do("GET", path+"/file", nil, "Range", "bytes=-10"); got.status != http.StatusPartialContent || string(got.body) != large[len(large)-10:] {
		t.Errorf("through the server: %d, %d bytes", got.status, len(got.body))
	}
	if got := s.link(doc.File.URL, "Range", "bytes=5-9"); got.status != http.StatusPartialContent || string(got.body) != large[5:10] {
		t.Errorf("the range of a link: %d, %d bytes", got.status, len(got.body))
	}
	if got := s.do("GET", path+"/file", nil); string(got.body) != large {
		t.Errorf("through the server: %d, %d bytes of %d", got.status, len(got.body), len(large))
	}
	s.do("DELETE", path, nil).want(http.StatusNoContent)
	_, err := s.app.db.NewRaw("UPDATE dossier_journal SET due_at = 0").Exec(t.Context())
	check(t, err)
	s.sweep()
	if r := s.judge(); r.Rows+r.Objects+len(r.Leftover) > 0 {
		t.Errorf("something is left: %v", r)
	}
}
