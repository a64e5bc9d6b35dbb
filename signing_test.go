package dossier_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier"
)

const signedBase = "https://files.example/store"

func secret(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }

func newSigner(t *testing.T, keys ...dossier.SigningKey) *dossier.Signer {
	t.Helper()
	if len(keys) == 0 {
		keys = []dossier.SigningKey{{ID: "k1", Secret: secret(1)}}
	}
	return must[*dossier.Signer](t)(dossier.NewSigner(keys...))
}

// fullPut is a PUT with everything that can be bound.
func fullPut() dossier.SignRequest {
	return dossier.SignRequest{
		Method: "PUT", Key: "a/b c.txt", TTL: time.Hour, ContentType: "text/plain", Length: 7, MaxLength: 10,
		Expect:   dossier.Checksums{CRC32C: make([]byte, 4), CRC64NVME: make([]byte, 8), SHA256: make([]byte, 32), MD5: make([]byte, 16)},
		If:       dossier.Condition{IfAbsent: true},
		Metadata: map[string]string{"name": "Ünï & =", "empty": ""},
	}
}

// fullGet is a GET with every override.
func fullGet() dossier.SignRequest {
	return dossier.SignRequest{
		Key: "a/b", TTL: time.Hour,
		Respond: dossier.Header{
			ContentType: "text/plain", ContentDisposition: `attachment; filename="a;b.txt"`, ContentEncoding: "identity",
			ContentLanguage: "de", CacheControl: "private, max-age=60",
		},
	}
}

func query(t *testing.T, signed dossier.SignedRequest) string {
	t.Helper()
	return must[*url.URL](t)(url.Parse(signed.URL)).RawQuery
}

// What was asked for is what the server is told to enforce: a binding that got lost would be an open door.
func TestGrantIsExactlyWhatWasSigned(t *testing.T) {
	t.Parallel()
	s, req := newSigner(t), fullPut()
	signed := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "store-1", req))
	g := must[dossier.Grant](t)(s.VerifyURL("store-1", "PUT", req.Key, query(t, signed)))
	if g.Method != "PUT" || g.Key != req.Key || g.ContentType != req.ContentType || g.Length != 7 || g.MaxLength != 10 || !g.If.IfAbsent ||
		!g.NotAfter.Equal(signed.NotAfter) || fmt.Sprint(g.Expect) != fmt.Sprint(req.Expect) || fmt.Sprint(g.Metadata) != fmt.Sprint(req.Metadata) {
		t.Errorf("%+v", g)
	}
	if signed.Method != "PUT" || signed.Header.Get("Content-Type") != "text/plain" || len(signed.Header) != 1 {
		t.Errorf("%+v", signed)
	}
	get := fullGet()
	signed = must[dossier.SignedRequest](t)(s.SignURL(signedBase+"/", "store-1", get))
	g = must[dossier.Grant](t)(s.VerifyURL("store-1", "GET", get.Key, query(t, signed)))
	if g.Respond != get.Respond || g.Length != -1 || g.MaxLength != 0 || g.If != (dossier.Condition{}) {
		t.Errorf("%+v", g)
	}
	if signed.Method != "GET" || len(signed.Header) != 0 || !strings.HasPrefix(signed.URL, signedBase+"/a/b?") {
		t.Errorf("%+v", signed)
	}
	empty := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "", dossier.SignRequest{Method: "PUT", Key: "a", TTL: 1, Length: -1}))
	if g := must[dossier.Grant](t)(s.VerifyURL("", "PUT", "a", query(t, empty))); g.Length != 0 {
		t.Errorf("an empty body is bound to %d bytes", g.Length)
	}
}

// Whoever holds a URL will try the others: another byte anywhere must be another request.
func TestEveryTamperedByteIsABadSignature(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for _, req := range []dossier.SignRequest{fullPut(), fullGet()} {
		signed := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "store-1", req))
		raw := query(t, signed)
		original := must[url.Values](t)(url.ParseQuery(raw))
		for i := range raw {
			for _, flip := range []byte{1, 2, 4, 0x20} {
				tampered := []byte(raw)
				tampered[i] ^= flip
				values, err := url.ParseQuery(string(tampered))
				if err == nil && fmt.Sprint(values) == fmt.Sprint(original) {
					continue // another spelling of the same request, such as %2f for %2F
				}
				if _, err := s.VerifyURL("store-1", signed.Method, req.Key, string(tampered)); !errors.Is(err, dossier.ErrBadSignature) {
					t.Fatalf("byte %d (%q): %v, want ErrBadSignature\n%s", i, raw[:i+1], err, tampered)
				}
			}
		}
	}
}

func beforeSignature(query string) string {
	before, _, _ := strings.Cut(query, "&X-Dossier-Signature")
	return before
}

