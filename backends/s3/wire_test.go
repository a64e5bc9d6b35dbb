package s3_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

func isPut(r *http.Request) bool { return r.Method == http.MethodPut }

// A write carries its checksum in a header and its body as it is: no trailers and no chunks, which many servers do not
// take, over plain HTTP too.
func TestWritesCarryTheirChecksum(t *testing.T) {
	for algorithm, header := range map[s3.Algorithm]string{
		"": "X-Amz-Checksum-Crc64nvme", s3.CRC64NVME: "X-Amz-Checksum-Crc64nvme", s3.CRC32C: "X-Amz-Checksum-Crc32c", s3.NoChecksum: "",
	} {
		m := newModel(t)
		b := m.backend(t, s3.Config{Checksum: algorithm})
		s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
		mustPut(t, b, "a", "content")
		mustPut(t, b, "b", numbers(20_000))
		for _, r := range m.requests {
			if r.Method != http.MethodPut {
				continue
			}
			hash := r.Header.Get("X-Amz-Content-Sha256")
			if r.Header.Get("X-Amz-Trailer") != "" || r.Header.Get("Content-Encoding") != "" || r.ContentLength <= 0 {
				t.Errorf("%q: the body is wrapped: %v", algorithm, r.Header)
			}
			for name := range r.Header {
				if strings.HasPrefix(name, "X-Amz-Checksum-") && name != header && name != "X-Amz-Checksum-Algorithm" {
					t.Errorf("%q: sent %s", algorithm, name)
				}
			}
			if header != "" && (r.Header.Get(header) == "" || hash != "UNSIGNED-PAYLOAD") || header == "" && len(hash) != 64 {
				t.Errorf("%q: checksum %q, signed %q", algorithm, r.Header.Get(header), hash)
			}
		}
	}
}

// What the configuration and the options say about an object is said to the server, in one request, in parts and in copies;
// the options come before the configuration.
func TestPlacementAndEncryptionAreAskedFor(t *testing.T) {
	m := newModel(t)
	key := bytes.Repeat([]byte{7}, 32)
	for name, row := range map[string]struct {
		cfg  s3.Config
		opts dossier.PutOptions
		want map[string]string
	}{
		"configured": {
			s3.Config{
				Class: "STANDARD_IA", ACL: "private", Tags: map[string]string{"team": "a b"},
				SSE: s3.Encryption{Algorithm: "aws:kms", KMSKeyID: "key-1"},
			},
			dossier.PutOptions{}, map[string]string{
				"X-Amz-Storage-Class": "STANDARD_IA", "X-Amz-Acl": "private", "X-Amz-Tagging": "team=a+b",
				"X-Amz-Server-Side-Encryption": "aws:kms", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "key-1",
			},
		},
		"asked": {
			s3.Config{Class: "STANDARD_IA", ACL: "private", Tags: map[string]string{"team": "a"}, SSE: s3.Encryption{Algorithm: "AES256"}},
			dossier.PutOptions{Class: "GLACIER_IR", ACL: "public-read", Tags: map[string]string{"x": "y=z"}}, map[string]string{
				"X-Amz-Storage-Class": "GLACIER_IR", "X-Amz-Acl": "public-read", "X-Amz-Tagging": "x=y%3Dz",
				"X-Amz-Server-Side-Encryption": "AES256",
			},
		},
		"customer key": {
			s3.Config{SSE: s3.Encryption{CustomerKey: key}}, dossier.PutOptions{}, map[string]string{
				"X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256",
				"X-Amz-Server-Side-Encryption-Customer-Key":       "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
			},
		},
	} {
		b := m.backend(t, row.cfg)
		s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
		begins := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploads") }
		for kind, is := range map[string]func(*http.Request) bool{"content": isPut, numbers(20_000): begins} {
			if _, err := put(t, b, "a", kind, row.opts); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for field, value := range row.want {
				if have := m.last(t, is).Header.Get(field); have != value {
					t.Errorf("%s: %s is %q, want %q", name, field, have, value)
				}
			}
		}
		if row.cfg.SSE.CustomerKey == nil {
			continue
		}
		_, err := readAll(t, b, "a", dossier.GetOptions{})
		if err != nil || m.last(t, gets).Header.Get("X-Amz-Server-Side-Encryption-Customer-Key-Md5") == "" {
			t.Errorf("a read without the key: %v", err)
		}
		mustPut(t, b, "small", "content")
		if _, err := b.Copy(t.Context(), "copy", "small", dossier.CopyOptions{}); err != nil ||
			m.last(t, isCopy).Header.Get("X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key") == "" {
			t.Errorf("a copy without the key of its source: %v", err)
		}
	}
}

