package filehttp_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
)

// formPart is one part of a form as a client sends it.
type formPart struct{ disposition, contentType, content string }

func field(name, value string) formPart {
	return formPart{fmt.Sprintf(`form-data; name=%q`, name), "", value}
}

func filePart(content string) formPart {
	return formPart{`form-data; name="file"; filename="../../x.html"`, "", content}
}

// signForm returns the fields of a signed form for key "a".
func signForm(t *testing.T, s *fakeStore, req dossier.FormRequest) []formPart {
	t.Helper()
	req.Key, req.TTL = "a", time.Hour
	form, err := s.signer.SignForm("/files", s.name, req)
	if err != nil {
		t.Fatal(err)
	}
	if form.URL != "/files/" {
		t.Fatalf("the form posts to %s", form.URL)
	}
	var parts []formPart
	for _, f := range form.Fields {
		parts = append(parts, field(f.Name, f.Value))
	}
	return parts
}

// encode writes the parts as multipart/form-data.
func encode(t *testing.T, parts []formPart) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		header := textproto.MIMEHeader{"Content-Disposition": {p.disposition}}
		if p.contentType != "" {
			header.Set("Content-Type", p.contentType)
		}
		part, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, p.content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func post(h http.Handler, target, body, contentType string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return record(h, r)
}

// A signed form stores its file under the signed key, type and metadata, whatever the client calls the file.
func TestSignedFormStoresTheFile(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	parts := append(signForm(t, s, dossier.FormRequest{
		ContentType: "image/png", MinLength: 6, MaxLength: 6, Metadata: map[string]string{"owner": "7"},
	}), formPart{`form-data; name="file"; filename="../b.html"`, "image/png", "pixels"})
	body, contentType := encode(t, parts)
	w := post(mounted(s, filehttp.SignedOptions{}), "/files/", body, contentType)
	wantStatus(t, w, 204)
	wantHeader(t, w.Header(), "ETag", `"1"`)
	object, _ := s.object("a")
	if object.content != "pixels" || object.info.Header.ContentType != "image/png" || object.info.Metadata["owner"] != "7" {
		t.Errorf("stored %+v", object)
	}
	if len(s.objects) != 1 {
		t.Errorf("%d objects", len(s.objects))
	}
}

// Every bound of a form is enforced; what is refused stores nothing.
func TestSignedFormEnforcesItsBounds(t *testing.T) {
	t.Parallel()
	typed := dossier.FormRequest{ContentType: "image/png"}
	file := func(contentType string) formPart {
		return formPart{`form-data; name="file"; filename="x"`, contentType, "content"}
	}
	for _, test := range []struct {
		name string
		req  dossier.FormRequest
		file formPart
		want int
	}{
		{"too small", dossier.FormRequest{MinLength: 8}, file(""), 400},
		{"smallest", dossier.FormRequest{MinLength: 7}, file(""), 204},
		{"largest", dossier.FormRequest{MaxLength: 7}, file(""), 204},
		{"too large", dossier.FormRequest{MaxLength: 6}, file(""), 413},
		{"over the limit of the server", dossier.FormRequest{}, filePart(strings.Repeat("x", 101)), 413},
		{"the type", typed, file("image/png"), 204},
		{"the type is not known to the browser", typed, file("application/octet-stream"), 204},
		{"no type", typed, file(""), 204},
		{"another type", typed, file("text/html"), 415},
		{"a malformed type", dossier.FormRequest{}, file("<script>"), 400},
	} {
		s := newStore(t)
		body, contentType := encode(t, append(signForm(t, s, test.req), test.file))
		w := post(mounted(s, filehttp.SignedOptions{MaxPut: 100}), "/files/", body, contentType)
		if w.Code != test.want || s.has("a") != (test.want == 204) {
			t.Errorf("%s: %d, want %d; stored %v", test.name, w.Code, test.want, s.has("a"))
		}
	}
}

// A create-only form does not replace what is there.
func TestReplayedCreateOnlyFormChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	body, contentType := encode(t, append(signForm(t, s, dossier.FormRequest{If: dossier.Condition{IfAbsent: true}}), filePart("content")))
	for _, want := range []int{204, 412} {
		wantStatus(t, post(mounted(s, filehttp.SignedOptions{}), "/files/", body, contentType), want)
	}
}

