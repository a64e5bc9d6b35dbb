package gcsfront

import (
	"net/http"
	"net/url"
	"strings"
)

// api is one of the two interfaces of the service.
type api int

const (
	xmlAPI api = iota // /bucket/object
	jsonAPI
)

// target is what a request is about.
type target struct {
	api            api
	bucket, object string
	upload         bool   // of the JSON API, to its upload endpoint
	verb           string // what follows the object's name: "", "compose", "rewriteTo", "copyTo" or "acl"
	to             *target
}

func (t target) name() string { return t.bucket + "/" + t.object }

// parseTarget takes the path of a request apart. In the JSON API the slashes of an object's name are escaped.
func parseTarget(r *http.Request) target {
	path := r.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, "/upload/"):
		_, rest, _ := strings.Cut(path, "/b/")
		bucket, _, _ := strings.Cut(rest, "/")
		return target{api: jsonAPI, upload: true, bucket: unescape(bucket), object: r.URL.Query().Get("name")}
	case strings.HasPrefix(path, "/storage/v1/"), strings.HasPrefix(path, "/download/storage/v1/"),
		strings.HasPrefix(path, "/batch/"):
		_, rest, _ := strings.Cut(path, "/b/")
		return parseResource(rest)
	}
	bucket, object, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return target{api: xmlAPI, bucket: unescape(bucket), object: unescape(object)}
}

// parseResource parses "bucket", "bucket/o" and "bucket/o/object" with a verb behind it.
func parseResource(path string) target {
	bucket, rest, _ := strings.Cut(path, "/")
	object, isObject := strings.CutPrefix(rest, "o/")
	t := target{api: jsonAPI, bucket: unescape(bucket)}
	if !isObject {
		return t
	}
	for _, verb := range []string{"rewriteTo", "copyTo"} {
		if from, to, found := strings.Cut(object, "/"+verb+"/b/"); found {
			destination := parseResource(to)
			t.object, t.verb, t.to = unescape(from), verb, &destination
			return t
		}
	}
	if before, found := strings.CutSuffix(object, "/compose"); found {
		object, t.verb = before, "compose"
	} else if before, _, found := strings.Cut(object, "/acl"); found {
		object, t.verb = before, "acl"
	}
	t.object = unescape(object)
	return t
}

// unescape leaves a text that is not well escaped as it is: the emulator then finds nothing of that name.
func unescape(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}
