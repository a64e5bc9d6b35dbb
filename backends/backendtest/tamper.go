package backendtest

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
)

func tamperCases() []contractCase {
	signs, served := []extension{urlSigner}, []hook{serve}
	const both = dossier.SignGet | dossier.SignPut
	return []contractCase{
		{
			name: "sign/every byte of the query", groups: []int{72, 73}, needs: both, extensions: signs, hooks: served, run: tamperQuery,
			sentence: "A URL with another byte anywhere in its query is refused.",
		},
		{
			name: "sign/parameters", groups: []int{72}, needs: both, extensions: signs, hooks: served, run: tamperParameters,
			sentence: "A URL with a parameter missing, repeated, renamed or emptied is refused.",
		},
		{
			name: "sign/path", groups: []int{72, 75}, needs: both, extensions: signs, hooks: served, run: tamperPath,
			sentence: "A URL is for exactly one key, however its path is spelled.",
		},
		{
			name: "sign/other store", groups: []int{72}, needs: both, extensions: signs, hooks: served, run: tamperStore,
			sentence: "A URL of one store is refused by another one with the same secret.",
		},
	}
}

// fullyBound is a PUT with all bindings that the backend has.
func (t *trial) fullyBound(key string) dossier.SignRequest {
	req := dossier.SignRequest{Method: "PUT", Key: key, TTL: time.Hour}
	if t.can(dossier.BindType) {
		req.ContentType = "text/plain"
	}
	if t.can(dossier.BindLength) {
		req.Length = 3
	}
	if t.can(dossier.BindMaxLength) {
		req.MaxLength = 5
	}
	if t.can(dossier.BindChecksum) {
		req.Expect = t.bindable(sumsOf("new"))[0]
	}
	if t.can(dossier.StoresMetadata) {
		with := req
		with.Metadata = map[string]string{"a": "b c"}
		if _, err := dossier.SignURLs(t.ctx, t.backend, with); err == nil || !t.remote() {
			return with
		}
	}
	return req
}

func fullyAnswered(key string) dossier.SignRequest {
	return dossier.SignRequest{Key: key, TTL: time.Hour, Respond: dossier.Header{ContentType: "text/plain", ContentDisposition: "attachment"}}
}

// denied sends both signed requests with another query or path and expects that they do nothing.
func (t *trial) denied(what string, client *http.Client, signed dossier.SignedRequest, change func(*http.Request)) {
	t.Helper()
	var body = http.NoBody
	if signed.Method == http.MethodPut {
		got := t.send(client, signed, strings.NewReader("new"), change)
		if got.ok() {
			t.Errorf("PUT with %s: %d %s", what, got.status, got.body)
		}
		return
	}
	if got := t.send(client, signed, body, change); got.status < 300 || strings.Contains(got.body, "content of ") {
		t.Errorf("GET with %s: %d %s", what, got.status, brief(got.body))
	}
}

func tamperQuery(t *trial) {
	client := t.client()
	before := t.put("a", "content of a")
	for _, req := range []dossier.SignRequest{t.fullyBound("a"), fullyAnswered("a")} {
		signed := t.signed(req)
		parsed, err := url.Parse(signed.URL)
		if err != nil {
			t.Fatal(err)
		}
		for i := range parsed.RawQuery {
			for _, flip := range []byte{1, 0x20} {
				if flip == 0x20 && t.remote() {
					continue // services read header names and hexadecimal numbers in either case: the same request
				}
				tampered := []byte(parsed.RawQuery)
				tampered[i] ^= flip
				if sameQuery(string(tampered), parsed.RawQuery) || tampered[i] <= ' ' || tampered[i] >= 0x7F || tampered[i] == '#' {
					continue // another spelling of the same request, or no URL
				}
				t.denied("the query "+string(tampered), client, signed, func(r *http.Request) { r.URL.RawQuery = string(tampered) })
			}
		}
	}
	t.unchanged(before, "content of a")
}

