package azure_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
)

// send sends exactly what was signed, after change.
func send(t *testing.T, signed dossier.SignedRequest, body string, change func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, strings.NewReader(body)))
	r.Header = signed.Header.Clone()
	if change != nil {
		change(r)
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	answer := must[*http.Response](t)(transport.RoundTrip(r))
	defer answer.Body.Close()
	return answer.StatusCode, answer.Header, string(must[[]byte](t)(io.ReadAll(answer.Body)))
}

func signed(t *testing.T, b dossier.Backend, req dossier.SignRequest) dossier.SignedRequest {
	t.Helper()
	if req.TTL == 0 {
		req.TTL = time.Hour
	}
	all := must[[]dossier.SignedRequest](t)(dossier.SignURLs(t.Context(), b, req))
	return all[0]
}

func put(t *testing.T, b dossier.Backend, key, content string) dossier.Info {
	t.Helper()
	return must[dossier.Info](t)(b.Put(t.Context(), key, dossier.BytesSource([]byte(content)), dossier.PutOptions{}))
}

// TestSignedURLsReachTheirObject, whatever its key: a key that is spelled otherwise is another object.
func TestSignedURLsReachTheirObject(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	for _, key := range []string{
		"a", "b/c", "g h", " i", "k+l", "m%2Fn", "%00", "p?q#r", "s&t=u;v", `w'x"y`, "<z>", "é", "e\u0301", "\U0001F600/\U0001F1E9", "...",
		"{uuid}", "[z]", "=?UTF-8?Q?x?=", strings.Repeat("s", 255), strings.Repeat("u/", 99) + "v",
	} {
		if status, _, body := send(t, signed(t, b, dossier.SignRequest{Method: "PUT", Key: key}), "content of "+key, nil); status != http.StatusCreated {
			t.Errorf("PUT %q: %d %s", key, status, body)
			continue
		}
		if got := read(t, b, key); string(got) != "content of "+key {
			t.Errorf("%q holds %q", key, got)
		}
		if _, _, body := send(t, signed(t, b, dossier.SignRequest{Key: key}), "", nil); body != "content of "+key {
			t.Errorf("GET %q: %q", key, body)
		}
		if status, _, _ := send(t, signed(t, b, dossier.SignRequest{Method: "DELETE", Key: key}), "", nil); status != http.StatusAccepted {
			t.Errorf("DELETE %q: %d", key, status)
		}
	}
}

// TestASignatureGrantsOnePermission: reading and changing are apart, and so are storing and removing. GET and HEAD are not,
// as the documentation says.
func TestASignatureGrantsOnePermission(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	put(t, b, "a", "content")
	put(t, b, "b", "content")
	may := map[string]string{"GET": "GET HEAD", "HEAD": "GET HEAD", "PUT": "PUT", "DELETE": "DELETE"}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		url := signed(t, b, dossier.SignRequest{Method: method, Key: "a"})
		for _, other := range []string{"GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"} {
			if strings.Contains(may[method], other) {
				continue
			}
			status, _, _ := send(t, url, "evil", func(r *http.Request) { r.Method = other })
			if status < 300 {
				t.Errorf("a URL for %s serves %s: %d", method, other, status)
			}
		}
		status, _, _ := send(t, url, "evil", func(r *http.Request) { r.URL.Path = strings.TrimSuffix(r.URL.Path, "a") + "b" })
		if status < 300 {
			t.Errorf("a URL for %s of a serves b: %d", method, status)
		}
		if status, _, _ := send(t, url, "evil", func(r *http.Request) { r.URL.RawQuery = "" }); status < 300 {
			t.Errorf("%s without a signature: %d", method, status)
		}
	}
	if string(read(t, b, "a"))+string(read(t, b, "b")) != "contentcontent" {
		t.Error("an object was changed")
	}
}

// TestEveryParameterOfASignatureIsSigned: whoever has a URL must not make another one of it.
func TestEveryParameterOfASignatureIsSigned(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	put(t, b, "a", "content")
	respond := dossier.Header{
		ContentType: "application/pdf", ContentDisposition: `attachment; filename="a b.pdf"`, ContentLanguage: "de",
		CacheControl: "private, max-age=60", ContentEncoding: "identity",
	}
	one := signed(t, b, dossier.SignRequest{Key: "a", Respond: respond})
	status, header, body := send(t, one, "", nil)
	if status != http.StatusOK || body != "content" || header.Get("Content-Type") != respond.ContentType ||
		header.Get("Content-Disposition") != respond.ContentDisposition || header.Get("Content-Language") != "de" ||
		header.Get("Cache-Control") != respond.CacheControl {
		t.Fatalf("%d %v %q", status, header, body)
	}
	parsed := must[*url.URL](t)(url.Parse(one.URL))
	for name, values := range parsed.Query() {
		for what, change := range map[string]func(url.Values){
			"no":       func(v url.Values) { v.Del(name) },
			"another":  func(v url.Values) { v.Set(name, values[0]+"x") },
			"an empty": func(v url.Values) { v.Set(name, "") },
		} {
			query := parsed.Query()
			change(query)
			if status, _, _ := send(t, one, "", func(r *http.Request) { r.URL.RawQuery = query.Encode() }); status < 400 {
				t.Errorf("%s %s: %d", what, name, status)
			}
		}
	}
}

