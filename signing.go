package dossier

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MinSecretLength is the shortest secret of a [SigningKey], in bytes.
const MinSecretLength = 32

// MaxSignedLife is the longest life of what a [Signer] signs: seven days, as the cloud stores have it.
const MaxSignedLife = 7 * 24 * time.Hour

// SigningKey is one named secret of a [Signer].
type SigningKey struct {
	// ID appears in what is signed: 1 to 64 letters, digits, "_" or "-".
	ID string
	// Secret has at least 32 bytes from a random source.
	Secret []byte
}

// Signer signs URLs and forms for stores that have no signatures of their own (local, memory), and verifies them.
// It is immutable and safe for concurrent use.
//
// A signature is HMAC-SHA256 (RFC 2104) over a versioned list of length-prefixed fields: purpose, store identity,
// method, key, and every query parameter or form field, sorted by name. So a URL works for exactly one store, method
// and object until it expires; every binding and response override is under the signature, an unknown, missing or
// repeated parameter is refused, and comparison takes constant time.
//
// It does not bind the host, so that the same store can be reached by several names, and it cannot revoke one URL:
// remove the key that signed it. A GET URL can be used any number of times until it expires.
type Signer struct {
	keys []SigningKey // the first signs, all verify
}

// NewSigner returns a signer: the first key signs, all verify, so that a key is rotated by putting the new one first
// and removing the old one when the last URL signed with it has expired. No key, a secret under 32 bytes, a repeated
// or malformed id is [ErrInvalid]. Secrets are copied.
func NewSigner(keys ...SigningKey) (*Signer, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("new signer: %w: no key", ErrInvalid)
	}
	s := &Signer{}
	for _, key := range keys {
		if !signingKeyID(key.ID) || s.secret(key.ID) != nil {
			return nil, fmt.Errorf("new signer: %w: key id %q is malformed or repeated", ErrInvalid, key.ID)
		}
		if len(key.Secret) < MinSecretLength {
			return nil, fmt.Errorf("new signer: %w: the secret of key %q has %d bytes; at least %d random ones are needed",
				ErrInvalid, key.ID, len(key.Secret), MinSecretLength)
		}
		s.keys = append(s.keys, SigningKey{ID: key.ID, Secret: slices.Clone(key.Secret)})
	}
	return s, nil
}

func signingKeyID(id string) bool {
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return id != "" && len(id) <= 64
}

func (s *Signer) secret(id string) []byte {
	for _, key := range s.keys {
		if key.ID == id {
			return key.Secret
		}
	}
	return nil
}

// String hides the secrets.
func (s Signer) String() string { return fmt.Sprintf("Signer(%d keys)", len(s.keys)) }

// GoString hides the secrets.
func (s Signer) GoString() string { return s.String() }

// Names of query parameters and form fields.
const (
	paramKeyID       = "X-Dossier-Key-Id"
	paramExpires     = "X-Dossier-Expires"
	paramSignature   = "X-Dossier-Signature"
	paramType        = "X-Dossier-Type"
	paramLength      = "X-Dossier-Length"
	paramMinLength   = "X-Dossier-Min-Length"
	paramMaxLength   = "X-Dossier-Max-Length"
	paramCreateOnly  = "X-Dossier-Create-Only"
	paramChecksum    = "X-Dossier-Checksum-"
	paramMetadata    = "X-Dossier-Meta-"
	paramDisposition = "response-content-disposition"
	paramRespType    = "response-content-type"
	paramEncoding    = "response-content-encoding"
	paramLanguage    = "response-content-language"
	paramCache       = "response-cache-control"
)

// SignURL signs req for the store served at base, an absolute URL or a path beginning with "/". Backends call it from
// their SignURLs. The key follows base as escaped path. Errors: ErrInvalid, ErrInvalidKey, errors.ErrUnsupported (a part).
func (s *Signer) SignURL(base, store string, req SignRequest) (SignedRequest, error) {
	if req.Method == "" {
		req.Method = "GET"
	}
	if err := CheckSignRequest(req); err != nil {
		return SignedRequest{}, err
	}
	if req.Part != (PartRequest{}) {
		return SignedRequest{}, fmt.Errorf("%w: the parts of an upload have no signed URLs here", errors.ErrUnsupported)
	}
	params := signParams(req)
	notAfter, err := s.sign("url", store, req.Method, req.Key, params, req.TTL, req.Window)
	if err != nil {
		return SignedRequest{}, err
	}
	signed := SignedRequest{Method: req.Method, NotAfter: notAfter, Header: map[string][]string{}}
	signed.URL = strings.TrimSuffix(base, "/") + "/" + escapeKey(req.Key) + "?" + params.Encode()
	if req.ContentType != "" {
		signed.Header.Set("Content-Type", req.ContentType)
	}
	return signed, nil
}