// What a client adds to, repeats in, drops from, moves in or hides in a form is refused: only the form that was signed
// passes, and only if nothing comes behind its file.
func TestFormSmugglingIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	signed := signForm(t, s, dossier.FormRequest{MaxLength: 10})
	with := func(parts ...formPart) []formPart { return append(append([]formPart{}, signed...), parts...) }
	changed := func(name, value string) []formPart {
		parts := with(filePart("content"))
		for i, p := range parts {
			if p.disposition == field(name, "").disposition {
				parts[i].content = value
			}
		}
		return parts
	}
	for name, parts := range map[string][]formPart{
		"another key":              changed("key", "b"),
		"another limit":            changed("X-Dossier-Max-Length", "1000"),
		"a later end":              changed("X-Dossier-Expires", "9999999999"),
		"another signature":        changed("X-Dossier-Signature", strings.Repeat("A", 43)),
		"two keys":                 append([]formPart{field("key", "b")}, with(filePart("content"))...),
		"two keys, the second new": with(field("key", "b"), filePart("content")),
		"a repeated limit":         with(field("X-Dossier-Max-Length", "10"), filePart("content")),
		"an unsigned field":        with(field("Content-Type", "text/html"), filePart("content")),
		"an unsigned binding":      with(field("X-Dossier-Meta-admin", "1"), filePart("content")),
		"a missing field":          append(append([]formPart{}, signed[1:]...), filePart("content")),
		"file first":               append([]formPart{filePart("content")}, signed...),
		"a late field":             with(filePart("content"), field("key", "b")),
		"two files":                with(filePart("content"), filePart("content")),
		"no file":                  with(),
		"a file as field":          append([]formPart{{`form-data; name="key"; filename="k"`, "", "a"}}, with(filePart("content"))...),
		"a field without a name":   with(formPart{`form-data`, "", "x"}, filePart("content")),
		"no form-data":             with(formPart{`attachment; name="x"`, "", "x"}, filePart("content")),
		"a huge field":             with(field("x", strings.Repeat("x", 5000)), filePart("content")),
		"a huge header":            with(formPart{`form-data; name="` + strings.Repeat("x", 20000) + `"`, "", "x"}, filePart("content")),
		"many fields":              with(append(make([]formPart, 0), manyFields(300)...)...),
	} {
		body, contentType := encode(t, parts)
		w := post(mounted(s, filehttp.SignedOptions{}), "/files/", body, contentType)
		if w.Code != 400 && w.Code != 403 && w.Code != 413 {
			t.Errorf("%s: %d", name, w.Code)
		}
		if len(s.objects) != 0 {
			t.Fatalf("%s: stored", name)
		}
	}
}

func manyFields(n int) []formPart {
	parts := make([]formPart, n)
	for i := range parts {
		parts[i] = field(fmt.Sprint("x", i), "")
	}
	return parts
}

// A form that is not whole, or not a form, stores nothing.
func TestBrokenFormStoresNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	body, contentType := encode(t, append(signForm(t, s, dossier.FormRequest{}), filePart("content")))
	h := mounted(s, filehttp.SignedOptions{})
	for end := range len(body) - len("\r\n") { // the last end of line may be missing
		if w := post(h, "/files/", body[:end], contentType); w.Code < 400 || s.has("a") {
			t.Fatalf("cut at %d of %d: %d, stored %v", end, len(body), w.Code, s.has("a"))
		}
	}
	for _, test := range []struct {
		target, body, contentType string
		want                      int
	}{
		{"/files/", body, "multipart/form-data", 415},
		{"/files/", body, "multipart/mixed; boundary=x", 415},
		{"/files/", "key=a", "application/x-www-form-urlencoded", 415},
		{"/files/", body, "", 415},
		{"/files/", body, `multipart/form-data; boundary="` + strings.Repeat("x", 71) + `"`, 415},
		{"/files/", strings.Repeat("preamble\r\n", 3000) + body, contentType, 413},
		{"/files/", "", contentType, 400},
		{"/files/", strings.TrimSuffix(body, "--\r\n") + "\r\n", contentType, 400}, // the boundary of a part that never comes
		{"/files/", strings.TrimSuffix(body, "--\r\n") + "\r\n\r\n", contentType, 400},
		{"/files/?x=1", body, contentType, 403},
		{"/files/a", body, contentType, 405},
	} {
		w := post(h, test.target, test.body, test.contentType)
		if w.Code != test.want || s.has("a") {
			t.Errorf("%s %.40q: %d, want %d; stored %v", test.target, test.contentType, w.Code, test.want, s.has("a"))
		}
	}
}

// A form for one store, or one that has expired, opens no other.
func TestFormReuseIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, other := newStore(t), newStore(t)
		other.name = "mem:other"
		body, contentType := encode(t, append(signForm(t, s, dossier.FormRequest{}), filePart("content")))
		wantStatus(t, post(mounted(other, filehttp.SignedOptions{}), "/files/", body, contentType), 403)
		time.Sleep(time.Hour) //nolint:forbidigo // in a bubble, where it takes no time
		wantStatus(t, post(mounted(s, filehttp.SignedOptions{}), "/files/", body, contentType), 403)
		if s.has("a") || other.has("a") {
			t.Error("stored")
		}
	})
}
