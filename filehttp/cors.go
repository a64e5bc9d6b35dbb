package filehttp

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// CORS says which web pages of other origins may use signed URLs and forms from scripts (Fetch standard, CORS
// protocol). Credentials are never allowed: a signature is all that a request needs.
type CORS struct {
	// Origins lists origins such as "https://app.example", compared exactly, or "*" for all. Default: none.
	Origins []string
	// MaxAge is how long a browser may remember the permission, in whole seconds. Default: 0, ten minutes.
	MaxAge time.Duration
}

const (
	corsMethods = "GET, HEAD, PUT, POST, DELETE"
	corsHeaders = "Content-Type, Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range"
	corsExposed = "ETag, Content-Disposition, Content-Length, Content-Range, Accept-Ranges, Last-Modified, Retry-After"
)

// answer sets the header fields of an allowed origin. It reports whether it answered the request, a preflight, for
// good; a preflight carries no signature, and its answer tells nothing about any object.
func (c CORS) answer(w http.ResponseWriter, r *http.Request) bool {
	if len(c.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if !c.allows(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if !preflight {
		h.Set("Access-Control-Expose-Headers", corsExposed)
		return false
	}
	age := c.MaxAge
	if age == 0 {
		age = 10 * time.Minute
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", strconv.FormatInt(int64(max(age, 0)/time.Second), 10))
	w.WriteHeader(http.StatusNoContent)
	return true
}

func (c CORS) allows(origin string) bool {
	return origin != "" && (slices.Contains(c.Origins, "*") || slices.Contains(c.Origins, origin))
}
