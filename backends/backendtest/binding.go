package backendtest

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

func bindingCases() []contractCase {
	signs, served := []extension{urlSigner}, []hook{serve}
	return []contractCase{
		{
			name: "sign/content type", groups: []int{71}, needs: dossier.SignPut | dossier.BindType, extensions: signs, hooks: served, run: bindType,
			sentence: "BindType: a PUT with another content type, or none, is refused and stores nothing.",
		},
		{
			name: "sign/length", groups: []int{71}, needs: dossier.SignPut | dossier.BindLength, extensions: signs, hooks: served, run: bindLength,
			sentence: "BindLength: a PUT of another length is refused and stores nothing, however it is framed.",
		},
		{
			name: "sign/largest length", groups: []int{71}, needs: dossier.SignPut | dossier.BindMaxLength, extensions: signs, hooks: served,
			run:      bindMaxLength,
			sentence: "BindMaxLength: a longer PUT is refused and stores nothing, however it is framed.",
		},
		{
			name: "sign/create only", groups: []int{71, 72}, needs: dossier.SignPut | dossier.BindIfAbsent, extensions: signs, hooks: served,
			run:      bindIfAbsent,
			sentence: "BindIfAbsent: a replayed PUT is refused and changes nothing.",
		},
		{
			name: "sign/checksum", groups: []int{71}, needs: dossier.SignPut | dossier.BindChecksum, extensions: signs, hooks: served,
			run:      bindChecksum,
			sentence: "BindChecksum: a PUT of other bytes is refused and stores nothing.",
		},
		{
			name: "sign/metadata", groups: []int{71}, needs: dossier.SignPut | dossier.StoresMetadata, extensions: signs, hooks: served,
			run:      bindMetadata,
			sentence: "The metadata of a signed PUT is stored, and who sends it can add none.",
		},
		{
			name: "sign/answer", groups: []int{73}, needs: dossier.SignGet, extensions: signs, hooks: served, run: bindRespond,
			sentence: "Respond overrides header fields of the answer to a GET.",
		},
		{
			name: "sign/bindings not enforced", groups: []int{71}, extensions: signs, run: bindNothing,
			sentence: "A binding that the store does not enforce is errors.ErrUnsupported.",
		},
		{
			name: "sign/senseless", groups: []int{69, 71}, needs: dossier.SignGet | dossier.SignPut, extensions: signs, run: signSenseless,
			sentence: "A request for a signature that has no meaning is ErrInvalid.",
		},
	}
}

// trySend expects that a request with a body stores it, or is refused and stores nothing.
func (t *trial) trySend(what string, client *http.Client, signed dossier.SignedRequest, body io.Reader, content string, good bool, change func(*http.Request)) {
	t.Helper()
	t.put("a", "old content")
	got := t.send(client, signed, body, change)
	if _, chunked := body.(struct{ io.Reader }); good && chunked && t.remote() && !got.ok() {
		good = false // services may ask for a length
	}
	if got.ok() != good {
		t.Errorf("%s: %d %s", what, got.status, brief(got.body))
	}
	if !good {
		content = "old content"
	}
	t.holds("a", content)
}

func bindType(t *trial) {
	client := t.client()
	signed := t.signed(dossier.SignRequest{Method: "PUT", Key: "a", ContentType: "text/plain; charset=utf-8"})
	for _, value := range []string{"text/plain; charset=utf-8", "", "text/plain", "text/html", "text/plain; charset=utf-8, text/html"} {
		t.trySend("type "+value, client, signed, strings.NewReader("new"), "new", value == "text/plain; charset=utf-8", func(r *http.Request) {
			r.Header.Set("Content-Type", value)
			if value == "" {
				r.Header.Del("Content-Type")
			}
		})
	}
	t.trySend("the returned header", client, signed, strings.NewReader("new"), "new", true, nil)
	if t.can(dossier.StoresHeader) && t.stat("a").Header.ContentType != "text/plain; charset=utf-8" {
		t.Errorf("stored as %q", t.stat("a").Header.ContentType)
	}
	t.trySend("two types", client, signed, strings.NewReader("new"), "new", false, func(r *http.Request) {
		r.Header["Content-Type"] = []string{"text/plain; charset=utf-8", "text/html"}
	})
}

