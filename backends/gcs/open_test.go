package gcs_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
)

// TestURLsThatOpenRefuses: a parameter that is not understood must not be left out silently, and no error may show a
// secret that came into a URL.
func TestURLsThatOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"gs://", "s3://bucket", "gs://bucket/prefix", "gs://user:hidden@bucket", "gs://bucket#x", "gs://bucket?secret=hidden", "gs://bucket?probe=hidden",
		"gs://bucket?part_size=0", "gs://bucket?memory=x&anonymous=true", "gs://bucket?anonymous=hidden", "gs://bucket?endpoint=", "\x00hidden",
		"gs://bucket?anonymous=true&endpoint=ftp://hidden", "gs://bucket?anonymous=true&endpoint=http://host/hidden", "gs://bucket?class=a&class=b",
	} {
		_, err := gcs.Open(t.Context(), address)
		wantError(t, err, dossier.ErrInvalid)
		if strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestOpenLooksAtTheBucket, and finds out what a server honours.
func TestOpenLooksAtTheBucket(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b, err := gcs.Open(t.Context(), "gs://bucket?anonymous=true&probe=false&class=NEARLINE&part_size=1MiB&endpoint="+f.URL)
	if err != nil {
		t.Fatal(err)
	}
	if store := b.Describe().Store; store != "gs:"+f.URL+"/bucket" {
		t.Errorf("the store is %s", store)
	}
	if _, err := put(t, b, "a", "content", dossier.PutOptions{}); err != nil || f.objects["a"].resource["storageClass"] != "NEARLINE" {
		t.Errorf("%v, %v", f.objects["a"].resource, err)
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	_, err = b.Stat(t.Context(), "a")
	wantError(t, err, dossier.ErrClosed)
	_, err = gcs.Open(t.Context(), "gs://missing?anonymous=true&endpoint="+f.URL)
	wantError(t, err, dossier.ErrNoContainer)
	f.before = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true }
	_, err = gcs.Open(t.Context(), "gs://bucket?anonymous=true&endpoint="+f.URL)
	wantError(t, err, dossier.ErrPermission)
}

// TestProbeClearsWhatAServerIgnores: an ignored condition is a lost update.
func TestProbeClearsWhatAServerIgnores(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		query := r.URL.Query()
		query.Del("ifGenerationMatch")
		r.URL.RawQuery = query.Encode()
		if strings.Contains(r.URL.Path, "/rewriteTo/") || strings.HasSuffix(r.URL.Path, "/compose") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"done":true,"resource":{"name":"x","generation":"1"}}`))
			return true
		}
		return false
	}
	b := f.backend(t, nil)
	d, err := b.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ignored := dossier.PutIfAbsent | dossier.PutMatch | dossier.DeleteMatch | dossier.CopyIfAbsent | dossier.Multipart
	if have := d.Capabilities & ignored; have != 0 {
		t.Errorf("still claimed: %v", have)
	}
	ignoring := f.backend(t, func(cfg *gcs.Config) { cfg.Without = ^d.Capabilities })
	_, err = ignoring.UpdateHeader(t.Context(), "a", dossier.Replacement{}, dossier.Condition{})
	wantError(t, err, errors.ErrUnsupported)
	_, err = ignoring.Copy(t.Context(), "b", "a", dossier.CopyOptions{If: dossier.Condition{Match: "1"}})
	wantError(t, err, errors.ErrUnsupported)
	if len(f.objects) != 0 {
		t.Errorf("left behind: %v", f.objects)
	}
}

// TestConfigWithoutMeaning is refused before anything is sent.
func TestConfigWithoutMeaning(t *testing.T) {
	t.Parallel()
	client := offlineClient(t)
	for _, cfg := range []gcs.Config{
		{Memory: -1}, {PartSize: -1}, {Parallel: -1}, {PartSize: 1 << 50}, {Endpoint: "host"}, {Endpoint: "http://host?x"},
		{HMAC: gcs.HMACKey{AccessID: "a"}}, {HMAC: gcs.HMACKey{Secret: "a"}}, {SigningKey: anyKey()}, {SigningKey: []byte("x"), SigningAccount: "a"},
	} {
		if _, err := gcs.New(client, "bucket", cfg); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("%+v: %v", cfg.Endpoint, err)
		}
	}
	if _, err := gcs.New(client, "", gcs.Config{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("no bucket: %v", err)
	}
	if _, err := gcs.New(nil, "bucket", gcs.Config{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("no client: %v", err)
	}
}

// TestPublicURL reaches the key, whatever is in it.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	b := offline(t, gcs.Config{PublicURL: "https://files.example/x"})
	if got, err := b.PublicURL("a b/c+d?é"); err != nil || got != "https://files.example/x/a%20b/c%2Bd%3F%C3%A9" {
		t.Errorf("%s, %v", got, err)
	}
	_, err := offline(t, gcs.Config{}).PublicURL("a")
	wantError(t, err, errors.ErrUnsupported)
	_, err = b.PublicURL("../a")
	wantError(t, err, dossier.ErrInvalidKey)
}
