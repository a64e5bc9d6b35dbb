package azure_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
)

// TestURLsNameTheContainer and the environment the credentials: a key must not go to an account that it is not of.
func TestURLsNameTheContainer(t *testing.T) {
	t.Parallel()
	key := map[string]string{"AZURE_STORAGE_ACCOUNT": "one", "AZURE_STORAGE_KEY": "a2V5"}
	for _, row := range []struct {
		url         string
		environment map[string]string
		want, with  string
	}{
		{"azblob://files?account=one", nil, "https://one.blob.core.windows.net/files", "token"},
		{"azblob://files", key, "https://one.blob.core.windows.net/files", "key of one"},
		{"azblob://files?account=two", key, "https://two.blob.core.windows.net/files", "token"},
		{"azblob://files?account=one&anonymous=true", key, "https://one.blob.core.windows.net/files", "none"},
		{"azblob://files?endpoint=http://127.0.0.1:10000/one", key, "http://127.0.0.1:10000/one/files", "key of one"},
		{"azblob://files?endpoint=https://files.example/&account=one", key, "https://files.example/files", "key of one"},
		{"azblob://files?account=one", map[string]string{"AZURE_STORAGE_SAS_TOKEN": "?sv=x"}, "https://one.blob.core.windows.net/files", "signature"},
		{
			"azblob://files",
			map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "AccountName=one;AccountKey=a2V5==;EndpointSuffix=core.chinacloudapi.cn;DefaultEndpointsProtocol=https"},
			"https://one.blob.core.chinacloudapi.cn/files", "key of one",
		},
		{
			"azblob://files?account=two", map[string]string{"AZURE_STORAGE_ACCOUNT": "one", "AZURE_STORAGE_SAS_TOKEN": "sv=x"},
			"https://two.blob.core.windows.net/files", "token",
		},
		{
			"azblob://files?account=two",
			map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "AccountName=one;AccountKey=a2V5;BlobEndpoint=https://one.blob.core.windows.net"},
			"https://two.blob.core.windows.net/files", "token",
		},
		{
			"azblob://files", map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "BlobEndpoint=http://host:1/one;SharedAccessSignature=sv=x&sig=y"},
			"http://host:1/one/files", "signature",
		},
	} {
		got, with, err := azure.ContainerURL(row.url, row.environment)
		if err != nil || got != row.want || with != row.with {
			t.Errorf("%s: %s with %s, %v; want %s with %s", row.url, got, with, err, row.want, row.with)
		}
	}
}