// TestCreateOnlySignaturesServeOnce: a replay must not exchange what was checked.
func TestCreateOnlySignaturesServeOnce(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	one := signed(t, b, dossier.SignRequest{Method: "PUT", Key: "a", If: dossier.Condition{IfAbsent: true}})
	if status, _, body := send(t, one, "first", nil); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	if status, _, _ := send(t, one, "second", nil); status < 400 || string(read(t, b, "a")) != "first" {
		t.Errorf("a replay: %d", status)
	}
}

// TestASignatureEndsAtNotAfter, and no sooner than was asked for.
func TestASignatureEndsAtNotAfter(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	put(t, b, "a", "content")
	one := signed(t, b, dossier.SignRequest{Key: "a", TTL: time.Second})
	if left := time.Until(one.NotAfter); left <= 0 || left > 2*time.Second {
		t.Errorf("it ends in %v", left)
	}
	timer := time.NewTimer(time.Until(one.NotAfter) + time.Second) // what the case is about
	<-timer.C
	if status, _, _ := send(t, one, "", nil); status != http.StatusForbidden {
		t.Errorf("after its end: %d", status)
	}
	_, err := dossier.SignURLs(t.Context(), b, dossier.SignRequest{Key: "a", TTL: dossier.MaxSignedLife + time.Second})
	wants(t, "more than seven days", err, dossier.ErrInvalid)
}

// TestWhatASignatureDoesNotCoverIsRefused before it is signed: a binding that nobody enforces is a hole.
func TestWhatASignatureDoesNotCoverIsRefused(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	for what, req := range map[string]dossier.SignRequest{
		"a type": {ContentType: "text/plain"}, "a length": {Length: 3}, "no length": {Length: -1}, "a largest length": {MaxLength: 3},
		"metadata": {Metadata: map[string]string{"a": "b"}}, "a checksum": {Expect: dossier.Checksums{MD5: make([]byte, 16)}},
	} {
		req.Method, req.Key, req.TTL = "PUT", "a", time.Hour
		_, err := dossier.SignURLs(t.Context(), b, req)
		wants(t, what, err, errors.ErrUnsupported)
	}
	_, err := dossier.SignURLs(t.Context(), b, dossier.SignRequest{Key: "a", TTL: time.Hour}, dossier.SignRequest{Key: "../b", TTL: time.Hour})
	wants(t, "one bad key among others", err, dossier.ErrInvalidKey)
	plain := newStore(t, func(cfg *azure.Config) { cfg.SharedKey = nil })
	_, err = dossier.SignURLs(t.Context(), plain, dossier.SignRequest{Key: "a", TTL: time.Hour})
	wants(t, "no key", err, errors.ErrUnsupported)
	if set := plain.Describe().Capabilities; set&(dossier.SignGet|dossier.SignPart) != 0 || !set.Has(dossier.Multipart) {
		t.Errorf("without a key: %v", set)
	}
}

// TestSignaturesOfOneWindowAreEqual, so that caches can keep what they open.
func TestSignaturesOfOneWindowAreEqual(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	req := dossier.SignRequest{Key: "a", TTL: 24 * time.Hour, Window: 12 * time.Hour, Respond: dossier.Header{ContentType: "a/b"}}
	for range 3 { // a window may end in between, but not each time
		if first, second := signed(t, b, req), signed(t, b, req); first.URL == second.URL {
			return
		}
	}
	t.Error("two URLs of one window differ")
}

// TestPartsOverSignedURLsMakeAnObject whose checksums are known, though nobody here saw the bytes.
func TestPartsOverSignedURLsMakeAnObject(t *testing.T) {
	t.Parallel()
	b := newStore(t, nil)
	up := must[dossier.Upload](t)(b.CreateUpload(t.Context(), "a", dossier.PutOptions{}))
	for number, content := range map[int]string{1: "one ", 2: "two ", 3: "three"} {
		one := signed(t, b, dossier.SignRequest{Method: "PUT", Key: "a", Part: dossier.PartRequest{UploadID: up.ID, Number: number}})
		if status, _, body := send(t, one, content, nil); status != http.StatusCreated {
			t.Fatalf("part %d: %d %s", number, status, body)
		}
		if status, _, _ := send(t, one, "", func(r *http.Request) { r.Method = "GET" }); status < 400 {
			t.Errorf("a URL of a part can be read: %d", status)
		}
	}
	var parts []dossier.Part
	for part, err := range b.Parts(t.Context(), up) {
		wants(t, "parts", err, nil)
		parts = append(parts, part)
	}
	if got := fmt.Sprint(len(parts)); got != "3" || parts[2].Size != 5 {
		t.Fatalf("parts %+v", parts)
	}
	info, err := b.CompleteUpload(t.Context(), up, parts)
	if err != nil || info.Size != 13 || len(info.Checksums.CRC32C) != 4 || string(read(t, b, "a")) != "one two three" {
		t.Errorf("%+v, %v", info, err)
	}
	_, err = dossier.SignURLs(t.Context(), b,
		dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour, Part: dossier.PartRequest{UploadID: "../x", Number: 1}})
	wants(t, "a foreign upload id", err, dossier.ErrInvalid)
}
