package gcsfront

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// session is a resumable upload that was started.
type session struct {
	mutex    sync.Mutex
	limits   string // x-goog-content-length-range of the start
	declared struct {
		CRC32C string `json:"crc32c"`
		MD5    string `json:"md5Hash"`
	}
	progress
	answer *answer // to the last chunk
}

// progress is what has come of a resumable upload.
type progress struct {
	received int64
	crc      uint32
	md5      hash.Cloner // nil when nothing has come
}

// with is the progress after some more bytes.
func (p progress) with(body []byte) (progress, error) {
	next := progress{received: p.received + int64(len(body)), crc: crc32c(p.crc, body)}
	if p.md5 == nil {
		p.md5 = md5.New().(hash.Cloner)
	}
	var err error
	if next.md5, err = p.md5.Clone(); err == nil {
		next.md5.Write(body)
	}
	return next, err
}

// resume takes a chunk of a resumable upload, or says how much has come, by
// https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload. The emulator would append chunks
// that come twice, take a question for the end, and forget the checksums after the first chunk.
func (f *Front) resume(w http.ResponseWriter, r *http.Request, id string) *refusal {
	body, refused := readBody(r)
	if refused != nil {
		return refused
	}
	f.sessionsMutex.Lock()
	s := f.sessions[id]
	if r.Method == http.MethodDelete {
		delete(f.sessions, id)
	}
	f.sessionsMutex.Unlock()
	switch {
	case s == nil:
		return refuse(http.StatusNotFound, "notFound", "Unknown upload.")
	case r.Method == http.MethodDelete:
		w.WriteHeader(499) // as Google says "cancelled by the client"
		return nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.answer != nil { // the answer was lost, so the client asks again
		s.answer.send(w)
		return nil
	}
	return f.chunk(w, r, s, body)
}

func (f *Front) chunk(w http.ResponseWriter, r *http.Request, s *session, body []byte) *refusal {
	part, refused := parseChunk(r.Header.Get("Content-Range"), s.received, int64(len(body)))
	switch {
	case refused != nil:
		return refused
	case part.start > s.received:
		return refuse(http.StatusServiceUnavailable, "backendError", "Invalid request. Bytes from %d are missing.", s.received)
	}
	body = body[min(s.received-part.start, int64(len(body))):]
	if len(body) == 0 && !part.last {
		s.report(w, r)
		return nil
	}
	next, err := s.with(body)
	if err != nil {
		return refuse(http.StatusInternalServerError, "internalError", "%v", err)
	}
	if part.last {
		if refused := s.check(r, next); refused != nil {
			return refused
		}
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	a := f.hold(r, body)
	if a.good() || a.status == http.StatusPermanentRedirect {
		s.progress = next
	}
	if a.good() && part.last {
		s.answer = a
	}
	a.send(w)
	return nil
}

// check holds the whole object against what was said of it at the start and now.
func (s *session) check(r *http.Request, whole progress) *refusal {
	actual := map[string]string{"crc32c": encodeCRC(whole.crc), "md5": base64.StdEncoding.EncodeToString(whole.md5.Sum(nil))}
	claims := []string{"crc32c=" + s.declared.CRC32C, "md5=" + s.declared.MD5}
	claims = append(claims, strings.Split(strings.Join(r.Header.Values("X-Goog-Hash"), ","), ",")...)
	for _, claim := range claims {
		name, value, _ := strings.Cut(strings.TrimSpace(claim), "=")
		if sum, known := actual[name]; known && value != "" && sum != value {
			return refuse(http.StatusBadRequest, "invalid", "Provided %s %q doesn't match calculated %s %q.", name, value, name, sum)
		}
	}
	return checkLength(s.limits, whole.received)
}

// report says how much has come.
func (s *session) report(w http.ResponseWriter, r *http.Request) {
	if s.received > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", s.received-1))
	}
	if r.Header.Get("X-Guploader-No-308") != "" { // Go's client asks for another form, as its HTTP takes 308 for a redirection
		w.Header().Set("X-Http-Status-Code-Override", "308")
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

// chunkRange is what a Content-Range says of a chunk.
type chunkRange struct {
	start int64
	last  bool
}

// parseChunk parses "bytes 0-99/*", "bytes 0-99/200", "bytes */*" and "bytes */200". Without the header the whole object
// comes at once.
func parseChunk(header string, received, length int64) (chunkRange, *refusal) {
	if header == "" {
		return chunkRange{start: 0, last: true}, nil
	}
	span, total, found := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	invalid := refuse(http.StatusBadRequest, "badRequest", "Failed to parse Content-Range header: %s", header)
	size, err := strconv.ParseInt(total, 10, 64)
	known := total != "*"
	switch {
	case !found || known && err != nil:
		return chunkRange{}, invalid
	case span == "*":
		return chunkRange{start: received, last: known && size == received+length}, nil
	}
	first, end, _ := strings.Cut(span, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	stop, err2 := strconv.ParseInt(end, 10, 64)
	if err != nil || err2 != nil || stop-start+1 != length {
		return chunkRange{}, invalid
	}
	return chunkRange{start: start, last: known && stop+1 == size}, nil
}
