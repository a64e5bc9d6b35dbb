package backendtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

func signCases() []contractCase {
	signs, served := []extension{urlSigner}, []hook{serve}
	const all = dossier.SignGet | dossier.SignPut | dossier.SignDelete
	return []contractCase{
		{
			name: "sign/get and head", groups: []int{71, 74}, needs: dossier.SignGet, extensions: signs, hooks: served, run: signedGet,
			sentence: "SignGet: a signed GET delivers the object, a signed HEAD its header; the returned header fields suffice.",
		},
		{
			name: "sign/put and delete", groups: []int{71, 74}, needs: dossier.SignPut | dossier.SignDelete, extensions: signs, hooks: served,
			run:      signedPut,
			sentence: "SignPut and SignDelete: a signed PUT stores the body, a signed DELETE removes the object.",
		},
		{
			name: "sign/methods", groups: []int{72}, needs: all, extensions: signs, hooks: served, run: signedMethods,
			sentence: "A signed URL serves one method: a GET URL does not serve HEAD.",
		},
		{
			name: "sign/life", groups: []int{69}, needs: dossier.SignGet, extensions: signs, hooks: served, run: signedLife,
			sentence: "TTL is more than zero and at most Limits.MaxSignedLife; the URL works until NotAfter.",
		},
		{
			name: "sign/expiry", groups: []int{69}, needs: dossier.SignGet | dossier.SignPut, extensions: signs, hooks: served,
			run:      signedExpiry,
			sentence: "A signed URL or form works no more when NotAfter has passed.",
		},
		{
			name: "sign/weird keys", groups: []int{34, 75}, needs: dossier.SignGet | dossier.SignPut, extensions: signs, hooks: served,
			run:      signedKeys,
			sentence: "Every valid key can be signed, and the URL reaches that object.",
		},
		{
			name: "sign/all or none", groups: []int{71, 76}, needs: all, extensions: signs, run: signAllOrNone,
			sentence: "SignURLs signs all requests, in their order, or none.",
		},
		{
			name: "sign/many", groups: []int{76}, needs: dossier.SignGet, extensions: signs, hooks: served, run: signMany,
			sentence: "Any number of URLs can be signed in one call and at once; each reaches its own object.",
		},
		{
			name: "sign/window", groups: []int{69}, needs: dossier.SignGet, extensions: signs, run: signWindow,
			sentence: "All URLs signed within one Window are identical.",
		},
	}
}

// signed signs one request.
func (t *trial) signed(req dossier.SignRequest) dossier.SignedRequest {
	t.Helper()
	if req.TTL == 0 {
		req.TTL = time.Hour
	}
	signed, err := dossier.SignURLs(t.ctx, t.backend, req)
	if err != nil || len(signed) != 1 {
		t.Fatalf("sign %+v: %v", req, err)
	}
	return signed[0]
}

// response is what came back.
type response struct {
	status int
	header http.Header
	body   string
}

func (r response) ok() bool { return r.status >= 200 && r.status < 300 }

// send sends exactly what was signed, with a body, after change.
func (t *trial) send(client *http.Client, signed dossier.SignedRequest, body io.Reader, change func(*http.Request)) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.ctx, signed.Method, signed.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = signed.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header["User-Agent"] = nil
	if change != nil {
		change(req)
	}
	answer, err := client.Do(req)
	if err != nil {
		return response{status: -1, body: err.Error()} // the server broke off
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return response{status: -1, body: err.Error()}
	}
	return response{answer.StatusCode, answer.Header, string(text)}
}

// client returns what reaches the signed URLs.
func (t *trial) client() *http.Client {
	t.Helper()
	if t.variant.prefix != "" {
		return t.harness.Serve(t.T, t.raw) // whose keys are those of the URLs
	}
	return t.harness.Serve(t.T, t.backend)
}