func bindLength(t *trial) {
	client := t.client()
	for _, length := range []int{3, 2 * t.harness.unit()} {
		signed := t.signed(dossier.SignRequest{Method: "PUT", Key: "a", Length: int64(length)})
		content := pattern("length", length)
		t.trySend("right", client, signed, strings.NewReader(content), content, true, nil)
		for _, other := range []string{"", content[1:], content + "x", content + content} {
			t.trySend("another length", client, signed, strings.NewReader(other), "", false, nil)
			t.trySend("another length in chunks", client, signed, plain(other), "", false, nil)
		}
	}
	signed := t.signed(dossier.SignRequest{Method: "PUT", Key: "a", Length: -1})
	t.trySend("nothing for nothing", client, signed, http.NoBody, "", true, nil)
	t.trySend("something for nothing", client, signed, strings.NewReader("x"), "", false, nil)
	t.trySend("something for nothing in chunks", client, signed, plain("x"), "", false, nil)
}

func bindMaxLength(t *trial) {
	client := t.client()
	limit := 2 * t.harness.unit()
	signed := t.signed(dossier.SignRequest{Method: "PUT", Key: "a", MaxLength: int64(limit)})
	for _, size := range []int{0, 1, limit - 1, limit, limit + 1, 3 * limit} {
		content := pattern("limit", size)
		t.trySend("with a length", client, signed, strings.NewReader(content), content, size <= limit, nil)
		t.trySend("in chunks", client, signed, plain(content), content, size <= limit, nil)
	}
}

func bindIfAbsent(t *trial) {
	client := t.client()
	signed := t.signed(dossier.SignRequest{Method: "PUT", Key: "a", If: ifAbsent})
	if got := t.send(client, signed, strings.NewReader("first"), nil); !got.ok() {
		t.Errorf("the first: %d %s", got.status, got.body)
	}
	t.holds("a", "first")
	for range 2 {
		if got := t.send(client, signed, strings.NewReader("second"), nil); got.ok() {
			t.Errorf("a replay: %d %s", got.status, got.body)
		}
		t.holds("a", "first")
	}
}

func bindChecksum(t *trial) {
	client := t.client()
	content := pattern("sum", t.harness.unit())
	for _, right := range t.bindable(sumsOf(content)) {
		signed := t.signed(dossier.SignRequest{Method: "PUT", Key: "a", Expect: right})
		t.trySend("right", client, signed, strings.NewReader(content), content, true, nil)
		t.trySend("wrong", client, signed, strings.NewReader(content[1:]+"x"), "", false, nil)
		t.trySend("nothing", client, signed, http.NoBody, "", false, nil)
		t.trySend("wrong in chunks", client, signed, plain(content+"x"), "", false, nil)
	}
}

// bindable are those of some checksums that can be bound: all of them, or at least one in a service.
func (t *trial) bindable(sums []dossier.Checksums) (bound []dossier.Checksums) {
	t.Helper()
	for _, sum := range sums {
		_, err := dossier.SignURLs(t.ctx, t.backend, dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour, Expect: sum})
		if t.remote() && errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		bound = append(bound, sum)
	}
	if len(bound) == 0 {
		t.Error("no checksum can be bound")
	}
	return bound
}

func bindMetadata(t *trial) {
	client := t.client()
	metadata := map[string]string{"name": "Ünï & = +", "empty": ""}
	asked := dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour, Metadata: metadata}
	if _, err := dossier.SignURLs(t.ctx, t.backend, asked); t.remote() && errors.Is(err, errors.ErrUnsupported) {
		t.Skip("capability: the service has no signatures of metadata")
	}
	signed := t.signed(dossier.SignRequest{Method: "PUT", Key: "a", Metadata: metadata})
	t.trySend("with metadata", client, signed, strings.NewReader("new"), "new", true, nil)
	if got := t.stat("a").Metadata; !maps.Equal(got, metadata) {
		t.Errorf("stored %q, want %q", got, metadata)
	}
	if t.harness.Protocol.IgnoresParameters {
		return
	}
	t.trySend("with more", client, signed, strings.NewReader("new"), "", false, func(r *http.Request) {
		r.URL.RawQuery += "&X-Dossier-Meta-evil=x&x-amz-meta-evil=x&x-goog-meta-evil=x"
	})
}

