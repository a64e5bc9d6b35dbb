package all_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/backendtest"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

// Serving a range of a file in a bucket costs one request to the bucket, however large the file: the row knows size, type
// and version. A HEAD costs none.
func TestServingARangeIsOneRequest(t *testing.T) {
	t.Parallel()
	for _, one := range signingStores {
		if one.variable == "" {
			continue
		}
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			b := openBroken(t, one.variable, 1<<20)
			b.put("served")
			info, err := b.direct.Stat(t.Context(), "served")
			if err != nil {
				t.Fatal(err)
			}
			registry := &dossier.Registry{}
			if err := registry.Register("uploads", b.through); err != nil {
				t.Fatal(err)
			}
			file := (&fileobject.FileObject{Record: dossier.Record{
				Backend: "uploads", Key: "served", Filename: "a.bin", ContentType: "application/octet-stream", Size: info.Size,
				LastModified: info.ModTime, ETag: info.ETag, VersionID: string(info.Version),
			}}).Bind(registry)
			handler := filehttp.NewHandler(filehttp.Config{Lookup: func(*http.Request) (*fileobject.FileObject, error) { return file, nil }})
			for method, want := range map[string]struct{ status, bytes, requests int }{
				"GET": {http.StatusPartialContent, 10, 1}, "HEAD": {http.StatusPartialContent, 0, 0},
			} {
				b.proxy.Follow(func(int, *http.Request) *backendtest.Fault { return nil })
				r := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
				r.Header.Set("Range", "bytes=-10")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != want.status && method == "GET" || w.Body.Len() != want.bytes {
					t.Errorf("%s: %d, %d bytes", method, w.Code, w.Body.Len())
				}
				if b.store == "gs" {
					want.requests *= 2 // the answer to a read does not have the whole description
				}
				if n := b.proxy.Requests(); n != want.requests {
					t.Errorf("%s: %d requests to the store, not %d", method, n, want.requests)
				}
			}
		})
	}
}
