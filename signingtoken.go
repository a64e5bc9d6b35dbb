package dossier

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxToken is the longest token that [Signer.VerifyToken] looks at, in bytes.
const MaxToken = 8 << 10

// SignToken returns payload as a token for one purpose until notAfter, in whole seconds, rounded up: letters, digits, "-",
// "_" and ".". Whoever has the token can read the payload and cannot change it; a token for one purpose is none for
// another. It does not limit how often a token is used. The signature is HMAC-SHA256 (RFC 2104), as for URLs. Errors:
// ErrInvalid (no purpose, no expiry, or more than MaxToken bytes).
func (s *Signer) SignToken(purpose string, payload []byte, notAfter time.Time) (string, error) {
	if len(s.keys) == 0 {
		return "", fmt.Errorf("sign token: %w: a signer without a key; use NewSigner", ErrInvalid)
	}
	if purpose == "" || notAfter.IsZero() {
		return "", fmt.Errorf("sign token: %w: a token has a purpose and an expiry", ErrInvalid)
	}
	key := s.keys[0]
	expires := strconv.FormatInt(notAfter.Add(time.Second-1).Unix(), 10)
	text := base64.RawURLEncoding.EncodeToString(payload)
	token := strings.Join([]string{key.ID, expires, text, tokenSignature(key, purpose, expires, text)}, ".")
	if len(token) > MaxToken {
		return "", fmt.Errorf("sign token: %w: it has %d bytes, at most %d are allowed", ErrInvalid, len(token), MaxToken)
	}
	return token, nil
}

// VerifyToken returns the payload of a token that was signed for this purpose, and when it expires. Errors: ErrBadSignature
// for everything that SignToken did not return, to the byte; ErrExpired.
func (s *Signer) VerifyToken(purpose, token string) (payload []byte, notAfter time.Time, err error) {
	if len(token) > MaxToken {
		return nil, notAfter, fmt.Errorf("%w: a token has at most %d bytes", ErrBadSignature, MaxToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 4 {
		return nil, notAfter, fmt.Errorf("%w: it is no token", ErrBadSignature)
	}
	secret := s.secret(parts[0])
	if secret == nil || !hmac.Equal([]byte(parts[3]), []byte(tokenSignature(SigningKey{parts[0], secret}, purpose, parts[1], parts[2]))) {
		return nil, notAfter, fmt.Errorf("%w: the token is not one that was signed for this", ErrBadSignature)
	}
	seconds, err := strconv.ParseInt(parts[1], 10, 64)
	if err == nil {
		payload, err = base64.RawURLEncoding.Strict().DecodeString(parts[2])
	}
	if err != nil {
		return nil, notAfter, fmt.Errorf("%w: it is no token", ErrBadSignature)
	}
	notAfter = time.Unix(seconds, 0)
	if !time.Now().Before(notAfter) {
		return nil, notAfter, fmt.Errorf("%w: the token ended at %s", ErrExpired, notAfter.UTC().Format(time.RFC3339))
	}
	return payload, notAfter, nil
}

// tokenSignature is the MAC over everything else, each part with its length, as unpadded base64url. The first field keeps
// it apart from the signatures of URLs and forms.
func tokenSignature(key SigningKey, purpose, expires, text string) string {
	mac := hmac.New(sha256.New, key.Secret)
	for _, field := range []string{"dossier-token-v1", purpose, key.ID, expires, text} {
		_ = binary.Write(mac, binary.BigEndian, uint64(len(field)))
		mac.Write([]byte(field))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
