package gcsfront_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"

	"github.com/dossier-go/dossier/tools/servers/gcsfront"
)

// sign makes a URL with Google's library.
func (s *service) sign(method, object string, change func(*storage.SignedURLOptions)) string {
	s.t.Helper()
	options := &storage.SignedURLOptions{
		GoogleAccessID: s.account.Email, PrivateKey: s.private(), Method: method, Expires: time.Now().Add(time.Hour),
		Hostname: strings.TrimPrefix(s.origin, "http://"), Insecure: true, Scheme: storage.SigningSchemeV4,
	}
	if change != nil {
		change(options)
	}
	signed, err := storage.SignedURL(bucket, object, options)
	if err != nil {
		s.t.Fatal(err)
	}
	return signed
}

// alter changes one parameter of a URL.
func alter(t *testing.T, signed, name, value string) string {
	t.Helper()
	u, err := url.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String()
}

// signHMAC makes a URL by the HMAC key and the documents, for a given time and host.
func (s *service) signHMAC(account *gcsfront.Account, method, path, host string, start time.Time, expires string) string {
	date, day := start.UTC().Format("20060102T150405Z"), start.UTC().Format("20060102")
	scope := day + "/auto/storage/goog4_request"
	query := "X-Goog-Algorithm=GOOG4-HMAC-SHA256&X-Goog-Credential=" + url.QueryEscape(account.HMACID+"/"+scope) +
		"&X-Goog-Date=" + date + "&X-Goog-Expires=" + expires + "&X-Goog-SignedHeaders=host"
	canonical := sha256.Sum256([]byte(method + "\n" + path + "\n" + query + "\nhost:" + host + "\n\nhost\nUNSIGNED-PAYLOAD"))
	key := []byte("GOOG4" + account.HMACSecret)
	message := "GOOG4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex.EncodeToString(canonical[:])
	for _, part := range []string{day, "auto", "storage", "goog4_request", message} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return s.origin + path + "?" + query + "&X-Goog-Signature=" + hex.EncodeToString(key)
}

// A URL of Google's library is good for exactly what it was signed for: each of its parts, tampered with, is refused.
func TestSignedURLAllowsOnlyWhatWasSigned(t *testing.T) {
	t.Parallel()
	s := newService(t)
	other, err := gcsfront.NewAccount(s.origin)
	if err != nil {
		t.Fatal(err)
	}
	foreign := *s
	foreign.account = other
	for _, name := range []string{"a", "ä +%?#&=/x//y"} {
		s.write(name, "content")
		good := s.sign("GET", name, func(o *storage.SignedURLOptions) {
			o.QueryParameters = url.Values{"response-content-type": {"text/a b+c"}}
		})
		got := s.send("GET", good, "")
		s.want("as signed", got, 200, "content")
		if got.header.Get("Content-Type") != "text/a b+c" {
			t.Errorf("the content type is %q", got.header.Get("Content-Type"))
		}
		_, signature, _ := strings.Cut(good, "X-Goog-Signature=")
		signature, _, _ = strings.Cut(signature, "&")
		for what, bad := range map[string]string{
			"signature":    alter(t, good, "X-Goog-Signature", strings.Repeat("0", 512)),
			"upper case":   alter(t, good, "X-Goog-Signature", strings.ToUpper(signature)),
			"no hex":       alter(t, good, "X-Goog-Signature", "zz"),
			"expiry":       alter(t, good, "X-Goog-Expires", "3000"),
			"date":         alter(t, good, "X-Goog-Date", "20200101T000000Z"),
			"parameter":    alter(t, good, "response-content-type", "text/html"),
			"more":         alter(t, good, "generation", "1"),
			"credential":   alter(t, good, "X-Goog-Credential", "x/20200101/auto/storage/goog4_request"),
			"algorithm":    alter(t, good, "X-Goog-Algorithm", "GOOG4-HMAC-SHA256"),
			"object":       strings.Replace(good, "/bucket/", "/bucket/x", 1),
			"other key":    foreign.sign("GET", name, nil),
			"other host":   s.sign("GET", name, func(o *storage.SignedURLOptions) { o.Hostname = "storage.googleapis.com" }),
			"other method": s.sign("HEAD", name, nil),
		} {
			if strings.Contains(bad, "//storage.googleapis.com") {
				bad = strings.Replace(bad, "http://storage.googleapis.com", s.origin, 1)
			}
			s.want(what, s.send("GET", bad, ""), 403, "SignatureDoesNotMatch")
		}
		s.want("two signatures", s.send("GET", good+"&X-Goog-Signature=00", ""), 400, "AuthorizationQueryParametersError")
		s.want("PUT with the URL of GET", s.send("PUT", good, "x"), 403, "SignatureDoesNotMatch")
		s.want("DELETE with the URL of GET", s.send("DELETE", good, ""), 403, "SignatureDoesNotMatch")
	}
}

// A URL ends when it says, and an old one with a wrong signature does not tell that it has expired.
func TestSignedURLExpires(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.write("a", "content")
	good := s.sign("GET", "a", nil)
	s.want("before", s.send("GET", good, ""), 200, "content")
	s.later(59 * time.Minute)
	s.want("just before", s.send("GET", good, ""), 200, "content")
	s.later(61 * time.Minute)
	s.want("after", s.send("GET", good, ""), 400, "ExpiredToken")
	s.want("after, tampered", s.send("GET", alter(t, good, "X-Goog-Expires", "7200"), ""), 403, "SignatureDoesNotMatch")
	s.later(-16 * time.Minute)
	s.want("long before its date", s.send("GET", good, ""), 403, "RequestTimeTooSkewed")
}