func bindRespond(t *trial) {
	client := t.client()
	t.put("a", "content")
	respond := dossier.Header{
		ContentType: "application/pdf", ContentDisposition: `attachment; filename="a b.pdf"; filename*=UTF-8''%c3%bc.pdf`,
		ContentLanguage: "de", CacheControl: "private, max-age=60",
	}
	if t.remote() { // a service has words for some of the fields
		_, err := dossier.SignURLs(t.ctx, t.backend, dossier.SignRequest{Key: "a", TTL: time.Hour, Respond: dossier.Header{ContentLanguage: "de", CacheControl: "no-store"}})
		if errors.Is(err, errors.ErrUnsupported) {
			respond.ContentLanguage, respond.CacheControl = "", ""
		}
	}
	got := t.send(client, t.signed(dossier.SignRequest{Key: "a", Respond: respond}), nil, nil)
	for name, want := range map[string]string{
		"Content-Type": respond.ContentType, "Content-Disposition": respond.ContentDisposition, "Content-Language": respond.ContentLanguage,
		"Cache-Control": respond.CacheControl,
	} {
		if have := got.header.Get(name); have != want && want != "" {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
	if got.status != http.StatusOK || got.body != "content" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if t.harness.Protocol.IgnoresParameters {
		return
	}
	plain := t.signed(dossier.SignRequest{Key: "a"})
	got = t.send(client, plain, nil, func(r *http.Request) { r.URL.RawQuery += "&response-content-type=text%2Fhtml" })
	if got.ok() {
		t.Errorf("an override that was not signed: %d %s", got.status, got.header.Get("Content-Type"))
	}
}

func bindNothing(t *trial) {
	asked := 0
	for capability, req := range map[dossier.Capabilities]dossier.SignRequest{
		dossier.SignGet: {Method: "GET"}, dossier.SignPut: {Method: "PUT"}, dossier.SignDelete: {Method: "DELETE"},
		dossier.BindType: {Method: "PUT", ContentType: "text/plain"}, dossier.BindLength: {Method: "PUT", Length: 3},
		dossier.BindMaxLength: {Method: "PUT", MaxLength: 3}, dossier.BindIfAbsent: {Method: "PUT", If: ifAbsent},
		dossier.BindChecksum:   {Method: "PUT", Expect: dossier.Checksums{MD5: make([]byte, 16)}},
		dossier.StoresMetadata: {Method: "PUT", Metadata: map[string]string{"a": "b"}},
		dossier.SignPart:       {Method: "PUT", Part: dossier.PartRequest{UploadID: "1", Number: 1}},
	} {
		if t.can(capability) {
			continue
		}
		asked++
		req.Key, req.TTL = "a", time.Hour
		_, err := dossier.SignURLs(t.ctx, t.backend, req)
		t.wants(capability.String(), err, errors.ErrUnsupported)
	}
	if formSigner.in(t.backend) && t.can(dossier.SignPost) && !t.can(dossier.StoresMetadata) {
		asked++
		_, err := dossier.SignForm(t.ctx, t.backend, dossier.FormRequest{Key: "a", TTL: time.Hour, Metadata: map[string]string{"a": "b"}})
		t.wants("metadata of a form", err, errors.ErrUnsupported)
	}
	if asked == 0 {
		t.Skip("capability: the backend enforces every binding")
	}
}

func signSenseless(t *trial) {
	for what, req := range map[string]dossier.SignRequest{
		"another method": {Method: "POST"}, "lower case": {Method: "get"}, "a type of a GET": {ContentType: "text/plain"},
		"a length of a GET": {Length: 1}, "a version": {Method: "PUT", If: match("v")}, "an answer to a PUT": {Method: "PUT", Respond: dossier.Header{ContentType: "a/b"}},
		"a header in a header": {Respond: dossier.Header{ContentDisposition: "a\r\nX-Evil: b"}}, "bad metadata": {Method: "PUT", Metadata: map[string]string{"A": ""}},
		"a window as long as the life": {Window: time.Hour}, "a negative limit": {Method: "PUT", MaxLength: -1},
		"a short checksum": {Method: "PUT", Expect: dossier.Checksums{CRC32C: []byte{1}}},
	} {
		if req.Metadata != nil && !t.can(dossier.StoresMetadata) {
			continue // errors.ErrUnsupported, good or bad
		}
		req.Key, req.TTL = "a", time.Hour
		_, err := dossier.SignURLs(t.ctx, t.backend, req)
		t.wants(what, err, dossier.ErrInvalid)
	}
}
