package gcsfront

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// tokenLife is how long an access token lasts.
const tokenLife = time.Hour

// tokens are the access tokens that were issued, with their expiry.
type tokens struct {
	mutex  sync.Mutex
	issued map[string]time.Time
}

// issueToken exchanges an assertion that the account signed for an access token, as
// https://developers.google.com/identity/protocols/oauth2/service-account#httprest describes.
func (f *Front) issueToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	answer := func(status int, fields map[string]any) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(fields)
	}
	if r.Method != http.MethodPost || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		answer(http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	if err := f.checkAssertion(r.FormValue("assertion"), f.account.origin+TokenPath); err != nil {
		answer(http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": err.Error()})
		return
	}
	token := "ya29." + rand.Text()
	f.tokens.add(token, f.Now().Add(tokenLife))
	answer(http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int(tokenLife / time.Second),
	})
}

func (t *tokens) add(token string, expiry time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.issued == nil {
		t.issued = map[string]time.Time{}
	}
	t.issued[token] = expiry
}

func (t *tokens) valid(token string, now time.Time) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return now.Before(t.issued[token])
}

// checkToken accepts the access tokens of issueToken and, as Google does, assertions that the account signed for
// itself (https://google.aip.dev/auth/4111), which clients use to save the exchange.
func (f *Front) checkToken(r *http.Request) *refusal {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case found && f.tokens.valid(token, f.Now()):
		return nil
	case found && strings.Count(token, ".") == 2 && f.checkAssertion(token, "") == nil:
		return nil
	}
	return refuse(http.StatusUnauthorized, "authError", "Invalid Credentials")
}

// claims are those of a JSON Web Token (RFC 7519) that are checked.
type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Scope    string `json:"scope"`
	Issued   int64  `json:"iat"`
	Expiry   int64  `json:"exp"`
}

// checkAssertion checks a JSON Web Token by the account, for an audience or, if that is "", for the storage service.
func (f *Front) checkAssertion(token, audience string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("Invalid JWT: not three parts")
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var c claims
	if err := errors.Join(decodePart(parts[0], &header), decodePart(parts[1], &c)); err != nil {
		return err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || header.Algorithm != "RS256" || !f.account.verify([]byte(parts[0]+"."+parts[1]), signature) {
		return errors.New("Invalid JWT Signature.")
	}
	now := f.Now()
	issued, expiry := time.Unix(c.Issued, 0), time.Unix(c.Expiry, 0)
	switch {
	case c.Issuer != f.account.Email:
		return errors.New("Invalid issuer")
	case !now.Before(expiry), now.Before(issued.Add(-time.Minute)), expiry.Sub(issued) > tokenLife+time.Minute:
		return errors.New("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
	case audience != "" && c.Audience != audience:
		return errors.New("Invalid JWT: wrong audience")
	case !allowsStorage(c):
		return errors.New("Invalid OAuth scope")
	}
	return nil
}

func allowsStorage(c claims) bool {
	return c.Audience == "https://storage.googleapis.com/" ||
		slices.ContainsFunc(strings.Fields(c.Scope), func(scope string) bool {
			return strings.HasPrefix(scope, "https://www.googleapis.com/auth/devstorage.") ||
				scope == "https://www.googleapis.com/auth/cloud-platform"
		})
}

func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return errors.New("Invalid JWT: not base64url")
	}
	return json.Unmarshal(text, into)
}

// verify reports whether the account's RSA key made a signature: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017).
func (a *Account) verify(message, signature []byte) bool {
	sum := sha256.Sum256(message)
	return rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA256, sum[:], signature) == nil
}
