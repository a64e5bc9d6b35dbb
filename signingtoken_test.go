package dossier_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier"
)

// A token carries what the server said to its holder and back, unchanged or not at all.
func ExampleSigner_SignToken() {
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "2026", Secret: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := signer.SignToken("invitation", []byte("ann"), time.Now().Add(time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	payload, _, err := signer.VerifyToken("invitation", token)
	fmt.Println(string(payload), err)
	_, _, err = signer.VerifyToken("password reset", token)
	fmt.Println(err)
	// Output:
	// ann <nil>
	// bad signature: the token is not one that was signed for this
}

func tokenSigner(t *testing.T, secrets ...byte) *dossier.Signer {
	t.Helper()
	var keys []dossier.SigningKey
	for _, b := range secrets {
		keys = append(keys, dossier.SigningKey{ID: string('a' + rune(b)), Secret: bytes.Repeat([]byte{b}, 32)})
	}
	signer, err := dossier.NewSigner(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// No byte of a token can be changed, left out or added, not even those of base64 that say nothing.
func TestATokenCannotBeChanged(t *testing.T) {
	t.Parallel()
	signer := tokenSigner(t, 1)
	for _, payload := range []string{"", "a", "ab", "abc", `{"s":"ann"}`} {
		token, err := signer.SignToken("p", []byte(payload), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := signer.VerifyToken("p", token); err != nil || string(got) != payload {
			t.Fatalf("%q %v", got, err)
		}
		for i := range len(token) {
			for _, c := range []byte("Aa0.-_=\n\x00") {
				changed := token[:i] + string(c) + token[i+1:]
				if changed == token {
					continue
				}
				refusedToken(t, signer, changed)
				refusedToken(t, signer, token[:i]+string(c)+token[i:])
			}
			refusedToken(t, signer, token[:i])
			refusedToken(t, signer, token[:i]+token[i+1:])
		}
		refusedToken(t, signer, token+"=")
		refusedToken(t, signer, token+".")
	}
	refusedToken(t, signer, strings.Repeat("a.", 5<<20))
}

func refusedToken(t *testing.T, signer *dossier.Signer, token string) {
	t.Helper()
	if payload, _, err := signer.VerifyToken("p", token); !errors.Is(err, dossier.ErrBadSignature) || payload != nil {
		t.Errorf("%.100q: %q, %v", token, payload, err)
	}
}

// A token is for one purpose, of keys that are still there, and until its end; the signature of a URL is none of a token.
func TestATokenIsForOnePurposeAndTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, signer := tokenSigner(t, 1), tokenSigner(t, 2, 1)
		token, err := old.SignToken("p", []byte("x"), time.Now().Add(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if _, end, err := signer.VerifyToken("p", token); err != nil || end.Before(time.Now().Add(time.Minute)) {
			t.Errorf("after the rotation: %v, %v", end, err)
		}
		for _, other := range []struct {
			signer  *dossier.Signer
			purpose string
		}{{signer, "q"}, {signer, ""}, {tokenSigner(t, 2), "p"}} {
			if _, _, err := other.signer.VerifyToken(other.purpose, token); !errors.Is(err, dossier.ErrBadSignature) {
				t.Errorf("purpose %q: %v", other.purpose, err)
			}
		}
		time.Sleep(time.Minute + time.Second)
		if _, _, err := signer.VerifyToken("p", token); !errors.Is(err, dossier.ErrExpired) {
			t.Errorf("after its end: %v", err)
		}
	})
}

// What could not be verified is not signed.
func TestTokensThatMakeNoSenseAreNotSigned(t *testing.T) {
	t.Parallel()
	signer := tokenSigner(t, 1)
	later := time.Now().Add(time.Hour)
	for name, sign := range map[string]func() (string, error){
		"no purpose": func() (string, error) { return signer.SignToken("", nil, later) },
		"no end":     func() (string, error) { return signer.SignToken("p", nil, time.Time{}) },
		"too long":   func() (string, error) { return signer.SignToken("p", make([]byte, dossier.MaxToken), later) },
		"no key":     func() (string, error) { return (&dossier.Signer{}).SignToken("p", nil, later) },
	} {
		if token, err := sign(); !errors.Is(err, dossier.ErrInvalid) || token != "" {
			t.Errorf("%s: %q %v", name, token, err)
		}
	}
}