// Metadata comes back as it was given from servers that keep header values raw, as RFC 2047, or not at all when empty;
// plain text stays readable for other tools.
func TestMetadataIsEscapedPortably(t *testing.T) {
	for value, want := range map[string]string{
		"plain text; 100% a=b": "plain text; 100% a=b", "": "utf-8''", "Ü": "utf-8''%C3%9C", "日 本": "utf-8''%E6%97%A5 %E6%9C%AC",
		"=?UTF-8?Q?x?=": "utf-8''%3D%3FUTF-8%3FQ%3Fx%3F%3D", "utf-8''x": "utf-8''utf-8%27%27x", "%C3": "%C3",
	} {
		if have := s3.EscapeValue(value); have != want || s3.UnescapeValue(have) != value {
			t.Errorf("%q is stored as %q and comes back as %q", value, have, s3.UnescapeValue(have))
		}
	}
	for _, foreign := range []string{"utf-8''%zz", "utf-8''%C3%28\xff", "=?UTF-8?Q?x?="} {
		s3.UnescapeValue(foreign) // whatever it is, it must not fail
	}
	b := newModel(t).backend(t, s3.Config{})
	_, err := put(t, b, "a", "content", dossier.PutOptions{Metadata: map[string]string{"a": strings.Repeat("Ü", 800)}})
	if !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("metadata that is too much once it is escaped: %v; want ErrInvalid", err)
	}
	_, err = put(t, b, "a", "content", dossier.PutOptions{Metadata: map[string]string{"dossier_put_id": "x"}})
	if !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("the reserved name: %v; want ErrInvalid", err)
	}
}

// FuzzMetadata looks for a value that does not come back, or that is no header value.
func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{"", "plain", "Ü", "utf-8''", "%", "UTF-8''%41", "=?", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		stored := s3.EscapeValue(value)
		if s3.UnescapeValue(stored) != value {
			t.Errorf("%q is stored as %q and comes back as %q", value, stored, s3.UnescapeValue(stored))
		}
		if strings.ContainsFunc(stored, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is no header value", stored)
		}
	})
}

