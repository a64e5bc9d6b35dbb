// Package gcsfront is a handler before fake-gcs-server (https://github.com/fsouza/fake-gcs-server) that checks what the
// emulator lets pass, so that a test of signed URLs, policies and conditions can fail.
//
// It checks, by Google's documents of the XML API, the JSON API and OAuth 2.0 (each file names its document):
//
//   - V4 signatures of URLs by the service account's RSA key or its HMAC key: the signature, the expiry and its limit of
//     seven days, every signed header, and that no x-goog- header came unsigned;
//   - POST policies: the signature, the expiry, eq, starts-with and content-length-range, and that each field is listed;
//   - bearer tokens, which it issues itself, on the JSON API; who is anonymous reads only what all may read;
//   - conditions on generations and metagenerations for reads, deletes, patches, copies, composed objects and signed
//     uploads; the emulator itself checks those of the JSON API's uploads;
//   - x-goog-content-length-range, x-goog-hash, Content-MD5 and x-goog-content-sha256 of uploads, and the checksums of
//     resumable uploads, whose chunks may overlap and whose progress can be asked for.
//
// Copies and composed objects it makes itself, since the emulator mixes their attributes with those of other objects.
//
// It is a reading of documents, not Google's code. Not checked: IAM and object permissions beyond the above, batches (the
// parts of one run as they are), lifecycle and retention. The whole body of each request that changes something is
// read into memory first, so a request that breaks off changes nothing, and such requests run one after the other.
package gcsfront

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Front is a handler before an emulator. It is safe for concurrent use.
type Front struct {
	// Now is the clock. Default: time.Now. It must not change while requests run.
	Now func() time.Time

	emulator http.Handler
	account  *Account
	host     string // of the emulator, which must know it as its public host

	mutex sync.Mutex // held while something is changed

	sessionsMutex sync.Mutex
	sessions      map[string]*session

	versionsMutex sync.Mutex
	versions      map[string]version // of objects whose metadata was changed, by bucket and name

	tokens tokens
}

// New returns a front for an emulator whose public host is that of the account's origin.
func New(emulator http.Handler, account *Account) *Front {
	return &Front{
		emulator: emulator, account: account, host: strings.TrimPrefix(account.origin, "http://"),
		Now: time.Now, sessions: map[string]*session{}, versions: map[string]version{},
	}
}

// ServeHTTP checks a request and lets the emulator answer it, or refuses it.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.EscapedPath(); {
	case path == TokenPath:
		f.issueToken(w, r)
	case path == "/_internal/healthcheck", r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "":
		f.forward(w, r)
	case r.Method == http.MethodOptions: // a browser's preflight asks for a method
		refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "OPTIONS is for preflights.").write(w, target{})
	case strings.HasPrefix(path, "/_internal/"):
		http.NotFound(w, r)
	default:
		t := parseTarget(r)
		if refused := f.serve(w, r, t); refused != nil {
			refused.write(w, t)
		}
	}
}

// serve answers a request whose target is known, or returns why it does not.
func (f *Front) serve(w http.ResponseWriter, r *http.Request, t target) *refusal {
	query := r.URL.Query()
	switch {
	case query.Get("upload_id") != "":
		return f.resume(w, r, query.Get("upload_id")) // who knows the session's URL may use it
	case t.api == xmlAPI && r.Method == http.MethodPost && t.object == "":
		return f.postForm(w, r, t)
	}
	if refused := f.authorize(r, t); refused != nil {
		return refused
	}
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return f.read(w, r, t)
	case t.api == xmlAPI && r.Method == http.MethodPut:
		return f.put(w, r, t)
	case t.api == xmlAPI && r.Method == http.MethodPost:
		return f.startSigned(w, r, t)
	case t.upload:
		return f.upload(w, r, t)
	}
	return f.change(w, r, t)
}

// authorize refuses a request that neither a signature nor a token allows, unless it reads what all may read.
func (f *Front) authorize(r *http.Request, t target) *refusal {
	switch query := r.URL.Query(); {
	case t.api == xmlAPI && query.Has("X-Goog-Signature"):
		return f.checkSignature(r, query)
	case r.Header.Get("Authorization") != "":
		return f.checkToken(r)
	case t.api == jsonAPI:
		return refuse(http.StatusUnauthorized, "required", "Anonymous caller does not have access to the Google Cloud Storage bucket.")
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && f.public(r, t):
		return nil
	}
	return refuse(http.StatusForbidden, "AccessDenied", "Anonymous caller does not have access.")
}

// public reports whether everybody may read an object.
func (f *Front) public(r *http.Request, t target) bool {
	answer := f.ask(r, objectPath(t.bucket, t.object)+"/acl")
	return t.object != "" && answer.status == http.StatusOK && strings.Contains(answer.body.String(), `"allUsers"`)
}