func signedGet(t *trial) {
	content := pattern("signed", 3*t.harness.unit())
	info := t.putWith("a/b", content, dossier.PutOptions{})
	t.put("empty", "")
	client := t.client()
	got := t.send(client, t.signed(dossier.SignRequest{Key: "a/b"}), nil, nil)
	if got.status != http.StatusOK || got.body != content {
		t.Errorf("GET: %d %s", got.status, brief(got.body))
	}
	head := t.send(client, t.signed(dossier.SignRequest{Method: "HEAD", Key: "a/b"}), nil, nil)
	if head.status != http.StatusOK || head.body != "" || head.header.Get("Content-Length") != fmt.Sprint(info.Size) {
		t.Errorf("HEAD: %d %s", head.status, head.header)
	}
	for _, name := range []string{"Etag", "Last-Modified", "Content-Type"} {
		if got.header.Get(name) != head.header.Get(name) {
			t.Errorf("%s of GET is %q, of HEAD %q", name, got.header.Get(name), head.header.Get(name))
		}
	}
	part := t.send(client, t.signed(dossier.SignRequest{Key: "a/b"}), nil, func(r *http.Request) { r.Header.Set("Range", "bytes=5-9") })
	if part.status != http.StatusPartialContent || part.body != content[5:10] {
		t.Errorf("a range: %d %s", part.status, brief(part.body))
	}
	if got := t.send(client, t.signed(dossier.SignRequest{Key: "empty"}), nil, nil); got.status != http.StatusOK || got.body != "" {
		t.Errorf("an empty object: %d %q", got.status, got.body)
	}
	if got := t.send(client, t.signed(dossier.SignRequest{Key: "missing"}), nil, nil); got.status != http.StatusNotFound {
		t.Errorf("a missing object: %d", got.status)
	}
}

func signedPut(t *trial) {
	client := t.client()
	content := pattern("signed", 3*t.harness.unit())
	put := t.signed(dossier.SignRequest{Method: "PUT", Key: "a/b"})
	for _, body := range []io.Reader{strings.NewReader(content), plain(content)} { // with a length, and in chunks
		got := t.send(client, put, body, nil)
		_, whole := body.(*strings.Reader)
		if !got.ok() && (whole || !t.remote()) { // services may ask for a length
			t.Errorf("PUT: %d %s", got.status, got.body)
		}
		t.holds("a/b", content)
	}
	if got := t.send(client, put, http.NoBody, nil); !got.ok() {
		t.Errorf("PUT of nothing: %d %s", got.status, got.body)
	}
	t.holds("a/b", "")
	remove := t.signed(dossier.SignRequest{Method: "DELETE", Key: "a/b"})
	for again := range 2 {
		got := t.send(client, remove, nil, nil)
		gone := again > 0 && t.remote() && got.status == http.StatusNotFound
		if !got.ok() && !gone {
			t.Errorf("DELETE: %d %s", got.status, got.body)
		}
		t.absent("a/b")
	}
	got := t.send(client, put, failing(content[:100], errSender), nil)
	if got.ok() {
		t.Errorf("a body that broke off: %d", got.status)
	}
	t.absent("a/b")
}

func signedMethods(t *trial) {
	client := t.client()
	before := t.put("a", "content")
	methods := []string{"GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS", "get", "LIST"}
	for _, method := range methods[:4] {
		signed := t.signed(dossier.SignRequest{Method: method, Key: "a"})
		if signed.Method != method {
			t.Errorf("signed %s as %s", method, signed.Method)
		}
		for _, other := range methods {
			reads := t.harness.Protocol.GetServesHead && (method+other == "GETHEAD" || method+other == "HEADGET")
			if other == method || reads {
				continue
			}
			got := t.send(client, signed, strings.NewReader("evil"), func(r *http.Request) { r.Method = other })
			if other == "OPTIONS" && t.remote() && !strings.Contains(got.body, "content") {
				continue // a browser's question, which services answer without looking at the signature
			}
			if got.ok() || strings.Contains(got.body, "content") && other != "HEAD" {
				t.Errorf("a %s URL serves %s: %d %s", method, other, got.status, got.body)
			}
		}
		got := t.send(client, signed, strings.NewReader("evil"), func(r *http.Request) { r.URL.RawQuery = "" })
		if got.ok() {
			t.Errorf("%s without a signature: %d", method, got.status)
		}
		t.unchanged(before, "content")
	}
}

func signedLife(t *trial) {
	client := t.client()
	t.put("a", "content")
	most := t.backend.Describe().Limits.MaxSignedLife
	if most == 0 {
		most = dossier.MaxSignedLife
	}
	for _, ttl := range []time.Duration{1, time.Second, most} {
		from := time.Now()
		signed := t.signed(dossier.SignRequest{Key: "a", TTL: ttl})
		if signed.NotAfter.Before(from.Add(ttl).Truncate(time.Second)) || signed.NotAfter.After(time.Now().Add(ttl+2*time.Second)) {
			t.Errorf("life %v ends at %v, signed at %v", ttl, signed.NotAfter, from)
		}
		if ttl > time.Minute {
			if got := t.send(client, signed, nil, nil); !got.ok() {
				t.Errorf("life %v: %d %s", ttl, got.status, got.body)
			}
		}
	}
	for _, ttl := range []time.Duration{0, -1, -time.Hour, most + time.Second, hugeOffset} {
		_, err := dossier.SignURLs(t.ctx, t.backend, dossier.SignRequest{Key: "a", TTL: ttl})
		t.wants(fmt.Sprintf("life %v", ttl), err, dossier.ErrInvalid)
	}
}