// The conditions and limits of an upload hold wherever it is completed: they are in its id. An upload without any has the
// server's own id, so that Uploads finds the same one.
func TestTermsOfUploadsTravelInTheirID(t *testing.T) {
	m := newModel(t)
	create := func(opts dossier.PutOptions) dossier.Upload {
		upload, err := m.backend(t, s3.Config{}).CreateUpload(t.Context(), "a", opts)
		if err != nil {
			t.Fatal(err)
		}
		return upload
	}
	complete := func(upload dossier.Upload, content string) error { // as another process
		b := m.backend(t, s3.Config{})
		part, err := b.PutPart(t.Context(), upload, 1, dossier.BytesSource([]byte(content)))
		if err != nil {
			return err
		}
		_, err = b.CompleteUpload(t.Context(), upload, []dossier.Part{part})
		return err
	}
	if id := create(dossier.PutOptions{}).ID; m.uploads[id] == nil {
		t.Errorf("the id %q is not the server's", id)
	}
	limited := create(dossier.PutOptions{MaxSize: 5})
	if err := complete(limited, "123456"); !errors.Is(err, dossier.ErrTooLarge) {
		t.Errorf("over MaxSize: %v", err)
	}
	if err := complete(limited, "12345"); err != nil || m.content("a") != "12345" {
		t.Errorf("at MaxSize: %v", err)
	}
	if err := complete(create(createOnly), "x"); !errors.Is(err, dossier.ErrExist) || m.content("a") != "12345" {
		t.Errorf("create-only: %v", err)
	}
	info, err := m.backend(t, s3.Config{}).Stat(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	swap := create(dossier.PutOptions{If: dossier.Condition{Match: info.Version}})
	if err := complete(swap, "swapped"); err != nil || m.content("a") != "swapped" {
		t.Errorf("a swap: %v", err)
	}
	wrong := create(dossier.PutOptions{Expect: dossier.Checksums{CRC64NVME: make([]byte, 8)}})
	if err := complete(wrong, "x"); !errors.Is(err, dossier.ErrChecksum) {
		t.Errorf("a wrong checksum: %v", err)
	}
	unverifiable := dossier.PutOptions{Expect: dossier.Checksums{SHA256: make([]byte, 32)}}
	_, err = m.backend(t, s3.Config{}).CreateUpload(t.Context(), "a", unverifiable)
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a checksum that cannot be verified: %v; want ErrUnsupported", err)
	}
	for _, id := range []string{"", "x#", "x#???", "a/b", "..", strings.Repeat("x", 5000)} {
		if err := complete(dossier.Upload{Key: "a", ID: id}, "x"); !errors.Is(err, dossier.ErrNotExist) {
			t.Errorf("id %.20q: %v; want ErrNotExist", id, err)
		}
	}
}

// The bucket is in the host name or in the path, as the client has it; keys are escaped once.
func TestAddressingStyleIsTheClients(t *testing.T) {
	for pathStyle, want := range map[bool]string{
		true:  "https://s3.eu-west-1.amazonaws.com/bucket/a%20b/%C3%BC%2Bx",
		false: "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC%2Bx",
	} {
		var asked []string
		client := modelClient("", func(o *awss3.Options) {
			o.BaseEndpoint, o.Region, o.UsePathStyle = nil, "eu-west-1", pathStyle
			o.HTTPClient = recording(func(r *http.Request) { asked = append(asked, r.URL.Scheme+"://"+r.URL.Host+r.URL.EscapedPath()) })
		})
		b, err := s3.New(client, "bucket", s3.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Delete(t.Context(), "a b/ü+x", dossier.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if len(asked) != 1 || asked[0] != want {
			t.Errorf("asked %q, want %q", asked, want)
		}
		if store := b.Describe().Store; store != "s3:bucket" {
			t.Errorf("the store of Amazon's own endpoint is %q", store)
		}
	}
}

// recording is an HTTP client that answers 204.
type recording func(r *http.Request)

func (f recording) Do(r *http.Request) (*http.Response, error) {
	f(r)
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// A file that changes while it is sent is not stored half old and half new, with or without checksums.
func TestChangingFileIsNotStored(t *testing.T) {
	for _, algorithm := range []s3.Algorithm{s3.CRC64NVME, s3.NoChecksum} {
		m := newModel(t)
		b := m.backend(t, s3.Config{Checksum: algorithm})
		path := filepath.Join(t.TempDir(), "file")
		write := func(content string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		old, changed := strings.Repeat("o", 100_000), strings.Repeat("n", 100_000)
		write(old)
		opts := dossier.PutOptions{Progress: func(bytes int64) {
			if bytes == 100_000 { // it was read, and not yet sent
				write(changed)
			}
		}}
		_, err := b.Put(t.Context(), "a", dossier.FileSource(path), opts)
		if have := m.content("a"); err == nil && have != old || err != nil && !errors.Is(err, dossier.ErrChecksum) || have == changed {
			t.Errorf("%s: %v, stored %.3q", algorithm, err, have)
		}
	}
}
