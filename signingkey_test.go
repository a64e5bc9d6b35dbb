package dossier_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// A short or guessable secret makes every signature worthless, so it is refused where it is set.
func TestWeakSigningKeysAreRefused(t *testing.T) {
	t.Parallel()
	good := dossier.SigningKey{ID: "k1", Secret: secret(1)}
	for name, keys := range map[string][]dossier.SigningKey{
		"none":        {},
		"short":       {{ID: "k1", Secret: secret(1)[:31]}},
		"empty":       {{ID: "k1"}},
		"second weak": {good, {ID: "k2", Secret: []byte("password")}},
		"no id":       {{Secret: secret(1)}},
		"bad id":      {{ID: "k&1", Secret: secret(1)}},
		"long id":     {{ID: strings.Repeat("k", 65), Secret: secret(1)}},
		"same id":     {good, {ID: "k1", Secret: secret(2)}},
	} {
		s, err := dossier.NewSigner(keys...)
		if !errors.Is(err, dossier.ErrInvalid) || s != nil {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "password") {
			t.Errorf("%s: the text shows the secret", name)
		}
	}
}

// Keys are changed without breaking the URLs that are out: the old one verifies until it is removed.
func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	old, fresh := dossier.SigningKey{ID: "old", Secret: secret(1)}, dossier.SigningKey{ID: "new", Secret: secret(2)}
	before, during, after := newSigner(t, old), newSigner(t, fresh, old), newSigner(t, fresh)
	req := dossier.SignRequest{Key: "a", TTL: time.Hour}
	signed := query(t, must[dossier.SignedRequest](t)(before.SignURL(signedBase, "s", req)))
	if _, err := during.VerifyURL("s", "GET", "a", signed); err != nil {
		t.Errorf("while both are known: %v", err)
	}
	if _, err := after.VerifyURL("s", "GET", "a", signed); !errors.Is(err, dossier.ErrBadSignature) {
		t.Errorf("after the removal: %v, want ErrBadSignature", err)
	}
	signed = query(t, must[dossier.SignedRequest](t)(during.SignURL(signedBase, "s", req)))
	if _, err := after.VerifyURL("s", "GET", "a", signed); err != nil {
		t.Errorf("the first key does not sign: %v", err)
	}
	renamed := newSigner(t, dossier.SigningKey{ID: "new", Secret: secret(3)})
	if _, err := renamed.VerifyURL("s", "GET", "a", signed); !errors.Is(err, dossier.ErrBadSignature) {
		t.Errorf("another secret of that name: %v, want ErrBadSignature", err)
	}
}

// A caller that clears its copy of the secret, as it should, must not change the signer.
func TestSignerCopiesItsSecrets(t *testing.T) {
	t.Parallel()
	own := secret(1)
	s := newSigner(t, dossier.SigningKey{ID: "k1", Secret: own})
	signed := query(t, must[dossier.SignedRequest](t)(s.SignURL(signedBase, "s", dossier.SignRequest{Key: "a", TTL: time.Hour})))
	clear(own)
	if _, err := s.VerifyURL("s", "GET", "a", signed); err != nil {
		t.Error(err)
	}
}

// Secrets end up in logs by way of %+v of a configuration.
func TestPrintingASignerHidesItsSecrets(t *testing.T) {
	t.Parallel()
	s := newSigner(t, dossier.SigningKey{ID: "k1", Secret: []byte("correct horse battery staple 1234")})
	config := struct{ Signer *dossier.Signer }{s}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{s, *s, config} {
			text := fmt.Sprintf(format, value)
			if strings.Contains(text, "horse") || strings.Contains(text, "99 111 114") || strings.Contains(text, "636f7272") || strings.Contains(text, "0x63, 0x6f") {
				t.Errorf("%s of %T shows the secret: %s", format, value, text)
			}
		}
	}
}

// The zero value has no key; it must neither sign with nothing nor crash a server.
func TestZeroSignerRefuses(t *testing.T) {
	t.Parallel()
	var s dossier.Signer
	if _, err := s.SignURL(signedBase, "s", dossier.SignRequest{Key: "a", TTL: 1}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("SignURL: %v, want ErrInvalid", err)
	}
	if _, err := s.SignForm(signedBase, "s", dossier.FormRequest{Key: "a", TTL: 1}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("SignForm: %v, want ErrInvalid", err)
	}
	if _, err := s.VerifyURL("s", "GET", "a", "X-Dossier-Key-Id="); !errors.Is(err, dossier.ErrBadSignature) {
		t.Errorf("VerifyURL: %v, want ErrBadSignature", err)
	}
}

// The path of a URL is read back by net/url on the other side: what is signed must be what arrives.
func TestSignedURLPathIsTheKey(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for _, key := range []string{"a b", "a+b", "a%2Fb", "%", "a?b#c", "a&b=c;d", `'"<>`, "*", "a:b", "é", "\U0001F600", "~/x", "...", "a/b,c@d$e"} {
		signed := must[dossier.SignedRequest](t)(s.SignURL(signedBase, "s", dossier.SignRequest{Key: key, TTL: 1}))
		parsed := must[*url.URL](t)(url.Parse(signed.URL))
		if parsed.Path != "/store/"+key || parsed.Fragment != "" {
			t.Errorf("%q arrives as %q", key, parsed.Path)
		}
		if _, err := s.VerifyURL("s", "GET", key, parsed.RawQuery); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// Whatever a stranger sends as a query, it grants nothing, and it does not crash the server.
func FuzzVerifyURL(f *testing.F) {
	s, err := dossier.NewSigner(dossier.SigningKey{ID: "k1", Secret: secret(1)})
	if err != nil {
		f.Fatal(err)
	}
	signed, err := s.SignURL(signedBase, "s", dossier.SignRequest{Method: "PUT", Key: "a", TTL: time.Hour, MaxLength: 5})
	if err != nil {
		f.Fatal(err)
	}
	_, raw, _ := strings.Cut(signed.URL, "?")
	original, _ := url.ParseQuery(raw)
	f.Add("PUT", "a", raw)
	f.Add("GET", "a", raw+"&x=y")
	f.Add("PUT", "", "X-Dossier-Key-Id=k1&X-Dossier-Expires=99999999999999999999&X-Dossier-Signature=")
	f.Fuzz(func(t *testing.T, method, key, raw string) {
		g, err := s.VerifyURL("s", method, key, raw)
		if err != nil {
			if !errors.Is(err, dossier.ErrBadSignature) {
				t.Fatalf("%v, want ErrBadSignature", err)
			}
			return
		}
		values, _ := url.ParseQuery(raw)
		if method != "PUT" || key != "a" || g.MaxLength != 5 || values.Encode() != original.Encode() {
			t.Fatalf("%s %q with %q was granted: %+v", method, key, raw, g)
		}
	})
}

func ExampleSigner() {
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "2026", Secret: secret(1)}) // 32 bytes from a random source
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := signer.SignURL("https://files.example", "store-1", dossier.SignRequest{Key: "plan.pdf", TTL: time.Hour})
	fmt.Println(signed.Method, strings.HasPrefix(signed.URL, "https://files.example/plan.pdf?X-Dossier-Expires="), err)

	_, query, _ := strings.Cut(signed.URL, "?")
	grant, err := signer.VerifyURL("store-1", "GET", "plan.pdf", query)
	fmt.Println(grant.Method, grant.Key, err)
	_, err = signer.VerifyURL("store-1", "GET", "other.pdf", query)
	fmt.Println(err)
	// Output:
	// GET true <nil>
	// GET plan.pdf <nil>
	// bad signature: the request is not the one that was signed
}
