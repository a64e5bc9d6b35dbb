package gcsfront

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
)

// Account is the one service account that a front knows: an RSA key for signatures and access tokens, and an HMAC key.
type Account struct {
	Email      string
	HMACID     string
	HMACSecret string

	origin string
	key    *rsa.PrivateKey
}

// TokenPath is the path of the front at which signed assertions become access tokens.
const TokenPath = "/token"

// NewAccount makes an account with fresh keys for a front at an origin such as "http://127.0.0.1:1234".
func NewAccount(origin string) (*Account, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return &Account{
		Email:  "tests@dossier-test.iam.gserviceaccount.com",
		HMACID: "GOOG1" + rand.Text(), HMACSecret: rand.Text(), origin: origin, key: key,
	}, nil
}

// Credentials is the account's key file, as GOOGLE_APPLICATION_CREDENTIALS names one.
func (a *Account) Credentials() []byte {
	private, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		panic(err) // no RSA key is refused
	}
	text, err := json.MarshalIndent(map[string]string{
		"type":           "service_account",
		"project_id":     "dossier-test",
		"private_key_id": "1",
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"client_email":   a.Email,
		"client_id":      "1",
		"token_uri":      a.origin + TokenPath,
	}, "", "  ")
	if err != nil {
		panic(err) // nor any map of strings
	}
	return text
}