// The HMAC key signs as well; the host may be signed with its port or without; a week is the limit.
func TestHMACSignedURL(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.write("a", "content")
	host, now := strings.TrimPrefix(s.origin, "http://"), time.Now()
	for _, c := range []struct {
		name, host string
		start      time.Time
		expires    string
		status     int
		answer     string
	}{
		{"host with port", host, now, "60", 200, "content"},
		{"host alone", "127.0.0.1", now, "60", 200, "content"},
		{"other port", "127.0.0.1:1", now, "60", 403, "SignatureDoesNotMatch"},
		{"a week", host, now, "604800", 200, "content"},
		{"above a week", host, now, "604801", 400, "AuthorizationQueryParametersError"},
		{"no time at all", host, now, "0", 400, "AuthorizationQueryParametersError"},
		{"expired", host, now.Add(-time.Hour), "60", 400, "ExpiredToken"},
	} {
		s.want(c.name, s.send("GET", s.signHMAC(s.account, "GET", "/bucket/a", c.host, c.start, c.expires), ""), c.status, c.answer)
	}
	wrong := *s.account
	wrong.HMACSecret = "guess"
	s.want("wrong secret", s.send("GET", s.signHMAC(&wrong, "GET", "/bucket/a", host, now, "60"), ""), 403, "SignatureDoes")
	wrong = *s.account
	wrong.HMACID = "GOOG1OTHER"
	s.want("wrong key", s.send("GET", s.signHMAC(&wrong, "GET", "/bucket/a", host, now, "60"), ""), 403, "SignatureDoes")
}

// Signed headers bind an upload: a missing or other one is refused, and so is one that nobody signed.
func TestSignedHeadersAreBinding(t *testing.T) {
	t.Parallel()
	s := newService(t)
	put := s.sign("PUT", "a", func(o *storage.SignedURLOptions) {
		o.ContentType = "text/plain"
		o.Headers = []string{"x-goog-meta-owner:me", "x-goog-content-length-range:2,4", "x-goog-if-generation-match:0"}
	})
	headers := []string{
		"Content-Type: text/plain", "x-goog-meta-owner: me", "x-goog-content-length-range: 2,4", "x-goog-if-generation-match: 0",
	}
	for i, header := range headers {
		without := slices.Delete(slices.Clone(headers), i, i+1)
		s.want("without "+header, s.send("PUT", put, "abc", without...), 400, "MalformedSecurityHeader")
		s.want("another "+header, s.send("PUT", put, "abc", append(without, header+"1")...), 403, "SignatureDoesNotMatch")
	}
	s.want("unsigned", s.send("PUT", put, "abc", append(headers, "x-goog-acl: public-read")...), 400, "MalformedSecurityHeader")
	s.want("too short", s.send("PUT", put, "a", headers...), 400, "EntityTooSmall")
	s.want("too long", s.send("PUT", put, "abcde", headers...), 400, "EntityTooLarge")
	if got := s.content("a"); got != "" {
		t.Errorf("a refused upload stored %q", got)
	}
	stored := s.send("PUT", put, "abc", headers...)
	s.want("as signed", stored, 200, "")
	s.want("once more", s.send("PUT", put, "abc", headers...), 412, "PreconditionFailed")
	attributes, err := s.client().Object("a").Attrs(t.Context())
	if err != nil || attributes.ContentType != "text/plain" || attributes.Metadata["owner"] != "me" || s.content("a") != "abc" {
		t.Errorf("stored: %+v, %v", attributes, err)
	}
	if stored.header.Get("X-Goog-Generation") == "" || len(stored.header.Values("X-Goog-Hash")) != 2 {
		t.Errorf("the answer's header is %v", stored.header)
	}
}

// Checksums that are sent along are checked, and a signed SHA-256 binds the content.
func TestChecksumsOfSignedUploads(t *testing.T) {
	t.Parallel()
	s := newService(t)
	sum := sha256.Sum256([]byte("abc"))
	bound := "x-goog-content-sha256:" + hex.EncodeToString(sum[:])
	put := s.sign("PUT", "a", func(o *storage.SignedURLOptions) { o.Headers = []string{bound} })
	header := strings.Replace(bound, ":", ": ", 1)
	s.want("other content", s.send("PUT", put, "abd", header), 400, "ContentSHA256Mismatch")
	s.want("the content", s.send("PUT", put, "abc", header), 200, "")
	plain := s.sign("PUT", "b", nil)
	s.want("wrong MD5", s.send("PUT", plain, "abc", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA=="), 400, "BadDigest")
	s.want("right MD5", s.send("PUT", plain, "abc", "Content-MD5: kAFQmDzST7DWlj99KOF/cg=="), 200, "")
	hashed := s.sign("PUT", "c", func(o *storage.SignedURLOptions) { o.Headers = []string{"x-goog-hash:crc32c=AAAAAA=="} })
	s.want("wrong CRC32C", s.send("PUT", hashed, "abc", "x-goog-hash: crc32c=AAAAAA=="), 400, "BadDigest")
	hashed = s.sign("PUT", "c", func(o *storage.SignedURLOptions) { o.Headers = []string{"x-goog-hash:crc32c=Nks/tw=="} })
	s.want("right CRC32C", s.send("PUT", hashed, "abc", "x-goog-hash: crc32c=Nks/tw=="), 200, "")
}