// A URL is for one store, one method, one key, and for what it says, once.
func TestSignedURLWorksForNothingElse(t *testing.T) {
	t.Parallel()
	s, req := newSigner(t), fullPut()
	raw := query(t, must[dossier.SignedRequest](t)(s.SignURL(signedBase, "store-1", req)))
	for name, row := range map[string][4]string{
		"other store":       {"store-2", "PUT", req.Key, raw},
		"other method":      {"store-1", "GET", req.Key, raw},
		"lower-case method": {"store-1", "put", req.Key, raw},
		"other key":         {"store-1", "PUT", req.Key + "x", raw},
		"no signature":      {"store-1", "PUT", req.Key, beforeSignature(raw)},
		"no query":          {"store-1", "PUT", req.Key, ""},
		"given twice":       {"store-1", "PUT", req.Key, raw + "&" + raw},
		"a second type":     {"store-1", "PUT", req.Key, raw + "&X-Dossier-Type=text%2Fplain"},
		"one more":          {"store-1", "PUT", req.Key, raw + "&x=y"},
		"an empty one more": {"store-1", "PUT", req.Key, raw + "&="},
		"a semicolon":       {"store-1", "PUT", req.Key, raw + ";x=y"},
		"a bad escape":      {"store-1", "PUT", req.Key, raw + "&%zz"},
	} {
		if _, err := s.VerifyURL(row[0], row[1], row[2], row[3]); !errors.Is(err, dossier.ErrBadSignature) {
			t.Errorf("%s: %v, want ErrBadSignature", name, err)
		}
	}
	for name := range must[url.Values](t)(url.ParseQuery(raw)) {
		less := must[url.Values](t)(url.ParseQuery(raw))
		less.Del(name)
		if _, err := s.VerifyURL("store-1", "PUT", req.Key, less.Encode()); !errors.Is(err, dossier.ErrBadSignature) {
			t.Errorf("without %s: %v, want ErrBadSignature", name, err)
		}
	}
}

// Two different requests must never be signed as the same bytes: no byte may move from one field to its neighbour.
func TestSignedFieldsCannotFlowIntoEachOther(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	sign := func(store string, req dossier.SignRequest) string {
		req.TTL = time.Hour
		req.Window = 59 * time.Minute // one expiry for all
		return query(t, must[dossier.SignedRequest](t)(s.SignURL(signedBase, store, req)))
	}
	meta := func(pairs ...string) dossier.SignRequest {
		req := dossier.SignRequest{Method: "PUT", Key: "k", Metadata: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			req.Metadata[pairs[i]] = pairs[i+1]
		}
		return req
	}
	seen := map[string]string{}
	for name, raw := range map[string]string{
		"store and key":        sign("store", dossier.SignRequest{Key: "GETa"}),
		"key":                  sign("storeGET", dossier.SignRequest{Key: "a"}),
		"method in store":      sign("storePUT", dossier.SignRequest{Key: "a"}),
		"method":               sign("store", dossier.SignRequest{Method: "PUT", Key: "a"}),
		"name and value":       sign("s", meta("a", "bc")),
		"name takes a byte":    sign("s", meta("ab", "c")),
		"two values":           sign("s", meta("a", "b", "c", "d")),
		"one value":            sign("s", meta("a", "b&X-Dossier-Meta-c=d")),
		"one value, encoded":   sign("s", meta("a", "b%26X-Dossier-Meta-c%3Dd")),
		"length and limit":     sign("s", dossier.SignRequest{Method: "PUT", Key: "k", Length: 1, MaxLength: 23}),
		"length takes a digit": sign("s", dossier.SignRequest{Method: "PUT", Key: "k", Length: 12, MaxLength: 13}),
	} {
		signature := must[url.Values](t)(url.ParseQuery(raw)).Get("X-Dossier-Signature")
		if other, taken := seen[signature]; taken {
			t.Errorf("%q and %q have one signature", name, other)
		}
		seen[signature] = name
	}
}

// A form posted as a URL, or the other way round, would lose the bindings that only one of them has.
func TestFormAndURLSignaturesAreApart(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	form := must[dossier.SignedForm](t)(s.SignForm(signedBase, "store-1", dossier.FormRequest{Key: "a", TTL: time.Hour}))
	fields := formFields(form)
	if _, err := s.VerifyForm("store-1", fields); err != nil {
		t.Fatal(err)
	}
	values := url.Values(fields)
	values.Del("key")
	for _, method := range []string{"POST", "PUT", "GET"} {
		if _, err := s.VerifyURL("store-1", method, "a", values.Encode()); !errors.Is(err, dossier.ErrBadSignature) {
			t.Errorf("form as %s: %v, want ErrBadSignature", method, err)
		}
	}
	signed := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "store-1", dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour}))
	values = must[url.Values](t)(url.ParseQuery(query(t, signed)))
	values.Set("key", "a")
	if _, err := s.VerifyForm("store-1", values); !errors.Is(err, dossier.ErrBadSignature) {
		t.Errorf("URL as form: %v, want ErrBadSignature", err)
	}
}

func formFields(form dossier.SignedForm) map[string][]string {
	fields := map[string][]string{}
	for _, field := range form.Fields {
		fields[field.Name] = append(fields[field.Name], field.Value)
	}
	return fields
}

