package querysign_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier/internal/querysign"
)

// rsaKey signs as a service account does.
func rsaKey(t *testing.T) func([]byte) ([]byte, error) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) ([]byte, error) {
		sum := sha256.Sum256(text)
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	}
}

func withContext(sign func([]byte) ([]byte, error)) querysign.Sign {
	return func(_ context.Context, text []byte) ([]byte, error) { return sign(text) }
}

// The vendor's signer is the measure. It writes the same parameters in another order and spaces as plus signs, so that the
// parameters are compared.
func TestGoogleURLIsTheOneOfTheSDK(t *testing.T) {
	sign := rsaKey(t)
	signer := querysign.New(querysign.GoogleRSA(), "auto")
	const identity = "signer@project.iam.gserviceaccount.com"
	for _, key := range []string{"a", "a b+c%2F&=?#;'\"()*!~.txt", "é/\U0001F600/x", "[a]{b}|c^`<>:@$,\\"} {
		theirs, err := storage.SignedURL("bucket", key, &storage.SignedURLOptions{
			GoogleAccessID: identity, SignBytes: sign, Method: "PUT", Expires: time.Now().Add(time.Hour), Scheme: storage.SigningSchemeV4,
			ContentType: "text/plain;  charset=utf-8", MD5: "1B2M2Y8AsgTpgAmY7PhCfg==",
			Headers: []string{"x-goog-content-length-range:0,100", "x-goog-if-generation-match:0", "x-goog-meta-name:a b"},
			QueryParameters: url.Values{
				"response-content-disposition": {`attachment; filename="a b+c.pdf"`}, "Upper": {"~"}, "generation": {"7"},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		want, err := url.Parse(theirs)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse("20060102T150405Z", want.Query().Get("X-Goog-Date"))
		if err != nil {
			t.Fatal(err)
		}
		life, err := time.ParseDuration(want.Query().Get("X-Goog-Expires") + "s")
		if err != nil {
			t.Fatal(err)
		}
		ours, err := signer.URLWith(t.Context(), identity, withContext(sign), querysign.Request{
			Method: "PUT", URLScheme: "https", Host: "storage.googleapis.com", Path: "/bucket/" + key, Time: at, Expires: life,
			Query: []querysign.Pair{
				{Name: "generation", Value: "7"}, {Name: "Upper", Value: "~"},
				{Name: "response-content-disposition", Value: `attachment; filename="a b+c.pdf"`},
			},
			Header: []querysign.Pair{
				{Name: "Content-Type", Value: "text/plain;  charset=utf-8"}, {Name: "x-goog-meta-name", Value: "a b"},
				{Name: "x-goog-if-generation-match", Value: "0"}, {Name: "x-goog-content-length-range", Value: "0,100"},
				{Name: "Content-MD5", Value: "1B2M2Y8AsgTpgAmY7PhCfg=="},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := url.Parse(ours)
		if err != nil {
			t.Fatal(err)
		}
		same := got.Scheme == want.Scheme && got.Host == want.Host && got.EscapedPath() == want.EscapedPath()
		if !same || got.Query().Encode() != want.Query().Encode() {
			t.Errorf("%q\ngot  %s\nwant %s", key, ours, theirs)
		}
	}
}

// HMAC keys sign the same text, with a key derived as Amazon's is.
func TestGoogleURLWithAnHMACKey(t *testing.T) {
	cred, request := full()
	cred.SessionToken = ""
	signer := querysign.New(querysign.Google(), "auto")
	var text string
	_, err := signer.URLWith(t.Context(), cred.AccessKeyID, func(_ context.Context, signed []byte) ([]byte, error) {
		text = string(signed)
		return nil, nil
	}, request)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "GOOG4-HMAC-SHA256\n20130524T000000Z\n20130524/auto/storage/goog4_request\n") {
		t.Errorf("string to sign %q", text)
	}
	key := []byte("GOOG4" + cred.Secret)
	for _, part := range []string{"20130524", "auto", "storage", "goog4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	got := signer.URL(cred, request)
	if want := "&X-Goog-Signature=" + hex.EncodeToString(key); !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want %s at its end", got, want)
	}
	scope := cred.AccessKeyID + "%2F20130524%2Fauto%2Fstorage%2Fgoog4_request"
	if !strings.Contains(got, "?X-Goog-Algorithm=GOOG4-HMAC-SHA256&X-Goog-Credential="+scope+"&") {
		t.Error(got)
	}
}

// Whoever signs over a network must see its errors.
func TestErrorsOfTheSignerAreReturned(t *testing.T) {
	_, request := documented()
	signer := querysign.New(querysign.GoogleRSA(), "auto")
	broken := errors.New("no permission to sign")
	fail := func(context.Context, []byte) ([]byte, error) { return nil, broken }
	if signed, err := signer.URLWith(t.Context(), "a", fail, request); !errors.Is(err, broken) || signed != "" {
		t.Errorf("%q, %v", signed, err)
	}
	if signed, err := signer.PolicyWith(t.Context(), fail, "policy"); !errors.Is(err, broken) || signed != "" {
		t.Errorf("%q, %v", signed, err)
	}
	echo := func(_ context.Context, text []byte) ([]byte, error) { return text, nil }
	if signed, err := signer.PolicyWith(t.Context(), echo, "policy"); err != nil || signed != hex.EncodeToString([]byte("policy")) {
		t.Errorf("%q, %v", signed, err)
	}
}