// TestBadURLsAreRefused before any request, and their values, which may be secrets, are not repeated.
func TestBadURLsAreRefused(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"azblob://", "s3://files?account=one", "azblob://files/secret?account=one", "azblob://user:secret@files?account=one", "azblob://files?account=one#secret",
		"azblob://files?account=one&unknown=secret", "azblob://files?account=one&account=secret", "azblob://files?endpoint=secret",
		"azblob://files?endpoint=http://user:secret@host", "azblob://files?account=one&checksum=secret", "azblob://files?account=one&memory=secret",
		"azblob://files?account=one&probe=secret", "azblob://files?account=one&anonymous=secret",
	} {
		_, err := azure.Open(t.Context(), raw)
		wants(t, raw, err, dossier.ErrInvalid)
		if err != nil && strings.Contains(err.Error(), "secret") && !strings.Contains(err.Error(), "unknown") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestOpenFindsWhatTheServerHonours. Not parallel: it sets the environment.
func TestOpenFindsWhatTheServerHonours(t *testing.T) {
	base, _ := endpoint(t)
	client := newContainer(t)
	name := client.URL()[strings.LastIndexByte(client.URL(), '/')+1:]
	b, err := azure.Open(t.Context(), "azblob://"+name+"?endpoint="+base)
	if err != nil {
		t.Fatal(err)
	}
	if set := b.Describe().Capabilities; !set.Has(dossier.PutIfAbsent | dossier.Multipart | dossier.SignPart | dossier.StoresMetadata) {
		t.Errorf("capabilities %v", set)
	}
	put(t, b, "a", "content") // with the checksum that Azurite knows
	for entry, err := range b.List(t.Context(), dossier.ListOptions{}) {
		if err != nil || entry.Key != "a" {
			t.Errorf("left behind: %q, %v", entry.Key, err)
		}
	}
	wants(t, "close", errors.Join(b.Close(), b.Close()), nil)
	_, err = b.Stat(t.Context(), "a")
	wants(t, "after Close", err, dossier.ErrClosed)
	_, err = azure.Open(t.Context(), "azblob://missing"+name[:20]+"?endpoint="+base)
	wants(t, "a missing container", err, dossier.ErrNoContainer)
	t.Setenv("AZURE_STORAGE_KEY", "d3Jvbmc=")
	_, err = azure.Open(t.Context(), "azblob://"+name+"?endpoint="+base)
	wants(t, "a wrong key", err, dossier.ErrUnauthenticated)
	t.Setenv("AZURE_STORAGE_KEY", "not base64")
	_, err = azure.Open(t.Context(), "azblob://"+name+"?endpoint="+base)
	wants(t, "a malformed key", err, dossier.ErrInvalid)
}

// TestAProbeClearsWhatAServerIgnores: a condition that is ignored destroys data. Not parallel: it sets the environment.
func TestAProbeClearsWhatAServerIgnores(t *testing.T) {
	f, _ := newFake(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("comp") == "list":
			w.Header().Set("Content-Type", "application/xml")
			_, _ = w.Write([]byte(`<?xml version="1.0"?><EnumerationResults><Blobs></Blobs></EnumerationResults>`))
		case r.Header.Get("x-ms-copy-source") != "":
			problem(w, http.StatusNotImplemented, "APINotImplemented")
		default:
			r.Header.Del("If-Match")
			r.Header.Del("If-None-Match")
			f.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AZURE_STORAGE_ACCOUNT", "account")
	t.Setenv("AZURE_STORAGE_KEY", "c2VjcmV0")
	b, err := azure.Open(t.Context(), "azblob://container?checksum=none&endpoint="+server.URL+"/account")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wants(t, "close", b.Close(), nil) })
	ignored := dossier.PutIfAbsent | dossier.PutMatch | dossier.GetMatch | dossier.DeleteMatch | dossier.Multipart
	if set := b.Describe().Capabilities; set&ignored != 0 || !set.Has(dossier.StoresMetadata|dossier.StoresCRC32C) {
		t.Errorf("capabilities %v", set)
	}
	_, err = b.Put(t.Context(), "a", dossier.BytesSource(nil), dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
	wants(t, "create-only", err, errors.ErrUnsupported)
	wants(t, "conditional delete", b.Delete(t.Context(), "a", dossier.DeleteOptions{If: dossier.Condition{Match: `"0x1"`}}), errors.ErrUnsupported)
}

// TestIdentityOfStores: the journal of one store must never be executed on another.
func TestIdentityOfStores(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://one.blob.core.windows.net/files":            "azblob:one/files",
		"https://one-secondary.blob.core.windows.net/files":  "azblob:one/files",
		"https://one.blob.core.windows.net/files?sv=x&sig=y": "azblob:one/files",
		"http://127.0.0.1:10000/one/files":                   "azblob:http://127.0.0.1:10000/one/files",
		"https://files.example/files":                        "azblob:https://files.example/files",
	} {
		if got := newOver(t, url, nil).Describe().Store; got != want {
			t.Errorf("%s is %s, want %s", url, got, want)
		}
	}
	if _, err := azure.New(nil, azure.Config{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("a nil client: %v", err)
	}
}

// TestPublicURLs are for stores that say so.
func TestPublicURLs(t *testing.T) {
	t.Parallel()
	_, b := newFake(t, nil)
	_, err := dossier.PublicURL(b, "a")
	wants(t, "no public URL", err, errors.ErrUnsupported)
	_, b = newFake(t, func(cfg *azure.Config) { cfg.PublicURL = "https://cdn.example/files/" })
	if got, err := dossier.PublicURL(b, "a b/c?d"); err != nil || got != "https://cdn.example/files/a%20b/c%3Fd" {
		t.Errorf("%s, %v", got, err)
	}
}