// Every field of a form is visible to who holds it.
func TestTamperedFormIsABadSignature(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	req := dossier.FormRequest{
		Key: "a/b", TTL: time.Hour, MinLength: 1, MaxLength: 10, ContentType: "text/plain", If: dossier.Condition{IfAbsent: true},
		Metadata: map[string]string{"name": "value"},
	}
	form := must[dossier.SignedForm](t)(s.SignForm(signedBase, "store-1", req))
	g := must[dossier.Grant](t)(s.VerifyForm("store-1", formFields(form)))
	if g.Key != "a/b" || g.MinLength != 1 || g.MaxLength != 10 || g.ContentType != "text/plain" || !g.If.IfAbsent || g.Metadata["name"] != "value" {
		t.Errorf("%+v", g)
	}
	if form.URL != signedBase+"/" || form.Fields[0] != (dossier.FormField{Name: "key", Value: "a/b"}) {
		t.Errorf("%+v", form)
	}
	refused := func(name string, fields map[string][]string) {
		t.Helper()
		if _, err := s.VerifyForm("store-1", fields); !errors.Is(err, dossier.ErrBadSignature) {
			t.Errorf("%s: %v, want ErrBadSignature", name, err)
		}
	}
	for _, field := range form.Fields {
		fields := formFields(form)
		fields[field.Name] = []string{field.Value + "x"}
		refused(field.Name+" changed", fields)
		fields[field.Name] = []string{field.Value, field.Value}
		refused(field.Name+" twice", fields)
		delete(fields, field.Name)
		refused(field.Name+" missing", fields)
	}
	fields := formFields(form)
	fields["acl"] = []string{"public"}
	refused("one more", fields)
	if _, err := s.VerifyForm("store-2", formFields(form)); !errors.Is(err, dossier.ErrBadSignature) {
		t.Errorf("other store: %v, want ErrBadSignature", err)
	}
}

// A URL works until its time and not after; fractions of a second are rounded up, never down to nothing.
func TestSignatureExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t)
		time.Sleep(300 * time.Millisecond) //nolint:forbidigo // virtual time
		signed := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "s", dossier.SignRequest{Key: "a", TTL: time.Millisecond}))
		form := must[dossier.SignedForm](t)(s.SignForm(signedBase, "s", dossier.FormRequest{Key: "a", TTL: time.Millisecond}))
		verify := func() [2]error {
			_, asURL := s.VerifyURL("s", "GET", "a", query(t, signed))
			_, asForm := s.VerifyForm("s", formFields(form))
			return [2]error{asURL, asForm}
		}
		time.Sleep(time.Until(signed.NotAfter) - 1) //nolint:forbidigo // virtual time
		for _, err := range verify() {
			if err != nil {
				t.Errorf("just before its end: %v", err)
			}
		}
		time.Sleep(time.Nanosecond) //nolint:forbidigo // virtual time
		for _, err := range verify() {
			if !errors.Is(err, dossier.ErrExpired) {
				t.Errorf("at its end: %v, want ErrExpired", err)
			}
		}
		if _, err := s.VerifyURL("s", "GET", "a", query(t, signed)+"x"); !errors.Is(err, dossier.ErrBadSignature) {
			t.Errorf("expired and tampered: %v, want ErrBadSignature, which says nothing about the real one", err)
		}
	})
}

// Seven days is what the cloud stores allow; a URL that lives longer somewhere is one that breaks elsewhere.
func TestSignatureLivesSevenDaysAtMost(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	const week = 7 * 24 * time.Hour
	for ttl, want := range map[time.Duration]error{
		0: dossier.ErrInvalid, -1: dossier.ErrInvalid, 1: nil, time.Second: nil, week: nil,
		week + 1: dossier.ErrInvalid, week + time.Second: dossier.ErrInvalid, 1<<63 - 1: dossier.ErrInvalid,
	} {
		_, asURL := s.SignURL(signedBase, "s", dossier.SignRequest{Key: "a", TTL: ttl})
		_, asForm := s.SignForm(signedBase, "s", dossier.FormRequest{Key: "a", TTL: ttl})
		if !errors.Is(asURL, want) || !errors.Is(asForm, want) {
			t.Errorf("%v: %v and %v, want %v", ttl, asURL, asForm, want)
		}
	}
}

// A page of images is fetched again and again: within the window the URLs are the same, so browsers cache.
func TestWindowMakesURLsIdentical(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t)
		req := dossier.SignRequest{Key: "a", TTL: time.Hour, Window: 10 * time.Minute}
		first := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "s", req))
		time.Sleep(10*time.Minute - 1) //nolint:forbidigo // virtual time
		if again := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "s", req)); again.URL != first.URL {
			t.Errorf("%s became %s within the window", first.URL, again.URL)
		}
		time.Sleep(time.Nanosecond) //nolint:forbidigo // virtual time
		if again := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "s", req)); again.URL == first.URL {
			t.Error("the URL is the same in the next window")
		}
	})
}
