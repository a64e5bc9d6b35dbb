package s3_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// onlyThese makes the environment of the SDK what the test says.
func onlyThese(t *testing.T, id, secret string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "",
		"AWS_DEFAULT_REGION": "", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
	} {
		t.Setenv(name, value)
	}
}

// A URL that is malformed, names something unknown or gives a parameter no meaning is ErrInvalid, before any request, and
// the error does not repeat it.
func TestOpenRefusesBadURLs(t *testing.T) {
	onlyThese(t, "id", "secret")
	for _, raw := range []string{
		"", "s3", "s3:bucket", "s3://", "s3:///bucket", "http://bucket", "s3://bucket/prefix", "s3://SECRET:x@bucket", "s3://bucket:80",
		"s3://bucket#SECRET", "s3://bucket?unknown=SECRET", "s3://bucket?region=a&region=b", "s3://bucket?checksum=SECRET",
		"s3://bucket?delete_batch=all", "s3://bucket?path_style=yes", "s3://bucket?endpoint=SECRET",
		"s3://bucket?endpoint=http://u:SECRET@h", "s3://bucket?part_size=1KiB", "s3://bucket?parallel=0", "s3://bucket?stall_timeout=1",
		"s3://bucket?sse=SECRET&region=x",
		"s3://bucket?public_url=SECRET&region=x", "s3://bucket?probe=maybe", "s3://bucket%2f?region=x", "s3://bucket", "s3://\x7f",
	} {
		_, err := s3.Open(t.Context(), raw)
		if !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%q: %v; want ErrInvalid", raw, err)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") && !strings.Contains(raw, "sse=") {
			t.Errorf("%q: the error repeats it: %v", raw, err)
		}
	}
}

func modelURL(m *model, more string) string {
	return "s3://bucket?path_style=true&region=us-east-1&endpoint=" + url.QueryEscape(m.url) + more
}

// Open finds out what is wrong with the bucket and the credentials at once.
func TestOpenChecksTheBucket(t *testing.T) {
	onlyThese(t, "id", "secret")
	m := newModel(t)
	b, err := s3.Open(t.Context(), modelURL(m, "&probe=false"))
	if err != nil || b.Describe().Store != "s3:"+m.url+"/bucket" {
		t.Errorf("%v", err)
	}
	missing := strings.Replace(modelURL(m, ""), "bucket", "missing", 1)
	if _, err := s3.Open(t.Context(), missing); !errors.Is(err, dossier.ErrNoContainer) {
		t.Errorf("a missing bucket: %v; want ErrNoContainer", err)
	}
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if r.Method != http.MethodHead {
			refuse(w, http.StatusForbidden, "InvalidAccessKeyId")
			return true
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	if _, err := s3.Open(t.Context(), modelURL(m, "")); !errors.Is(err, dossier.ErrUnauthenticated) {
		t.Errorf("wrong credentials: %v; want ErrUnauthenticated", err)
	}
	onlyThese(t, "", "")
	if _, err := s3.Open(t.Context(), modelURL(m, "")); !errors.Is(err, dossier.ErrUnauthenticated) {
		t.Errorf("no credentials: %v; want ErrUnauthenticated", err)
	}
}

// The probe finds out which promises a server does not keep, whatever it answers, and leaves nothing behind; the backend
// that is opened with it refuses what the server would only pretend to do.
func TestProbeFindsWhatServersIgnore(t *testing.T) {
	onlyThese(t, "id", "secret")
	for of, ignore := range map[dossier.Capabilities]func(r *http.Request){
		0:                      func(*http.Request) {},
		dossier.PutIfAbsent:    func(r *http.Request) { r.Header.Del("If-None-Match") },
		dossier.PutMatch:       func(r *http.Request) { dropIf(r, http.MethodPut, "If-Match") },
		dossier.GetMatch:       func(r *http.Request) { dropIf(r, http.MethodGet, "If-Match") },
		dossier.SuffixRange:    func(r *http.Request) { r.Header.Del("Range") },
		dossier.StoresHeader:   func(r *http.Request) { r.Header.Del("Cache-Control") },
		dossier.StoresMetadata: func(r *http.Request) { r.Header.Del("X-Amz-Meta-Empty") },
	} {
		m := newModel(t)
		m.breaks(func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
			ignore(r)
			return false
		})
		b, err := s3.Open(t.Context(), modelURL(m, ""))
		if err != nil {
			t.Errorf("%v: %v", of, err)
			continue
		}
		have := b.Describe().Capabilities
		if have&of != 0 || len(m.objects) > 0 || len(m.uploads) > 0 {
			t.Errorf("without %v: %v; %d objects left", of, have, len(m.objects))
		}
		kept := (dossier.PutIfAbsent | dossier.PutMatch | dossier.GetMatch | dossier.SuffixRange | dossier.StoresMetadata |
			dossier.StoresHeader) &^ of
		if of == dossier.PutIfAbsent {
			kept &^= dossier.GetMatch // NotMatch is the same header field
		}
		if !have.Has(kept) {
			t.Errorf("without %v: %v is missing", of, kept&^have)
		}
	}
}

func dropIf(r *http.Request, method, field string) {
	if r.Method == method {
		r.Header.Del(field)
	}
}

// A probe that is interrupted by an outage says so and clears nothing.
func TestProbeDoesNotTakeAnOutageForAnAnswer(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	n := 0
	m.breaks(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if n++; n > 8 && r.Method != http.MethodDelete {
			refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable")
			return true
		}
		return false
	})
	if found, err := b.Probe(t.Context()); !errors.Is(err, dossier.ErrUnavailable) {
		t.Errorf("%+v, %v; want ErrUnavailable", found, err)
	}
}

// A public URL is the configured base and the escaped key, and there is none without a base.
func TestPublicURL(t *testing.T) {
	b := newModel(t).backend(t, s3.Config{PublicURL: "https://cdn.example/files/"})
	if have, err := b.PublicURL("a b/ü?+.txt"); err != nil || have != "https://cdn.example/files/a%20b/%C3%BC%3F%2B.txt" {
		t.Errorf("%s, %v", have, err)
	}
	b = newModel(t).backend(t, s3.Config{})
	if _, err := b.PublicURL("a"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v; want ErrUnsupported", err)
	}
}
