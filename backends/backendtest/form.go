package backendtest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

func formCases() []contractCase {
	signs, served := []extension{formSigner}, []hook{serve}
	return []contractCase{
		{
			name: "form/upload", groups: []int{77, 34}, needs: dossier.SignPost, extensions: signs, hooks: served, run: formUpload,
			sentence: "SignPost: a form with the returned fields and a file stores the file.",
		},
		{
			name: "form/length", groups: []int{77}, needs: dossier.SignPost, extensions: signs, hooks: served, run: formLength,
			sentence: "A file that is shorter or longer than the form allows is refused and not stored.",
		},
		{
			name: "form/type and metadata", groups: []int{77}, needs: dossier.SignPost | dossier.StoresHeader | dossier.StoresMetadata,
			extensions: signs, hooks: served, run: formType,
			sentence: "The bound type and metadata are stored, whatever the file claims.",
		},
		{
			name: "form/create only", groups: []int{77, 72}, needs: dossier.SignPost | dossier.BindIfAbsent, extensions: signs, hooks: served,
			run:      formIfAbsent,
			sentence: "A replayed create-only form is refused and changes nothing.",
		},
		{
			name: "form/senseless", groups: []int{69, 77}, needs: dossier.SignPost, extensions: signs, run: formSenseless,
			sentence: "A request for a form that has no meaning is ErrInvalid.",
		},
	}
}

// formFile is the file of a form.
type formFile struct {
	content     string
	contentType string
	name        string // of the field. Default: "file"
	missing     bool
	twice       bool
	trailing    []dossier.FormField // fields behind the file
}