// signedExpiry waits for the end of the shortest life, which is what it is about.
func signedExpiry(t *trial) {
	client := t.client()
	before := t.put("a", "content")
	get := t.signed(dossier.SignRequest{Key: "a", TTL: 1})
	put := t.signed(dossier.SignRequest{Method: "PUT", Key: "a", TTL: 1})
	form, err := dossier.SignForm(t.ctx, t.backend, dossier.FormRequest{Key: "a", TTL: 1})
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	last := get.NotAfter
	for _, other := range []time.Time{put.NotAfter, form.NotAfter} {
		if other.After(last) {
			last = other
		}
	}
	const skew = 5 * time.Second // between this clock and the store's
	for deadline := last.Add(skew); ; {
		timer := time.NewTimer(time.Until(last))
		<-timer.C
		if !t.send(client, get, nil, nil).ok() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the URL works after %v", last)
		}
	}
	if got := t.send(client, put, strings.NewReader("late"), nil); got.ok() {
		t.Errorf("an expired PUT: %d", got.status)
	}
	if err == nil {
		if got := t.post(client, form, formFile{content: "late"}); got.ok() {
			t.Errorf("an expired form: %d", got.status)
		}
	}
	t.unchanged(before, "content")
}

func signedKeys(t *trial) {
	client := t.client()
	for _, key := range t.goodKeys() {
		content := "content of " + key
		if got := t.send(client, t.signed(dossier.SignRequest{Method: "PUT", Key: key}), strings.NewReader(content), nil); !got.ok() {
			t.Errorf("PUT %q: %d %s", key, got.status, got.body)
			continue
		}
		t.holds(key, content)
		if got := t.send(client, t.signed(dossier.SignRequest{Key: key}), nil, nil); got.body != content {
			t.Errorf("GET %q: %d %s", key, got.status, got.body)
		}
	}
	if lister.in(t.backend) && len(t.keys()) != len(t.goodKeys()) {
		t.Errorf("the store has %q", t.keys())
	}
}

func signAllOrNone(t *trial) {
	hour := time.Hour
	signed, err := dossier.SignURLs(t.ctx, t.backend, dossier.SignRequest{Key: "a", TTL: hour},
		dossier.SignRequest{Method: "PUT", Key: "b", TTL: hour}, dossier.SignRequest{Method: "DELETE", Key: "c", TTL: hour})
	if err != nil || len(signed) != 3 {
		t.Fatalf("%v, %v", signed, err)
	}
	for i, want := range []string{"GET a", "PUT b", "DELETE c"} {
		parsed, err := url.Parse(signed[i].URL)
		if err != nil || !strings.HasSuffix(parsed.Path, "/"+want[len(want)-1:]) || !strings.HasPrefix(want, signed[i].Method+" ") {
			t.Errorf("%s was signed as %s %s", want, signed[i].Method, signed[i].URL)
		}
	}
	signed, err = dossier.SignURLs(t.ctx, t.backend, dossier.SignRequest{Key: "a", TTL: hour}, dossier.SignRequest{Key: "../b", TTL: hour})
	t.wants("one bad key among others", err, dossier.ErrInvalidKey)
	if len(signed) > 0 {
		t.Errorf("signed all the same: %v", signed)
	}
	if signed, err := dossier.SignURLs(t.ctx, t.backend); err != nil || len(signed) != 0 {
		t.Errorf("no requests give %v, %v", signed, err)
	}
}

func signMany(t *trial) {
	client := t.client()
	reqs := make([]dossier.SignRequest, t.harness.many(10_000))
	for i := range reqs {
		reqs[i] = dossier.SignRequest{Key: fmt.Sprint("k/", i), TTL: time.Hour}
	}
	t.put("k/1", "content of 1")
	together(4, func(int) {
		signed, err := dossier.SignURLs(t.ctx, t.backend, reqs...)
		if err != nil || len(signed) != len(reqs) {
			t.Errorf("%d URLs, %v", len(signed), err)
			return
		}
		seen := map[string]bool{}
		for _, s := range signed {
			seen[s.URL] = true
		}
		if len(seen) != len(reqs) {
			t.Errorf("%d different URLs for %d keys", len(seen), len(reqs))
		}
		if got := t.send(client, signed[1], nil, nil); got.body != "content of 1" {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func signWindow(t *trial) {
	req := dossier.SignRequest{Key: "a", TTL: 24 * time.Hour, Window: 12 * time.Hour}
	for range 3 { // a window may end in between, but not in between each time
		first, second := t.signed(req), t.signed(req)
		if first.URL == second.URL {
			return
		}
	}
	t.Error("two URLs of one window differ")
}
