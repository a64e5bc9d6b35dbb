package filehttp

import (
	"net/http"
	"strings"
	"time"
)

// precondition evaluates the conditions of a GET or HEAD in the order of RFC 9110, section 13.2.2. It returns 0, 304 or
// 412.
func precondition(r *http.Request, etag string, modTime time.Time) int {
	if list, ok := fieldOf(r, "If-Match"); ok {
		if !tagListed(list, etag, strongly) {
			return http.StatusPreconditionFailed
		}
	} else if since, ok := dateOf(r, "If-Unmodified-Since", modTime); ok && modTime.Truncate(time.Second).After(since) {
		return http.StatusPreconditionFailed
	}
	if list, ok := fieldOf(r, "If-None-Match"); ok {
		if tagListed(list, etag, weakly) {
			return http.StatusNotModified
		}
	} else if since, ok := dateOf(r, "If-Modified-Since", modTime); ok && !modTime.Truncate(time.Second).After(since) {
		return http.StatusNotModified
	}
	return 0
}

// rangeApplies evaluates If-Range (RFC 9110, section 13.1.5): without it, or when it holds, the range counts.
func rangeApplies(r *http.Request, etag string, modTime time.Time) bool {
	value, ok := fieldOf(r, "If-Range")
	if !ok {
		return true
	}
	if tag, _, ok := cutTag(value); ok {
		return etag != "" && strongly(tag, etag)
	}
	date, err := http.ParseTime(value)
	return err == nil && !modTime.IsZero() && modTime.Unix() == date.Unix()
}

// fieldOf returns a field of the request; lines of the same name are one list.
func fieldOf(r *http.Request, name string) (string, bool) {
	lines := r.Header.Values(name)
	return strings.Join(lines, ","), len(lines) > 0
}

func dateOf(r *http.Request, name string, modTime time.Time) (time.Time, bool) {
	value, ok := fieldOf(r, name)
	if !ok || modTime.IsZero() {
		return time.Time{}, false
	}
	date, err := http.ParseTime(value)
	return date, err == nil
}

// strongly and weakly compare entity tags (RFC 9110, section 8.8.3.2).
func strongly(a, b string) bool { return a == b && !strings.HasPrefix(a, "W/") }

func weakly(a, b string) bool { return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/") }

// tagListed reports whether a list of entity tags holds etag. "*" holds any. What follows a malformed tag does not count.
func tagListed(list, etag string, same func(a, b string) bool) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for {
		list = strings.TrimLeft(list, " \t,")
		tag, rest, ok := cutTag(list)
		if !ok {
			return false
		}
		if etag != "" && same(tag, etag) {
			return true
		}
		list = rest
	}
}

// cutTag splits a list behind its first entity tag.
func cutTag(list string) (tag, rest string, ok bool) {
	start := 0
	if strings.HasPrefix(list, "W/") {
		start = 2
	}
	if len(list) <= start || list[start] != '"' {
		return "", "", false
	}
	end := strings.IndexByte(list[start+1:], '"')
	if end < 0 {
		return "", "", false
	}
	end += start + 2
	return list[:end], list[end:], true
}