// sameQuery reports whether two queries are spellings of one, such as %2f and %2F.
func sameQuery(a, b string) bool {
	one, err := url.ParseQuery(a)
	other, _ := url.ParseQuery(b)
	return err == nil && one.Encode() == other.Encode()
}

func tamperParameters(t *trial) {
	client := t.client()
	before := t.put("a", "content of a")
	for _, req := range []dossier.SignRequest{t.fullyBound("a"), fullyAnswered("a")} {
		signed := t.signed(req)
		parsed, err := url.Parse(signed.URL)
		if err != nil {
			t.Fatal(err)
		}
		change := func(what string, do func(url.Values)) {
			t.Helper()
			values := parsed.Query()
			do(values)
			t.denied(what, client, signed, func(r *http.Request) { r.URL.RawQuery = values.Encode() })
		}
		for name, values := range parsed.Query() {
			change("no "+name, func(v url.Values) { v.Del(name) })
			if !t.remote() || !strings.HasPrefix(strings.ToUpper(name), "X-") { // of its own ones a service may read the first
				change("two "+name, func(v url.Values) { v.Add(name, values[0]) })
				change("a second "+name, func(v url.Values) { v.Add(name, "x") })
			}
			change("an empty "+name, func(v url.Values) { v.Set(name, values[0]+"\x00") })
			change("a lower-case "+name, func(v url.Values) { v.Del(name); v.Set(strings.ToLower(name)+"_", values[0]) })
		}
		if !t.harness.Protocol.IgnoresParameters {
			change("one more", func(v url.Values) { v.Set("x", "y") })
		}
		change("nothing", func(v url.Values) { clear(v) })
	}
	t.unchanged(before, "content of a")
}

func tamperPath(t *trial) {
	client := t.client()
	victims := []string{"x/y", "x/y/z", "X/y", "x/y.", "y"}
	if !t.can(dossier.FlatKeys) {
		victims = victims[1:]
	}
	for _, key := range victims {
		t.put(key, "content of "+key)
	}
	for _, req := range []dossier.SignRequest{{Method: "PUT", Key: "x/signed"}, {Key: "x/signed"}} {
		signed := t.signed(req)
		base := strings.TrimSuffix(mustParse(t, signed.URL).Path, "x/signed")
		for _, path := range []string{
			"y", "x/y", "x/y/z", "X/y", "x/y.", "x", "x/", "", "x/signed/../y/z", "x/./y/z", "x//y/z", "x/signed/", "x/signed%00", "x/signed/../../y",
			"x\\y\\z", "x/y%2Fz", "x%2Fy%2Fz", "..%2Fx%2Fy%2Fz", "x/signe%64/..%2Fy%2Fz", "X/signed", "x/signed ",
		} {
			t.denied("the path "+path, client, signed, func(r *http.Request) {
				raw, err := url.PathUnescape(path)
				if err != nil {
					raw = path
				}
				r.URL.Path, r.URL.RawPath = base+raw, base+strings.ReplaceAll(strings.ReplaceAll(path, `\`, "%5C"), " ", "%20")
			})
		}
	}
	for _, key := range victims {
		t.holds(key, "content of "+key)
	}
	t.absent("x/signed")
}

func mustParse(t *trial, text string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func tamperStore(t *trial) {
	other := t.another()
	if other.backend.Describe().Store == t.backend.Describe().Store {
		t.Fatalf("two stores are called %q", t.backend.Describe().Store)
	}
	t.put("a", "content of a")
	before := other.put("a", "content of another store")
	client := other.client()
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if method == "DELETE" && !t.can(dossier.SignDelete) {
			continue
		}
		signed := t.signed(dossier.SignRequest{Method: method, Key: "a"})
		there := mustParse(t, other.signed(dossier.SignRequest{Method: method, Key: "a"}).URL)
		there.RawQuery = mustParse(t, signed.URL).RawQuery
		signed.URL = there.String()
		got := t.send(client, signed, strings.NewReader("new"), nil)
		if got.ok() {
			t.Errorf("%s in another store: %d %s", method, got.status, brief(got.body))
		}
	}
	other.unchanged(before, "content of another store")
}
