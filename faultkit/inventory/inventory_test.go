package inventory_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/faultkit/inventory"
)

// What cannot be listed must be an error, for a judge that sees nothing finds nothing wrong.
func TestInventoryOfNothingIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := inventory.Open(t.Context(), "ftp://host/x", ""); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := inventory.Open(t.Context(), "://", ""); err == nil {
		t.Error("a text that is no URL was opened")
	}
}

// list is what an S3 server answers.
const list = `<?xml version="1.0"?><ListBucketResult><Contents><Key>p/a</Key></Contents><Contents><Key>p/.dossier/x</Key></Contents></ListBucketResult>`

const uploads = `<?xml version="1.0"?><ListMultipartUploadsResult><Upload><Key>p/b</Key><UploadId>1</UploadId></Upload></ListMultipartUploadsResult>`

// Keys are relative to the prefix; the store's own objects and unfinished uploads are told apart from the application's.
func TestInventorySeparatesObjectsFromLeftovers(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("prefix") != "p/" && strings.Count(r.URL.Path, "/") < 2:
			t.Errorf("asked for %s", r.URL)
		case r.URL.Query().Has("uploads"):
			_, _ = io.WriteString(w, uploads)
		case r.URL.Query().Has("list-type"):
			_, _ = io.WriteString(w, list)
		case strings.HasSuffix(r.URL.Path, "/p/a"):
			_, _ = io.WriteString(w, "content")
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>`)
		}
	}))
	defer server.Close()
	judge, err := inventory.Open(t.Context(), "s3://bucket?path_style=true&endpoint="+server.URL, "p/")
	if err != nil {
		t.Fatal(err)
	}
	keys, leftover, err := judge.Objects(t.Context())
	if err != nil || strings.Join(keys, " ") != "a" || strings.Join(leftover, ", ") != ".dossier/x, the upload of b" {
		t.Errorf("%q, %q, %v", keys, leftover, err)
	}
	object, err := judge.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if content, err := io.ReadAll(object); string(content) != "content" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
	if _, err := judge.Open(t.Context(), "missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
