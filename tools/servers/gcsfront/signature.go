package gcsfront

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	rsaAlgorithm  = "GOOG4-RSA-SHA256"
	hmacAlgorithm = "GOOG4-HMAC-SHA256"
	signatureTime = "20060102T150405Z"
	// longestLife is the limit of X-Goog-Expires.
	longestLife = 7 * 24 * time.Hour
	// clockSkew is how far a signature may lie in the future.
	clockSkew = 15 * time.Minute
)

// checkSignature checks a signed URL by https://cloud.google.com/storage/docs/authentication/canonical-requests and
// https://cloud.google.com/storage/docs/authentication/signatures. The names of parameters and headers come first, then
// the signature, then the time, so that only who could sign learns that a URL has expired.
func (f *Front) checkSignature(r *http.Request, query url.Values) *refusal {
	for name, values := range query {
		if strings.HasPrefix(strings.ToLower(name), "x-goog-") && len(values) != 1 {
			return refuse(http.StatusBadRequest, "AuthorizationQueryParametersError", "%s must appear once.", name)
		}
	}
	signed := strings.Split(query.Get("X-Goog-SignedHeaders"), ";")
	if refused := checkHeaders(r, signed); refused != nil {
		return refused
	}
	date, scope := query.Get("X-Goog-Date"), ""
	if _, after, found := strings.Cut(query.Get("X-Goog-Credential"), "/"); found {
		scope = after
	}
	good := false
	for _, host := range hosts(r.Host) {
		sum := sha256.Sum256([]byte(canonicalRequest(r, query, signed, host)))
		message := strings.Join([]string{query.Get("X-Goog-Algorithm"), date, scope, hex.EncodeToString(sum[:])}, "\n")
		good = good || f.signedBy(query.Get("X-Goog-Algorithm"), query.Get("X-Goog-Credential"), date, message,
			query.Get("X-Goog-Signature"))
	}
	if !good {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch",
			"The request signature we calculated does not match the signature you provided. "+
				"Check your Google secret key and signing method.")
	}
	return f.checkLife(date, query.Get("X-Goog-Expires"))
}

// checkHeaders wants every signed header, the host among them, and no x-goog- header that is not signed.
func checkHeaders(r *http.Request, signed []string) *refusal {
	if !slices.Contains(signed, "host") || !slices.IsSorted(signed) {
		return refuse(http.StatusBadRequest, "AuthorizationQueryParametersError",
			"X-Goog-SignedHeaders must be sorted and hold host.")
	}
	for _, name := range signed {
		if name != "host" && name != "content-length" && len(r.Header.Values(name)) == 0 {
			return refuse(http.StatusBadRequest, "MalformedSecurityHeader",
				"Your request has a malformed header. Header was included in signedheaders, but not in the request: %s", name)
		}
	}
	for name := range r.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-goog-") && !slices.Contains(signed, name) {
			return refuse(http.StatusBadRequest, "MalformedSecurityHeader",
				"Your request has a malformed header. Header was included in the request, but not in signedheaders: %s", name)
		}
	}
	return nil
}

// hosts are the forms of the host that a client may have signed: as it is sent, and, as Google's own library does,
// without its port.
func hosts(host string) []string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return []string{host, name}
	}
	return []string{host}
}

// canonicalRequest is the request in the form that is signed.
func canonicalRequest(r *http.Request, query url.Values, signed []string, host string) string {
	lines := []string{r.Method, escapePath(r.URL.Path), canonicalQuery(query)}
	for _, name := range signed {
		lines = append(lines, name+":"+canonicalHeader(r, name, host))
	}
	payload := r.Header.Get("X-Goog-Content-SHA256")
	if payload == "" {
		payload = "UNSIGNED-PAYLOAD"
	}
	return strings.Join(append(lines, "", strings.Join(signed, ";"), payload), "\n")
}

func canonicalHeader(r *http.Request, name, host string) string {
	switch {
	case name == "host":
		return host
	case name == "content-length" && r.Header.Get(name) == "": // net/http takes it out of the header
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, value := range values {
		values[i] = strings.Join(strings.Fields(value), " ")
	}
	return strings.Join(values, ",")
}

func canonicalQuery(query url.Values) string {
	var pairs []string
	for name, values := range query {
		if name == "X-Goog-Signature" {
			continue
		}
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func escapePath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = escape(segment)
	}
	return strings.Join(segments, "/")
}

// escape leaves only the unreserved characters of RFC 3986 as they are.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// signedBy reports whether the account made a signature: by its RSA key, or by its HMAC key of the day, which must be
// the day of the date.
func (f *Front) signedBy(algorithm, credential, date, message, signatureHex string) bool {
	signature, err := hex.DecodeString(signatureHex)
	parts := strings.Split(credential, "/")                           // identity, day, location, service, terminator
	if err != nil || hex.EncodeToString(signature) != signatureHex || // upper case is another text
		len(parts) != 5 || parts[3] != "storage" || parts[4] != "goog4_request" || !strings.HasPrefix(date, parts[1]+"T") {
		return false
	}
	switch {
	case algorithm == rsaAlgorithm && parts[0] == f.account.Email:
		return f.account.verify([]byte(message), signature)
	case algorithm == hmacAlgorithm && parts[0] == f.account.HMACID:
		key := []byte("GOOG4" + f.account.HMACSecret)
		for _, part := range parts[1:] {
			key = hmacSHA256(key, part)
		}
		return hmac.Equal(hmacSHA256(key, message), signature)
	}
	return false
}

func hmacSHA256(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// checkLife checks the time of a signature that is good.
func (f *Front) checkLife(date, expires string) *refusal {
	start, err := time.Parse(signatureTime, date)
	seconds, err2 := strconv.ParseInt(expires, 10, 32)
	life := time.Duration(seconds) * time.Second
	switch now := f.Now(); {
	case err != nil || err2 != nil || seconds < 1 || life > longestLife:
		return refuse(http.StatusBadRequest, "AuthorizationQueryParametersError",
			"X-Goog-Expires must be a number of seconds up to 604800.")
	case now.Add(clockSkew).Before(start):
		return refuse(http.StatusForbidden, "RequestTimeTooSkewed", "The request is not valid yet.")
	case now.After(start.Add(life)):
		return refuse(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	}
	return nil
}
