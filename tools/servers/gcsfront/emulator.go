package gcsfront

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// answer is a response of the emulator, held back.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(p []byte) (int, error) { a.WriteHeader(http.StatusOK); return a.body.Write(p) }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// send passes the answer on.
func (a *answer) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	w.WriteHeader(a.status)
	w.Write(a.body.Bytes())
}

// good reports whether the emulator did what it was asked.
func (a *answer) good() bool { return a.status >= 200 && a.status < 300 }

// forward lets the emulator answer directly. It routes by the host, so it sees its own whatever the client called it.
func (f *Front) forward(w http.ResponseWriter, r *http.Request) {
	f.emulator.ServeHTTP(w, f.internal(r, nil))
}

// internal is a copy of a request for the emulator, with another body if one is given.
func (f *Front) internal(r *http.Request, body []byte) *http.Request {
	inner := r.Clone(r.Context())
	inner.Host = f.host
	if body != nil {
		inner.Body, inner.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		inner.TransferEncoding = nil
		inner.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	return inner
}

// hold lets the emulator answer and holds the answer back.
func (f *Front) hold(r *http.Request, body []byte) *answer {
	a := &answer{header: http.Header{}}
	inner := f.internal(r, body)
	inner.Header.Set("Accept-Encoding", "gzip") // so objects come as they are stored
	f.emulator.ServeHTTP(a, inner)
	a.WriteHeader(http.StatusOK)
	if location := a.header.Get("Location"); location != "" { // by the name that the client knows
		a.header.Set("Location", strings.Replace(location, "//"+f.host+"/", "//"+r.Host+"/", 1))
	}
	return a
}

// ask gets a resource of the JSON API from the emulator, on the front's own behalf.
func (f *Front) ask(r *http.Request, path string) *answer {
	return f.order(r, http.MethodGet, path, "", []byte{})
}

// order makes a request of the JSON API to the emulator, on the front's own behalf.
func (f *Front) order(r *http.Request, method, path, contentType string, body []byte) *answer {
	inner := (&http.Request{
		Method: method, Host: f.host, Header: http.Header{"Content-Type": {contentType}}, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(r.Context())
	var err error
	if inner.URL, err = url.Parse(path); err != nil {
		return &answer{status: http.StatusBadRequest, header: http.Header{}}
	}
	inner.RequestURI = inner.URL.RequestURI()
	return f.hold(inner, body)
}

func objectPath(bucket, object string) string {
	return "/storage/v1/b/" + url.PathEscape(bucket) + "/o/" + url.PathEscape(object)
}

// resource is what the front reads of an object's metadata.
type resource struct {
	Name           string `json:"name"`
	Generation     int64  `json:"generation,string"`
	Metageneration int64  `json:"-"`
	Etag           string `json:"etag"`
	CRC32C         string `json:"crc32c"`
	MD5            string `json:"md5Hash"`
}

// stat is the live version of an object, or nil if there is none.
func (f *Front) stat(r *http.Request, bucket, object string) *resource {
	a := f.ask(r, objectPath(bucket, object))
	found := &resource{}
	if object == "" || a.status != http.StatusOK || json.Unmarshal(a.body.Bytes(), found) != nil {
		return nil
	}
	found.Metageneration = f.metageneration(bucket+"/"+object, found.Generation)
	return found
}
