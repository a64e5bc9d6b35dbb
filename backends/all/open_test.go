package all_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/all"
)

// fileURL is the URL of a folder of this machine.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return "file://" + strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23", " ", "%20").Replace(path)
}

func open(t *testing.T, rawURL string) dossier.Backend {
	t.Helper()
	b, err := all.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func put(t *testing.T, b dossier.Backend, key, content string) error {
	t.Helper()
	_, err := b.Put(t.Context(), key, dossier.BytesSource([]byte(content)), dossier.PutOptions{})
	return err
}

// A URL opens the store that it names: what is put in is where the URL says.
func TestAFileURLIsAFolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "with space", "100%?#"} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, "?#") {
			continue
		}
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		b := open(t, fileURL(dir))
		if err := put(t, b, "a/b.txt", "hello"); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(dir, "a", "b.txt"))
		if err != nil || string(content) != "hello" || b.Describe().Scheme != "file" {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
}

// A missing folder is an unmounted volume or a typing error far more often than a wish.
func TestAMissingFolderIsNotMade(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "missing", "folder")
	if _, err := all.Open(t.Context(), fileURL(dir)); !errors.Is(err, dossier.ErrNoContainer) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
	open(t, fileURL(dir)+"?create=true")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Errorf("create=true: %v", err)
	}
}

// The parameters reach the store.
func TestFileParameters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, fileURL(dir)+"?durability=fast&attributes=none&file_mode=0600&dir_mode=0700&allow_folded_names=true&create=false")
	if caps := b.Describe().Capabilities; caps.Has(dossier.StoresHeader) || caps.Has(dossier.Durable) {
		t.Errorf("capabilities %v", caps)
	}
	if err := put(t, b, "a/b", "1"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"a/b": 0o600, "a": 0o700 | fs.ModeDir} {
		if info, err := os.Stat(filepath.Join(dir, name)); runtime.GOOS != "windows" && (err != nil || info.Mode() != want) {
			t.Errorf("%s: mode %v, want %v; %v", name, info.Mode(), want, err)
		}
	}
}

// A store in memory has the name that the URL gives, and its budget.
func TestMemoryParameters(t *testing.T) {
	t.Parallel()
	b := open(t, "mem://cache?budget=1KiB")
	if d := b.Describe(); d.Store != "mem:cache" || d.Limits.MaxObject != 1024 {
		t.Errorf("description %+v", d)
	}
	if err := put(t, b, "k", strings.Repeat("x", 1025)); !errors.Is(err, dossier.ErrTooLarge) {
		t.Errorf("over the budget: %v", err)
	}
	if one, other := open(t, "mem://"), open(t, "mem://"); one.Describe().Store == other.Describe().Store {
		t.Error("two stores without a name are one")
	}
}

// A mistake in a URL is an error that says what would be right; a parameter that is not understood is not ignored.
func TestBadURLsAreRefused(t *testing.T) {
	t.Parallel()
	dir := fileURL(t.TempDir())
	for rawURL, want := range map[string]string{
		"":                               "no scheme; the forms are file:///absolute/folder, mem://name",
		"/srv/uploads":                   "no scheme",
		"file://%zz":                     "no URL",
		"file:relative":                  "not absolute",
		"file://server/share":            "host",
		"file:///tmp#part":               "fragment",
		"file://user:pass@/tmp":          "user name",
		dir + "?durabilty=fast":          `unknown parameter "durabilty"; there are create, durability, file_mode, dir_mode, allow_folded_names, attributes`,
		dir + "?durability=slow":         "durability: want durable, fast",
		dir + "?create=yes":              "create: want true or false",
		dir + "?create=":                 "create: want true or false",
		dir + "?create=true&create=true": "given twice",
		dir + "?file_mode=rw":            "octal",
		dir + "?file_mode=01777":         "octal",
		dir + "?dir_mode=9":              "octal",
		dir + "?%zz":                     "URL-encoded",
		"mem://x/path":                   "no path",
		"mem:x":                          "no path",
		"mem://?budget=much":             "budget: want a size",
		"mem://?budget=0":                "budget: want a size",
		"mem://?budget=99999999999GiB":   "budget: want a size",
		"mem://?size=1":                  `unknown parameter "size"; there are budget`,
		"s3://bucket?regoin=eu":          `unknown parameter "regoin"; there are`,
		"s3://bucket/path":               "path",
		"s3://":                          "bucket",
		"s3://bucket?memory=much":        "memory: want a size",
		"gs://bucket?endpiont=x":         `unknown parameter "endpiont"; there are`,
		"gs://bucket/path":               "path",
		"gs://":                          "gs://bucket",
		"gs://bucket?part_size=much":     "part_size: want a size",
		"azblob://box?endpiont=x":        `unknown parameter "endpiont"; there are`,
		"azblob://box/path":              "azblob://container",
		"azblob://":                      "azblob://container",
		"azblob://box?memory=much":       "memory: want a size",
		"azblob://box?prefix=a//b":       "prefix: want the beginning of keys",
		"mem://?prefix=":                 "prefix: want a value",
		"mem://?prefix=a&prefix=b":       "given twice",
		"mem://?prefix=../a":             "prefix: want the beginning of keys",
		"s3://bucket?prefix=.dossier":    "prefix: want the beginning of keys",
		"gs://bucket?prefix=%2Fa":        "prefix: want the beginning of keys",
	} {
		_, err := all.Open(t.Context(), rawURL)
		if !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", rawURL, err, want)
		}
	}
	if _, err := all.Open(t.Context(), "ftp://host/folder"); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "mem://name") {
		t.Errorf("ftp: %v", err)
	}
}

