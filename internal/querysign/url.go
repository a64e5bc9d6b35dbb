package querysign

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
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
	w.sum = append(appendTime(w.sum, r.Time), '\n')
	w.sum = append(append(w.sum, key.scope...), '\n')
	w.sum = appendHex(w.sum, sum[:])
}

// finish returns the URL with its signature.
func (s *Signer) finish(w *work, signature []byte) string {
	w.url = append(append(append(w.url, '&'), s.scheme.Parameter...), "-Signature="...)
	w.url = appendHex(w.url, signature)
	return string(w.url)
}

func appendTime(to []byte, t time.Time) []byte { return t.UTC().AppendFormat(to, "20060102T150405Z") }

// writeQuery writes all parameters but the signature to w.query and their order to w.params.
func (s *Signer) writeQuery(w *work, key *dayKey, r *Request) {
	w.query, w.params = w.query[:0], w.params[:0]
	s.own(w, "-Algorithm=")
	w.close(key.algorithm)
	s.own(w, "-Credential=")
	w.close(key.credential)
	s.own(w, "-Date=")
	w.query = appendTime(w.query, r.Time)
	w.close("")
	s.own(w, "-Expires=")
	w.query = strconv.AppendInt(w.query, int64((r.Expires+time.Second-1)/time.Second), 10)
	w.close("")
	if key.token != "" {
		s.own(w, "-Security-Token=")
		w.close(key.token)
	}
	s.own(w, "-SignedHeaders=")
	w.query = w.appendNames(w.query, r.Header, "%3B")
	w.close("")
	for _, pair := range r.Query {
		start := len(w.query)
		w.query = appendEscaped(w.query, pair.Name, false)
		w.params = append(w.params, parameter{start: start, equals: len(w.query)})
		w.query = appendEscaped(append(w.query, '='), pair.Value, false)
		w.close("")
	}
	slices.SortFunc(w.params, func(a, b parameter) int {
		if order := bytes.Compare(w.query[a.start:a.equals], w.query[b.start:b.equals]); order != 0 {
			return order
		}
		return bytes.Compare(w.query[a.equals:a.end], w.query[b.equals:b.end])
	})
}

// own begins a parameter of the signature.
func (s *Signer) own(w *work, name string) {
	start := len(w.query)
	w.query = append(append(w.query, s.scheme.Parameter...), name...)
	w.params = append(w.params, parameter{start: start, equals: len(w.query) - 1})
}

// close ends the parameter that was begun last.
func (w *work) close(value string) {
	w.query = append(w.query, value...)
	w.params[len(w.params)-1].end = len(w.query)
}

func (w *work) appendQuery(to []byte) []byte {
	for i, p := range w.params {
		if i > 0 {
			to = append(to, '&')
		}
		to = append(to, w.query[p.start:p.end]...)
	}
	return to
}

// sortHeader writes the order of the fields, with the field Host as -1, to w.header.
func (w *work) sortHeader(header []Pair) {
	w.header = append(w.header[:0], hostField)
	for i := range header {
		w.header = append(w.header, i)
	}
	slices.SortFunc(w.header, func(a, b int) int { return compareFold(nameOf(header, a), nameOf(header, b)) })
}

// hostField is the place of the field Host in the order of fields.
const hostField = -1

func nameOf(header []Pair, i int) string {
	if i == hostField {
		return "host"
	}
	return header[i].Name
}

func (w *work) appendNames(to []byte, header []Pair, separator string) []byte {
	for n, i := range w.header {
		if n > 0 {
			to = append(to, separator...)
		}
		to = appendLower(to, nameOf(header, i))
	}
	return to
}

func (w *work) appendHeader(to []byte, host string, header []Pair) []byte {
	for _, i := range w.header {
		value := host
		if i != hostField {
			value = header[i].Value
		}
		to = append(appendLower(to, nameOf(header, i)), ':')
		to = append(appendTrimmed(to, value), '\n')
	}
	return to
}