func escapeKey(key string) string { return (&url.URL{Path: key}).EscapedPath() }

// SignForm signs req for the store served at base; the form posts to base itself. Errors: ErrInvalid, ErrInvalidKey.
func (s *Signer) SignForm(base, store string, req FormRequest) (SignedForm, error) {
	if err := CheckFormRequest(req); err != nil {
		return SignedForm{}, err
	}
	params := formParams(req)
	notAfter, err := s.sign("form", store, "POST", req.Key, params, req.TTL, 0)
	if err != nil {
		return SignedForm{}, err
	}
	form := SignedForm{URL: strings.TrimSuffix(base, "/") + "/", NotAfter: notAfter}
	form.Fields = append(form.Fields, FormField{"key", req.Key})
	for _, name := range sortedNames(params) {
		form.Fields = append(form.Fields, FormField{name, params.Get(name)})
	}
	return form, nil
}

// sign adds key id, expiry and signature to params.
func (s *Signer) sign(purpose, store, method, key string, params url.Values, ttl, window time.Duration) (time.Time, error) {
	if len(s.keys) == 0 {
		return time.Time{}, fmt.Errorf("%w: a signer without a key; use NewSigner", ErrInvalid)
	}
	if ttl > MaxSignedLife {
		return time.Time{}, fmt.Errorf("%w: a signature lives at most %v, not %v", ErrInvalid, MaxSignedLife, ttl)
	}
	now := time.Now()
	if window > 0 {
		now = now.Truncate(window)
	}
	seconds := now.Add(ttl + time.Second - 1).Unix()
	params.Set(paramKeyID, s.keys[0].ID)
	params.Set(paramExpires, strconv.FormatInt(seconds, 10))
	params.Set(paramSignature, signature(s.keys[0].Secret, purpose, store, method, key, params))
	return time.Unix(seconds, 0), nil
}

// signature is the MAC over everything but itself, as unpadded base64url.
func signature(secret []byte, purpose, store, method, key string, params url.Values) string {
	mac := hmac.New(sha256.New, secret)
	write := func(field string) {
		_ = binary.Write(mac, binary.BigEndian, uint64(len(field)))
		mac.Write([]byte(field))
	}
	for _, field := range []string{"dossier-v1", purpose, store, method, key} {
		write(field)
	}
	for _, name := range sortedNames(params) {
		if name != paramSignature {
			write(name)
			write(params.Get(name))
		}
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func sortedNames(params url.Values) []string {
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// VerifyURL checks that the query of a request was signed for this store, method and key, and returns what it grants.
// The caller must enforce the grant. Errors: ErrBadSignature (also for unknown, missing and repeated parameters),
// ErrExpired.
func (s *Signer) VerifyURL(store, method, key, rawQuery string) (Grant, error) {
	params, err := url.ParseQuery(rawQuery)
	if err != nil {
		return Grant{}, fmt.Errorf("%w: malformed query", ErrBadSignature)
	}
	return s.verify("url", store, method, key, params)
}

// VerifyForm checks the fields of a form (all but the file) and returns what they grant. The caller must enforce the
// grant. Errors: as VerifyURL.
func (s *Signer) VerifyForm(store string, fields map[string][]string) (Grant, error) {
	params := url.Values{}
	for name, values := range fields {
		if name != "key" {
			params[name] = values
		}
	}
	key := fields["key"]
	if len(key) != 1 {
		return Grant{}, fmt.Errorf("%w: the form has %d fields named key", ErrBadSignature, len(key))
	}
	return s.verify("form", store, "POST", key[0], params)
}

func (s *Signer) verify(purpose, store, method, key string, params url.Values) (Grant, error) {
	for name, values := range params {
		if len(values) != 1 {
			return Grant{}, fmt.Errorf("%w: parameter %q is given %d times", ErrBadSignature, name, len(values))
		}
	}
	secret := s.secret(params.Get(paramKeyID))
	if secret == nil {
		return Grant{}, fmt.Errorf("%w: unsigned, or signed with an unknown key", ErrBadSignature)
	}
	want := signature(secret, purpose, store, method, key, params)
	if !hmac.Equal([]byte(want), []byte(params.Get(paramSignature))) {
		return Grant{}, fmt.Errorf("%w: the request is not the one that was signed", ErrBadSignature)
	}
	grant, err := readGrant(method, key, params)
	if err != nil {
		return Grant{}, err
	}
	if !time.Now().Before(grant.NotAfter) {
		return Grant{}, fmt.Errorf("%w: the signature ended at %s", ErrExpired, grant.NotAfter.UTC().Format(time.RFC3339))
	}
	return grant, nil
}