// Errors end in logs and terminals: no URL, and so no secret, is repeated in one.
func TestErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	for _, rawURL := range []string{
		"ftp://user:hunter2@host/hunter2?key=hunter2", "file://user:hunter2@host/x", "mem://x?budget=hunter2", "mem://x?key=hunter2",
		"file:///hunter2%zz", "file://h:hunter2/", "mem://x?%zzhunter2", "hunter2",
		"mem://x?prefix=/hunter2", "s3://user:hunter2@bucket", "s3://bucket?secret_key=hunter2", "s3://bucket?memory=hunter2",
		"s3://bucket?endpoint=ftp://u:hunter2@h", "s3://bucket?prefix=/hunter2", "s3://bucket/hunter2", "s3://bucket?%zzhunter2",
		"gs://user:hunter2@bucket", "gs://bucket?key=hunter2", "gs://bucket?memory=hunter2", "gs://bucket/hunter2",
		"azblob://user:hunter2@box", "azblob://box?key=hunter2", "azblob://box?memory=hunter2", "azblob://box/hunter2", "azblob://box?%zzhunter2",
		"gs://bucket?endpoint=ftp://u:hunter2@h&anonymous=true&probe=false", "gs://bucket?%zzhunter2",
	} {
		if _, err := all.Open(t.Context(), rawURL); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", rawURL, err)
		}
	}
}

// The parameter prefix shows a part of the store, with every scheme alike, and reaches none of the packages.
func TestEverySchemeTakesAPrefix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, fileURL(dir)+"?durability=fast&prefix=tenant%2F7/&attributes=none")
	if err := put(t, b, "k.txt", "hello"); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "tenant", "7", "k.txt")); err != nil || string(content) != "hello" {
		t.Errorf("%q, %v", content, err)
	}
	if caps := b.Describe().Capabilities; caps.Has(dossier.Durable) {
		t.Errorf("the other parameters are lost: %v", caps)
	}
	if store := open(t, "mem://cache?prefix=a&budget=1KiB").Describe().Store; store != "mem:cache/a" {
		t.Errorf("store %q", store)
	}
	if _, err := all.Open(t.Context(), fileURL(filepath.Join(dir, "new"))+"?create=true&prefix=../x"); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("a bad prefix: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was made for a bad URL: %v", err)
	}
}

// A bucket that cannot be reached is an error of the store, not of the URL. Not parallel: the environment is set.
func TestABucketThatCannotBeReached(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	t.Setenv("AZURE_STORAGE_ACCOUNT", "account")
	t.Setenv("AZURE_STORAGE_KEY", "aHVudGVyMg==")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()         // so that nobody listens there
	var group sync.WaitGroup // each tries for some seconds
	for _, rawURL := range []string{
		"s3://dossier-test?region=us-east-1&path_style=true&prefix=a&endpoint=http://" + listener.Addr().String(),
		"gs://dossier-test?anonymous=true&prefix=a&endpoint=http://" + listener.Addr().String(),
		"azblob://dossier-test?prefix=a&endpoint=http://" + listener.Addr().String() + "/account",
	} {
		group.Go(func() {
			b, err := all.Open(t.Context(), rawURL)
			if b != nil || !errors.Is(err, dossier.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, %v", rawURL, b, err)
			}
		})
	}
	group.Wait()
}

// An ended context opens nothing.
func TestOpenMindsItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.Open(ctx, "mem://"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// No text makes Open panic, whatever it is.
func FuzzOpen(f *testing.F) {
	for _, seed := range []string{"mem://", "mem://x?budget=1KiB", "ftp://a", "mem://?budget=B", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rawURL string) {
		lower := strings.ToLower(rawURL)
		if strings.HasPrefix(lower, "file") || strings.HasPrefix(lower, "s3") || strings.HasPrefix(lower, "gs") || strings.HasPrefix(lower, "azblob") {
			return // would make folders all over the machine, or ask services
		}
		b, err := all.Open(t.Context(), rawURL)
		if (b == nil) == (err == nil) {
			t.Errorf("%v, %v", b, err)
		}
	})
}
