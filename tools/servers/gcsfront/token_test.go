package gcsfront_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"

	"github.com/dossier-go/dossier/tools/servers/gcsfront"
)

const scope = "https://www.googleapis.com/auth/devstorage.read_write"

// assertion is a JSON Web Token by the account's key.
func (s *service) assertion(claims map[string]any) string {
	s.t.Helper()
	block, _ := pem.Decode(s.private())
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	message := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(text)
	sum := sha256.Sum256([]byte(message))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		s.t.Fatal(err)
	}
	return message + "." + encode(signature)
}

func (s *service) claims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": s.account.Email, "aud": s.origin + gcsfront.TokenPath, "scope": scope, "iat": now, "exp": now + 3600,
	}
}

// exchange asks for an access token.
func (s *service) exchange(assertion string) response {
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	return s.send("POST", s.origin+gcsfront.TokenPath, form.Encode(), "Content-Type: application/x-www-form-urlencoded")
}

// An access token is given for an assertion by the account only, and ends after an hour.
func TestAccessTokens(t *testing.T) {
	t.Parallel()
	s := newService(t)
	answer := s.exchange(s.assertion(s.claims()))
	s.want("a good assertion", answer, 200, "access_token")
	var token struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer.body), &token); err != nil {
		t.Fatal(err)
	}
	object, bearer := s.origin+"/storage/v1/b/bucket", "Authorization: Bearer "+token.Token
	s.want("with the token", s.send("GET", object, "", bearer), 200, "")
	s.want("with another", s.send("GET", object, "", bearer+"x"), 401, "authError")
	s.want("with a password", s.send("GET", object, "", "Authorization: Basic eDp5"), 401, "authError")
	s.want("with another, by the XML API", s.send("GET", s.origin+"/bucket/a", "", bearer+"x"), 401, "authError")
	s.later(61 * time.Minute)
	s.want("an hour later", s.send("GET", object, "", bearer), 401, "authError")
}

// Each claim of an assertion is checked, and its signature.
func TestAssertionsAreChecked(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for name, value := range map[string]any{
		"iss": "other@example.com", "aud": "https://example.com/token", "scope": "https://www.googleapis.com/auth/drive",
		"iat": time.Now().Add(time.Hour).Unix(), "exp": time.Now().Add(-time.Minute).Unix(),
	} {
		claims := s.claims()
		claims[name] = value
		s.want(name, s.exchange(s.assertion(claims)), 400, "invalid_grant")
	}
	other, err := gcsfront.NewAccount(s.origin)
	if err != nil {
		t.Fatal(err)
	}
	foreign := *s
	foreign.account = other
	s.want("other key", s.exchange(foreign.assertion(s.claims())), 400, "Invalid JWT Signature")
	s.want("no token", s.exchange("a.b.c"), 400, "invalid_grant")
	s.want("other grant", s.send("POST", s.origin+gcsfront.TokenPath, ""), 400, "unsupported_grant_type")
	object := s.origin + "/storage/v1/b/bucket"
	s.want("an assertion as token", s.send("GET", object, "", "Authorization: Bearer "+s.assertion(s.claims())), 200, "")
	bad := "Authorization: Bearer " + foreign.assertion(s.claims())
	s.want("one by another key", s.send("GET", object, "", bad), 401, "authError")
}

// Google's client with the key of another account is told so.
func TestClientWithWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := newService(t)
	other, err := gcsfront.NewAccount(s.origin)
	if err != nil {
		t.Fatal(err)
	}
	client := s.client(option.WithAuthCredentialsJSON(option.ServiceAccount, other.Credentials()))
	_, err = client.Object("a").Attrs(t.Context())
	if err == nil || !strings.Contains(err.Error(), "invalid_grant") && status(err) != 401 {
		t.Errorf("the client was told %v", err)
	}
}
