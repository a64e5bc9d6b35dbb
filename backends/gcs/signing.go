package gcs

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/querysign"
)

// signingCapabilities are what a key adds.
const signingCapabilities = dossier.SignGet | dossier.SignPut | dossier.SignDelete | dossier.SignPost | dossier.BindType |
	dossier.BindLength | dossier.BindMaxLength | dossier.BindIfAbsent | dossier.BindChecksum

// region of the credential scope: https://cloud.google.com/storage/docs/authentication/signatures#credential-scope
const region = "auto"

// signing makes signatures with one key.
type signing struct {
	base   base
	signer *querysign.Signer
	// algorithm is the name of the signature's scheme.
	algorithm string
	// hmac is the key, unless sign is set.
	hmac querysign.Credentials
	// identity is the service account that signs.
	identity func(ctx context.Context) (string, error)
	// sign makes the RSA signature of some bytes.
	sign querysign.Sign
	// longest is how long a signature is good for.
	longest time.Duration
}

// newSigning takes the first key that is configured; nil means that there is none.
func newSigning(cfg Config, base base) (*signing, error) {
	s := &signing{base: base, longest: dossier.MaxSignedLife}
	if cfg.HMAC != (HMACKey{}) {
		if cfg.HMAC.AccessID == "" || cfg.HMAC.Secret == "" {
			return nil, fmt.Errorf("%w: an HMAC key has an access ID and a secret", dossier.ErrInvalid)
		}
		s.hmac = querysign.Credentials{AccessKeyID: cfg.HMAC.AccessID, Secret: cfg.HMAC.Secret}
		return s.with(querysign.Google()), nil
	}
	s.with(querysign.GoogleRSA())
	return s.withRSA(cfg)
}

func (s *signing) with(scheme querysign.Scheme) *signing {
	s.signer, s.algorithm = querysign.New(scheme, region), scheme.Algorithm
	return s
}

func (s *signing) withRSA(cfg Config) (*signing, error) {
	account, err := accountOf(cfg)
	if err != nil {
		return nil, err
	}
	email := orElse(cfg.SigningAccount, account.Email)
	s.identity = func(context.Context) (string, error) { return email, nil }
	private := cfg.SigningKey
	switch {
	case private != nil:
	case cfg.SignBytes != nil:
		s.sign = cfg.SignBytes
	case account.PrivateKey != "":
		private = []byte(account.PrivateKey)
		email = account.Email
	case cfg.Credentials == nil || email == "" && account.Type == "authorized_user":
		return nil, nil //nolint:nilnil // no key is no error
	default:
		return s.withIAM(cfg, email), nil
	}
	if email == "" {
		return nil, fmt.Errorf("%w: SigningAccount is missing: the service account that the key is of", dossier.ErrInvalid)
	}
	if private != nil {
		key, err := parseKey(private)
		if err != nil {
			return nil, err
		}
		s.sign = key.sign
	}
	return s, nil
}

// account is what credentials files have in common: https://google.aip.dev/auth/4110
type account struct {
	Type          string `json:"type"`
	Email         string `json:"client_email"`
	PrivateKey    string `json:"private_key"`
	Impersonation string `json:"service_account_impersonation_url"`
}

// accountOf reads the configured credentials; those of a machine have no file.
func accountOf(cfg Config) (a account, err error) {
	if cfg.Credentials == nil || len(cfg.Credentials.JSON()) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(cfg.Credentials.JSON(), &a); err != nil {
		return a, fmt.Errorf("%w: the credentials are not JSON", dossier.ErrInvalid)
	}
	if _, name, found := strings.Cut(a.Impersonation, "/serviceAccounts/"); found && a.Email == "" {
		a.Email, _, _ = strings.Cut(name, ":")
	}
	return a, nil
}

// privateKey signs with an RSA key that was parsed once.
type privateKey struct{ key *rsa.PrivateKey }

// parseKey reads PKCS #8, as in the files of service accounts, or PKCS #1. Its errors do not quote the key.
func parseKey(text []byte) (privateKey, error) {
	malformed := fmt.Errorf("%w: the signing key is not the PEM of an RSA key", dossier.ErrInvalid)
	block, _ := pem.Decode(text)
	if block == nil {
		return privateKey{}, malformed
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return privateKey{key}, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return privateKey{}, malformed
	}
	return privateKey{key}, nil
}

// sign is RSASSA-PKCS1-v1_5 with SHA-256: RFC 8017, section 8.2.
func (k privateKey) sign(_ context.Context, bytes []byte) ([]byte, error) {
	sum := sha256.Sum256(bytes)
	return rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, sum[:])
}

// checkSigning refuses to sign without a key.
func (b *Backend) checkSigning() error {
	if b.signing == nil {
		return fmt.Errorf("%w: there is no key to sign with; set one in the configuration", errors.ErrUnsupported)
	}
	return nil
}

// period is when a signature is made and when it ends. The beginning is rounded down to the window, so the end of one without
// a window is rounded up to a second; it is sooner if the key is not good for so long.
func (s *signing) period(ttl, window time.Duration) (from, to time.Time, err error) {
	if ttl > dossier.MaxSignedLife {
		return from, to, fmt.Errorf("%w: a life of %v; at most %v", dossier.ErrInvalid, ttl, dossier.MaxSignedLife)
	}
	now := time.Now().UTC()
	from = now.Truncate(max(window, time.Second))
	to = from.Add((ttl + time.Second - 1).Truncate(time.Second))
	if window == 0 {
		to = now.Add(ttl + time.Second - 1).Truncate(time.Second)
	}
	if limit := from.Add(s.longest); to.After(limit) {
		to = limit
	}
	return from, to, nil
}
