package gcs_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
)

// offline returns a backend that can sign and must not make a request.
func offline(t *testing.T, cfg gcs.Config) *gcs.Backend {
	t.Helper()
	b, err := gcs.New(offlineClient(t), "bucket", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func offlineClient(t *testing.T) *storage.Client {
	t.Helper()
	client, err := storage.NewClient(t.Context(), option.WithHTTPClient(&http.Client{Transport: noRequests{t}}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type noRequests struct{ t *testing.T }

func (n noRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("a request: %s %s", r.Method, r.URL.Path)
	return nil, errors.New("offline")
}

var oddKeys = []string{
	"a", "b/c", "g h", " i", "k+l", "m%2Fn", "%00", "p?q#r", "s&t=u;v", `w'x"y`, "<z>", "a:b", "a|b*", "é", "e\u0301", "\U0001F600/x", "~/y", "-rf",
	"$HOME", "a,b;c@d", "{uuid}", "[z]", "=?UTF-8?Q?x?=", "\u00a0", "(a)!", strings.Repeat("u/", 99) + "v", "x^`y",
}

// TestURLsAreThoseOfGooglesLibrary, byte for byte but for the place of the signature: its signatures are those that the store
// takes.
func TestURLsAreThoseOfGooglesLibrary(t *testing.T) {
	t.Parallel()
	sum := dossier.Checksums{MD5: make([]byte, 16), CRC32C: []byte{1, 2, 3, 4}}
	crc := "x-goog-hash:crc32c=" + base64.StdEncoding.EncodeToString(sum.CRC32C)
	type row struct {
		req  dossier.SignRequest
		opts storage.SignedURLOptions
	}
	rows := []row{
		{dossier.SignRequest{}, storage.SignedURLOptions{}},
		{dossier.SignRequest{Method: "HEAD"}, storage.SignedURLOptions{}},
		{dossier.SignRequest{Method: "DELETE", TTL: 7 * 24 * time.Hour}, storage.SignedURLOptions{}},
		{dossier.SignRequest{Method: "PUT", ContentType: "text/plain; charset=utf-8"}, storage.SignedURLOptions{ContentType: "text/plain; charset=utf-8"}},
		{dossier.SignRequest{Method: "PUT", Length: 5}, storage.SignedURLOptions{Headers: []string{"x-goog-content-length-range:5,5"}}},
		{dossier.SignRequest{Method: "PUT", Length: -1}, storage.SignedURLOptions{Headers: []string{"x-goog-content-length-range:0,0"}}},
		{
			dossier.SignRequest{
				Method: "PUT", MaxLength: 9, If: dossier.Condition{IfAbsent: true}, Expect: sum, ContentType: "image/png",
				Metadata: map[string]string{"name": "Ünï & = +", "b": "c"},
			},
			storage.SignedURLOptions{ContentType: "image/png", MD5: base64.StdEncoding.EncodeToString(sum.MD5), Headers: []string{
				"x-goog-content-length-range:0,9", "x-goog-if-generation-match:0", crc, "x-goog-meta-name:Ünï & = +", "x-goog-meta-b:c",
			}},
		},
		{
			dossier.SignRequest{Respond: dossier.Header{ContentType: "a/b", ContentDisposition: `attachment; filename="a b+c.pdf"; filename*=UTF-8''%c3%bc`}},
			storage.SignedURLOptions{QueryParameters: url.Values{
				"response-content-type": {"a/b"}, "response-content-disposition": {`attachment; filename="a b+c.pdf"; filename*=UTF-8''%c3%bc`},
			}},
		},
	}
	key := anyKey()
	synctest.Test(t, func(t *testing.T) { // one time for both
		b := offline(t, gcs.Config{SigningKey: key, SigningAccount: testAccount})
		for i, name := range oddKeys {
			r := rows[i%len(rows)]
			r.req.Key, r.req.TTL = name, max(r.req.TTL, time.Hour)
			signed, err := b.SignURLs(t.Context(), []dossier.SignRequest{r.req})
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			r.opts.Method, r.opts.Scheme = signed[0].Method, storage.SigningSchemeV4
			r.opts.GoogleAccessID, r.opts.PrivateKey, r.opts.Expires = testAccount, key, signed[0].NotAfter
			want, err := storage.SignedURL("bucket", name, &r.opts)
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
			if got, want := inOrder(signed[0].URL), inOrder(want); got != want {
				t.Errorf("%q:\n%s, want\n%s", name, got, want)
			}
		}
	})
}

// inOrder sorts the parameters of a URL: the library puts the signature between the others, and writes "+" for the
// space that it signed as "%20".
func inOrder(signed string) string {
	address, query, _ := strings.Cut(signed, "?")
	parameters := strings.Split(strings.ReplaceAll(query, "+", "%20"), "&")
	slices.Sort(parameters)
	return address + "?" + strings.Join(parameters, "&")
}

// TestHMACSignature is checked by a second writing of the documented steps.
func TestHMACSignature(t *testing.T) {
	t.Parallel()
	b := offline(t, gcs.Config{HMAC: gcs.HMACKey{AccessID: "GOOGID", Secret: "secret"}, Endpoint: "http://127.0.0.1:4443"})
	for _, name := range oddKeys {
		signed, err := b.SignURLs(t.Context(), []dossier.SignRequest{{Method: "PUT", Key: name, TTL: time.Hour, MaxLength: 7}})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(signed[0].URL)
		if err != nil || u.Path != "/bucket/"+name || u.Host != "127.0.0.1:4443" || u.Scheme != "http" {
			t.Fatalf("%q gives %s", name, signed[0].URL)
		}
		query, signature, _ := strings.Cut(u.RawQuery, "&X-Goog-Signature=")
		canonical := strings.Join([]string{
			"PUT", u.EscapedPath(), query, "host:127.0.0.1:4443", "x-goog-content-length-range:0,7", "", "host;x-goog-content-length-range", "UNSIGNED-PAYLOAD",
		}, "\n")
		date := u.Query().Get("X-Goog-Date")
		sum := sha256.Sum256([]byte(canonical))
		text := "GOOG4-HMAC-SHA256\n" + date + "\n" + date[:8] + "/auto/storage/goog4_request\n" + hex.EncodeToString(sum[:])
		if want := hex.EncodeToString(hmacKey(date, text)); signature != want {
			t.Errorf("%q: %s, want %s", name, signature, want)
		}
	}
}

func hmacKey(date, text string) []byte {
	key := []byte("GOOG4secret")
	for _, part := range []string{date[:8], "auto", "storage", "goog4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key
}

// TestFormIsThePolicyOfGooglesLibrary, with every field bound to its value.
func TestFormIsThePolicyOfGooglesLibrary(t *testing.T) {
	t.Parallel()
	block, _ := pem.Decode(anyKey())
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	b := offline(t, gcs.Config{SigningKey: anyKey(), SigningAccount: testAccount})
	req := dossier.FormRequest{
		Key: "é\U0001F600/a \"b\"<c>.txt", TTL: time.Hour, MinLength: 1, MaxLength: 9, ContentType: "image/png", Metadata: map[string]string{"name": "ü"},
	}
	form, err := b.SignForm(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, field := range form.Fields {
		fields[field.Name] = field.Value
	}
	text, err := base64.StdEncoding.DecodeString(fields["policy"])
	if err != nil || slices.ContainsFunc(text, func(c byte) bool { return c >= 0x80 }) {
		t.Errorf("policy %s, %v", text, err)
	}
	var policy struct {
		Expiration time.Time
		Conditions []any
	}
	if err := json.Unmarshal(text, &policy); err != nil || !policy.Expiration.Equal(form.NotAfter) {
		t.Errorf("%v, %v", policy, err)
	}
	bound := map[string]string{}
	ranges := 0
	for _, condition := range policy.Conditions {
		switch c := condition.(type) {
		case []any:
			if c[0] == "content-length-range" && c[1] == 1.0 && c[2] == 9.0 {
				ranges++
			} else if c[0] == "eq" {
				bound[c[1].(string)[1:]] = c[2].(string)
			}
		case map[string]any:
			bound["bucket"] = c["bucket"].(string)
		}
	}
	for name, value := range fields {
		if name != "policy" && name != "x-goog-signature" && bound[name] != value {
			t.Errorf("%s is %q, bound to %q", name, value, bound[name])
		}
	}
	if bound["bucket"] != "bucket" || ranges != 1 || fields["key"] != req.Key || form.URL != "https://storage.googleapis.com/bucket/" {
		t.Errorf("%+v bound to %v", form, bound)
	}
	signature, err := hex.DecodeString(fields["x-goog-signature"])
	sum := sha256.Sum256([]byte(fields["policy"]))
	if err != nil || rsa.VerifyPKCS1v15(&private.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		t.Error("the signature is not that of the policy")
	}
	_, err = b.SignForm(t.Context(), dossier.FormRequest{Key: "a", TTL: 1, If: dossier.Condition{IfAbsent: true}})
	wantError(t, err, errors.ErrUnsupported)
}

// TestWhatTheStoreDoesNotEnforceIsNotSigned.
func TestWhatTheStoreDoesNotEnforceIsNotSigned(t *testing.T) {
	t.Parallel()
	signing := gcs.Config{HMAC: gcs.HMACKey{AccessID: "GOOGID", Secret: "secret"}}
	b, none := offline(t, signing), offline(t, gcs.Config{})
	signing.Without = dossier.BindType | dossier.SignPost
	less := offline(t, signing)
	for name, row := range map[string]struct {
		b   *gcs.Backend
		req dossier.SignRequest
	}{
		"SHA-256":         {b, dossier.SignRequest{Method: "PUT", Expect: dossier.Checksums{SHA256: make([]byte, 32)}}},
		"CRC64":           {b, dossier.SignRequest{Method: "PUT", Expect: dossier.Checksums{CRC64NVME: make([]byte, 8)}}},
		"cache control":   {b, dossier.SignRequest{Respond: dossier.Header{CacheControl: "no-store"}}},
		"a part":          {b, dossier.SignRequest{Method: "PUT", Part: dossier.PartRequest{UploadID: "x", Number: 1}}},
		"no key":          {none, dossier.SignRequest{}},
		"type taken away": {less, dossier.SignRequest{Method: "PUT", ContentType: "a/b"}},
	} {
		row.req.Key, row.req.TTL = "a", time.Hour
		if _, err := row.b.SignURLs(t.Context(), []dossier.SignRequest{row.req}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := less.SignForm(t.Context(), dossier.FormRequest{Key: "a", TTL: 1}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a form: %v", err)
	}
	if none.Describe().Capabilities&(dossier.SignGet|dossier.BindType) != 0 || less.Describe().Capabilities&dossier.BindType != 0 {
		t.Error("capabilities without effect")
	}
}

// TestKeysComeInOrder: HMAC, then the configured key, then SignBytes, then the credentials.
func TestKeysComeInOrder(t *testing.T) {
	t.Parallel()
	var payloads []string
	iam := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Payload string }
		_ = json.NewDecoder(r.Body).Decode(&request)
		text, _ := base64.StdEncoding.DecodeString(request.Payload)
		payloads = append(payloads, r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(text))
		_, _ = io.WriteString(w, `{"signedBlob":"`+base64.StdEncoding.EncodeToString([]byte("iam"))+`"}`)
	}))
	t.Cleanup(iam.Close)
	machine := auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: token{}})
	private, _ := json.Marshal(map[string]string{"type": "service_account", "client_email": "file@x", "private_key": string(anyKey())})
	file := auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: token{}, JSON: private})
	bytes := func(context.Context, []byte) ([]byte, error) { return []byte("bytes"), nil }
	cfg := gcs.Config{
		HMAC: gcs.HMACKey{AccessID: "GOOGID", Secret: "s"}, SigningKey: anyKey(), SigningAccount: testAccount, SignBytes: bytes, Credentials: file,
		IAMEndpoint: iam.URL,
	}
	sign := func(want, suffix string) dossier.SignedRequest {
		t.Helper()
		signed, err := offline(t, cfg).SignURLs(t.Context(), []dossier.SignRequest{{Key: "a", TTL: 48 * time.Hour}})
		if err != nil || !strings.Contains(signed[0].URL, url.QueryEscape(want+"/")) || !strings.HasSuffix(signed[0].URL, suffix) {
			t.Errorf("want %s: %+v, %v", want, signed, err)
			return dossier.SignedRequest{}
		}
		return signed[0]
	}
	sign("GOOGID", "")
	cfg.HMAC = gcs.HMACKey{}
	sign(testAccount, "")
	cfg.SigningKey = nil
	sign(testAccount, hex.EncodeToString([]byte("bytes")))
	cfg.SignBytes = nil
	sign("file@x", "")
	cfg.Credentials = machine
	signed := sign(testAccount, hex.EncodeToString([]byte("iam")))
	if left := time.Until(signed.NotAfter); left > 12*time.Hour {
		t.Errorf("what signBlob signs may end after 12 hours, but lives %v", left)
	}
	if len(payloads) != 1 || !strings.HasPrefix(payloads[0], "/v1/projects/-/serviceAccounts/"+testAccount+":signBlob Bearer token GOOG4-RSA-SHA256\n") {
		t.Errorf("%q", payloads)
	}
	cfg.Credentials = nil
	if offline(t, cfg).Describe().Capabilities.Has(dossier.SignGet) {
		t.Error("signs without a key")
	}
}

type token struct{}

func (token) Token(context.Context) (*auth.Token, error) {
	return &auth.Token{Value: "token", Type: "Bearer", Expiry: time.Now().Add(time.Hour)}, nil
}

// TestSecretsAreNotPrinted.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	_, err := gcs.New(offlineClient(t), "bucket", gcs.Config{SigningKey: []byte("a very secret key"), SigningAccount: "x"})
	wantError(t, err, dossier.ErrInvalid)
	if strings.Contains(err.Error(), "very secret") || strings.Contains(gcs.HMACKey{AccessID: "a", Secret: "very secret"}.String(), "very secret") {
		t.Error("a secret was printed")
	}
}
