package querysign

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// Request is an HTTP request that is to be signed.
type Request struct {
	Method    string // upper case
	URLScheme string // "https" or "http"
	// Host as the client will send it, with its port; the port that the scheme implies is left out.
	Host string
	// Path is not escaped and begins with "/".
	Path string
	// Query parameters besides those of the signature, neither escaped nor sorted.
	Query []Pair
	// Header fields that the client must send so, besides Host; names are unique, in any case and order.
	Header []Pair
	// Time of signing.
	Time time.Time
	// Expires is the life from Time on. Fractions of a second are rounded up.
	Expires time.Duration
}

// Pair is a query parameter or a header field.
type Pair struct{ Name, Value string }

// URL signs r with an HMAC key. The scheme must be one for HMAC keys.
func (s *Signer) URL(cred Credentials, r Request) string {
	key := s.key(cred, r.Time)
	w := key.works.Get().(*work) //nolint:forcetypeassert // the pool's own
	s.prepare(w, key, &r)
	w.mac.Reset()
	w.mac.Write(w.sum)
	w.sum = w.mac.Sum(w.sum[:0])
	signed := s.finish(w, w.sum)
	key.works.Put(w)
	return signed
}

// Sign makes the signature of stringToSign, and may keep the slice.
type Sign = func(ctx context.Context, stringToSign []byte) ([]byte, error)

// URLWith signs r in the name of identity with whatever sign does: RSA PKCS #1 v1.5 with SHA-256 for [GoogleRSA]. Its error
// is wrapped.
func (s *Signer) URLWith(ctx context.Context, identity string, sign Sign, r Request) (string, error) {
	key := s.key(Credentials{AccessKeyID: identity}, r.Time)
	w := key.works.Get().(*work) //nolint:forcetypeassert // the pool's own
	defer key.works.Put(w)
	s.prepare(w, key, &r)
	signature, err := sign(ctx, bytes.Clone(w.sum))
	if err != nil {
		return "", fmt.Errorf("sign URL: %w", err)
	}
	return s.finish(w, signature), nil
}

// prepare writes the URL without its signature to w.url and the string to sign to w.sum.
func (s *Signer) prepare(w *work, key *dayKey, r *Request) {
	w.sortHeader(r.Header)
	s.writeQuery(w, key, r)
	host := hostOf(r.URLScheme, r.Host)

	w.url = append(append(append(w.url[:0], r.URLScheme...), "://"...), host...)
	path := len(w.url)
	w.url = append(appendEscaped(w.url, r.Path, true), '?')
	query := len(w.url)
	w.url = w.appendQuery(w.url)

	c := append(append(w.canonical[:0], r.Method...), '\n')
	c = append(append(c, w.url[path:query-1]...), '\n')
	c = append(append(c, w.url[query:]...), '\n')
	c = w.appendHeader(c, host, r.Header)
	c = append(c, '\n')
	c = w.appendNames(c, r.Header, ";")
	w.canonical = append(c, "\nUNSIGNED-PAYLOAD"...)
	sum := sha256.Sum256(w.canonical)

	w.sum = append(append(w.sum[:0], s.scheme.Algorithm...), '\n')
	w.sum = append(append(w.sum, w.date...), '\n')
	w.sum = append(append(w.sum, key.scope...), '\n')
	w.sum = appendHex(w.sum, sum[:])
}

// finish returns the URL with its signature.
func (s *Signer) finish(w *work, signature []byte) string {
	w.url = append(append(append(w.url, '&'), s.scheme.Parameter...), "-Signature="...)
	w.url = appendHex(w.url, signature)
	return string(w.url)
}
