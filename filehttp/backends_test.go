package filehttp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/filehttp"
)

// The stores that this package is for do over the network what their signatures say: the whole life of an object by
// signed requests alone, each with the fields that signing returned and nothing else.
func TestLocalAndMemoryThroughSignedRequests(t *testing.T) {
	t.Parallel()
	signer := newStore(t).signer
	folder, err := local.New(t.TempDir(), local.Config{Signer: signer, BaseURL: "/files", Durability: local.Fast})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	for name, backend := range map[string]dossier.Backend{
		"local": folder, "memory": memory.New(memory.Config{Signer: signer, BaseURL: "/files"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.Handle("/files/", http.StripPrefix("/files", filehttp.NewSignedHandler(backend, signer, filehttp.SignedOptions{})))
			c := client{t, backend, serveAt(t, mux)}
			content := strings.Repeat("0123456789", 300_000)

			create := dossier.SignRequest{
				Method: "PUT", Key: "a/ü %.txt", ContentType: "text/plain", Length: int64(len(content)),
				If: dossier.Condition{IfAbsent: true},
			}
			c.do(create, content, 200, "")
			c.do(create, content, 412, "it exists already\n")
			c.do(dossier.SignRequest{Key: create.Key}, "", 200, content)
			c.do(dossier.SignRequest{Key: create.Key}, "", 206, content[5:2_500_000], "Range", "bytes=5-2499999")
			c.do(dossier.SignRequest{Key: create.Key}, "", 206, content[len(content)-10:], "Range", "bytes=-10")
			c.do(dossier.SignRequest{Method: "HEAD", Key: create.Key}, "", 200, "")
			c.do(dossier.SignRequest{Method: "PUT", Key: "b", MaxLength: 5}, "longer", 413, "too large\n")
			c.do(dossier.SignRequest{Key: "b"}, "", 404, "not found\n")
			c.form()
			c.do(dossier.SignRequest{Method: "DELETE", Key: create.Key}, "", 204, "")
			c.do(dossier.SignRequest{Key: create.Key}, "", 404, "not found\n")
		})
	}
}

// client sends signed requests and nothing but them.
type client struct {
	t       *testing.T
	backend dossier.Backend
	server  string
}

func (c client) do(req dossier.SignRequest, body string, status int, want string, header ...string) {
	c.t.Helper()
	req.TTL = time.Minute
	signed, err := dossier.SignURLs(c.t.Context(), c.backend, req)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, values := range signed[0].Header {
		header = append(header, name, values[0])
	}
	got, content := fetch(c.t, signed[0].Method, c.server+signed[0].URL, strings.NewReader(body), header...)
	if got != status || content != want {
		c.t.Errorf("%s %s: %d, %d bytes %.40q; want %d, %d bytes", req.Method, req.Key, got, len(content), content, status, len(want))
	}
}

// form uploads by a signed form.
func (c client) form() {
	c.t.Helper()
	form, err := dossier.SignForm(c.t.Context(), c.backend, dossier.FormRequest{Key: "c", TTL: time.Minute, MaxLength: 10, ContentType: "image/png"})
	if err != nil {
		c.t.Fatal(err)
	}
	var parts []formPart
	for _, f := range form.Fields {
		parts = append(parts, field(f.Name, f.Value))
	}
	for content, want := range map[string]int{"pixels": 204, "too many pixels": 413} {
		body, contentType := encode(c.t, append(parts, filePart(content)))
		if got, text := fetch(c.t, "POST", c.server+form.URL, strings.NewReader(body), "Content-Type", contentType); got != want {
			c.t.Errorf("form with %q: %d %s", content, got, text)
		}
	}
	c.do(dossier.SignRequest{Key: "c"}, "", 200, "pixels")
}