// post sends a form as a browser does.
func (t *trial) post(client *http.Client, form dossier.SignedForm, file formFile) response {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	field := func(f dossier.FormField) {
		if err := w.WriteField(f.Name, f.Value); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range form.Fields {
		field(f)
	}
	files := 1
	if file.missing {
		files = 0
	}
	if file.twice {
		files = 2
	}
	for range files {
		name := file.name
		if name == "" {
			name = "file"
		}
		header := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="f.bin"`, name)}}
		if file.contentType != "" {
			header.Set("Content-Type", file.contentType)
		}
		part, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(file.content)) // into memory
	}
	for _, f := range file.trailing {
		field(f)
	}
	_ = w.Close() // into memory
	signed := dossier.SignedRequest{Method: http.MethodPost, URL: form.URL, Header: http.Header{"Content-Type": {w.FormDataContentType()}}}
	return t.send(client, signed, &body, nil)
}

func (t *trial) form(req dossier.FormRequest) dossier.SignedForm {
	t.Helper()
	if req.TTL == 0 {
		req.TTL = time.Hour
	}
	form, err := dossier.SignForm(t.ctx, t.backend, req)
	if err != nil {
		t.Fatalf("sign form %+v: %v", req, err)
	}
	return form
}

func formUpload(t *trial) {
	client := t.client()
	for _, key := range []string{"a/b", "a b+c%2F&=.txt", "é\U0001F600", `q"'<z>`} {
		form := t.form(dossier.FormRequest{Key: key})
		for _, content := range []string{"", "content", pattern("form", 3*t.harness.unit())} {
			if got := t.post(client, form, formFile{content: content}); !got.ok() {
				t.Errorf("%q, %d bytes: %d %s", key, len(content), got.status, got.body)
			}
			t.holds(key, content)
		}
	}
}

// tryForm expects that a form stores its file under "a", or is refused and stores nothing.
func (t *trial) tryForm(what string, client *http.Client, form dossier.SignedForm, file formFile, good bool) {
	t.Helper()
	before := t.put("a", "old content")
	if got := t.post(client, form, file); got.ok() != good || got.status < 0 {
		t.Errorf("%s: %d %s", what, got.status, got.body)
	}
	if good {
		t.holds("a", file.content)
		return
	}
	t.unchanged(before, "old content")
}

func formLength(t *trial) {
	client := t.client()
	least, most := 5, 2*t.harness.unit()
	form := t.form(dossier.FormRequest{Key: "a", MinLength: int64(least), MaxLength: int64(most)})
	for _, size := range []int{0, least - 1, least, most, most + 1, 4 * most} {
		file := formFile{content: pattern("length", size)}
		t.tryForm(fmt.Sprintf("%d bytes", size), client, form, file, size >= least && size <= most)
	}
}

func formType(t *trial) {
	client := t.client()
	req := dossier.FormRequest{Key: "a", ContentType: "image/png", Metadata: map[string]string{"name": "Ünï & <b>"}}
	form := t.form(req)
	for _, claimed := range []string{"", "image/png", "application/octet-stream", "text/html"} {
		got := t.post(client, form, formFile{content: "content", contentType: claimed})
		if claimed != "text/html" && !got.ok() {
			t.Errorf("a file said to be %q: %d %s", claimed, got.status, got.body)
		}
		if !got.ok() {
			continue
		}
		if info := t.stat("a"); info.Header.ContentType != "image/png" || !maps.Equal(info.Metadata, req.Metadata) {
			t.Errorf("a file said to be %q was stored as %+v", claimed, info)
		}
	}
}

func formIfAbsent(t *trial) {
	client := t.client()
	_, err := dossier.SignForm(t.ctx, t.backend, dossier.FormRequest{Key: "a", TTL: time.Hour, If: ifAbsent})
	if t.remote() && errors.Is(err, errors.ErrUnsupported) {
		t.Skip("capability: the service has no create-only forms")
	}
	form := t.form(dossier.FormRequest{Key: "a", If: ifAbsent})
	if got := t.post(client, form, formFile{content: "first"}); !got.ok() {
		t.Errorf("the first: %d %s", got.status, got.body)
	}
	for range 2 {
		if got := t.post(client, form, formFile{content: "second"}); got.ok() {
			t.Errorf("a replay: %d %s", got.status, got.body)
		}
		t.holds("a", "first")
	}
}

func formSenseless(t *trial) {
	most := t.backend.Describe().Limits.MaxSignedLife
	if most == 0 {
		most = dossier.MaxSignedLife
	}
	for what, req := range map[string]dossier.FormRequest{
		"no life": {}, "a negative life": {TTL: -1}, "too long a life": {TTL: most + time.Second},
		"a least over the most": {TTL: 1, MinLength: 2, MaxLength: 1}, "a negative least": {TTL: 1, MinLength: -1},
		"a version": {TTL: 1, If: match("v")}, "a bad type": {TTL: 1, ContentType: "text"}, "bad metadata": {TTL: 1, Metadata: map[string]string{"A": ""}},
	} {
		if req.Metadata != nil && !t.can(dossier.StoresMetadata) {
			continue // errors.ErrUnsupported, good or bad
		}
		req.Key = "a"
		_, err := dossier.SignForm(t.ctx, t.backend, req)
		t.wants(what, err, dossier.ErrInvalid)
	}
}

func formTamperCases() []contractCase {
	signs, served := []extension{formSigner}, []hook{serve}
	return []contractCase{
		{
			name: "form/fields", groups: []int{77}, needs: dossier.SignPost, extensions: signs, hooks: served, run: formFields,
			sentence: "A form with a field missing, repeated, added or changed is refused and stores nothing.",
		},
		{
			name: "form/file", groups: []int{77}, needs: dossier.SignPost, extensions: signs, hooks: served, run: formFileField,
			sentence: "A form has exactly one file, and it is its last field.",
		},
		{
			name: "form/other store", groups: []int{72, 77}, needs: dossier.SignPost, extensions: signs, hooks: served, run: formStore,
			sentence: "A form of one store is refused by another one with the same secret.",
		},
	}
}

func formFields(t *trial) {
	client := t.client()
	req := dossier.FormRequest{Key: "a", MinLength: 1, MaxLength: 10, ContentType: "text/plain"}
	if t.can(dossier.StoresMetadata) {
		req.Metadata = map[string]string{"name": "value"}
	}
	form := t.form(req)
	file := formFile{content: "new"}
	changed := func(what string, fields []dossier.FormField) {
		t.Helper()
		t.tryForm(what, client, dossier.SignedForm{URL: form.URL, Fields: fields}, file, false)
	}
	for i, field := range form.Fields {
		changed("no "+field.Name, slices.Delete(slices.Clone(form.Fields), i, i+1))
		if !t.remote() { // the same twice changes nothing, and services let it pass
			changed("two "+field.Name, slices.Insert(slices.Clone(form.Fields), i, field))
		}
		for j := range max(1, len(field.Value)) {
			fields := slices.Clone(form.Fields)
			value := []byte(field.Value + "x")
			value[j] ^= 1
			fields[i].Value = string(value[:max(1, len(field.Value))])
			changed("another "+field.Name, fields)
		}
	}
	for _, field := range []dossier.FormField{
		{Name: "acl", Value: "public-read"}, {Name: "success_action_redirect", Value: "https://evil.example"}, {Name: "X-Dossier-Meta-evil", Value: "x"},
		{Name: "Content-Type", Value: "text/html"}, {Name: "", Value: "x"}, {Name: "KEY", Value: "b"},
	} {
		if t.remote() && (field.Name == "KEY" || field.Name == "") {
			continue // services differ in which of these they read; those that they read are checked
		}
		changed("one more: "+field.Name, append(slices.Clone(form.Fields), field))
	}
	changed("none", nil)
	if t.remote() {
		t.tryForm("nothing changed", client, form, file, true)
		return // what is behind the bucket's name is the service's matter
	}
	t.tryForm("a query", client, dossier.SignedForm{URL: form.URL + "?x=y", Fields: form.Fields}, file, false)
	other := strings.TrimSuffix(form.URL, "/") + "/b"
	t.tryForm("another path", client, dossier.SignedForm{URL: other, Fields: form.Fields}, file, false)
	t.absent("b")
	t.tryForm("nothing changed", client, form, file, true)
}

func formFileField(t *trial) {
	client := t.client()
	form := t.form(dossier.FormRequest{Key: "a"})
	t.tryForm("no file", client, form, formFile{missing: true}, false)
	if t.remote() { // services take a file of any name, and leave unread what comes after the first file
		t.post(client, form, formFile{content: "new", trailing: []dossier.FormField{{Name: "key", Value: "b"}}})
		t.absent("b")
		return
	}
	t.tryForm("a file of another name", client, form, formFile{content: "new", name: "upload"}, false)
	t.tryForm("two files", client, form, formFile{content: "new", twice: true}, false)
	t.tryForm("a key behind the file", client, form, formFile{content: "new", trailing: []dossier.FormField{{Name: "key", Value: "b"}}}, false)
	t.absent("b")
}

func formStore(t *trial) {
	other := t.another()
	before := other.put("a", "content of another store")
	form := t.form(dossier.FormRequest{Key: "a"})
	form.URL = other.form(dossier.FormRequest{Key: "a"}).URL
	got := t.post(other.client(), form, formFile{content: "new"})
	if got.ok() && !t.remote() { // two prefixes of one bucket have one address, and the form names its own key
		t.Errorf("%d", got.status)
	}
	other.unchanged(before, "content of another store")
}
