package fileobject_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// query returns the signed parameters of a URL.
func query(tb testing.TB, signed string) url.Values {
	tb.Helper()
	u, err := url.Parse(signed)
	if err != nil {
		tb.Fatal(err)
	}
	return u.Query()
}

// The store answers with what the row says: only types that cannot run scripts are shown, all others are downloads.
func TestSignedURLBindsTypeAndName(t *testing.T) {
	t.Parallel()
	s := newSigningShelf(t)
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	for _, test := range []struct{ contentType, name, disposition string }{
		{"image/png", "a.png", `inline; filename="a.png"`},
		{"application/pdf", "a b.pdf", `inline; filename="a b.pdf"; filename*=UTF-8''a%20b.pdf`},
		{"text/html; charset=utf-8", "a.html", `attachment; filename="a.html"`},
		{"image/svg+xml", "a.svg", `attachment; filename="a.svg"`},
		{"", "a", `attachment; filename="a"`},
		{"nonsense", "a", ""},
		{"image/png\r\nX-Evil: 1", "a", ""},
		{"image/png", "a\r\nX-Evil: 1.png", `inline; filename="aX-Evil: 1.png"; filename*=UTF-8''aX-Evil%3A%201.png`},
		{"image/png", `"; filename="evil.exe`, `inline; filename="_; filename=_evil.exe"; filename*=UTF-8''%22%3B%20filename%3D%22evil.exe`},
		{"image/png", "\u202Egnp.exe", `inline; filename="gnp.exe"`},
		{"image/png", "", `inline`},
	} {
		f := &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: "k", Filename: test.name, ContentType: test.contentType}}
		signed, err := f.SignedURL(ctx, time.Minute)
		if test.disposition == "" {
			wantIs(t, test.contentType, err, dossier.ErrInvalid)
			continue
		}
		if err != nil {
			t.Errorf("%q, %q: %v", test.contentType, test.name, err)
			continue
		}
		values := query(t, signed)
		if values.Get("response-content-type") != test.contentType || values.Get("response-content-disposition") != test.disposition {
			t.Errorf("%q, %q: %v", test.contentType, test.name, values)
		}
	}
}

// A name is up to its uploader; whatever it is, the file must stay reachable.
func TestEveryAcceptedNameCanBeSignedAndStored(t *testing.T) {
	t.Parallel()
	s := newSigningShelf(t)
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	for _, name := range []string{
		strings.Repeat("%", 300), strings.Repeat("(", 300) + ".png", strings.Repeat("é", 300) + ".png", strings.Repeat("写", 300), strings.Repeat("\U0001F600", 300),
	} {
		f := commit(ctx, t, fileobject.FromBytes(name, []byte(png), fileobject.Options{}), "uploads,disposition:attachment")
		if _, err := f.SignedURL(ctx, time.Minute); err != nil {
			t.Errorf("%.20q: %v", name, err)
		}
	}
}

func TestSignFillsInOnlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := newSigningShelf(t)
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	f := &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: "k", Filename: "a.png", ContentType: "image/png"}}
	signed, err := f.Sign(ctx, dossier.SignRequest{
		Key: "other", TTL: time.Minute, Respond: dossier.Header{ContentType: "text/plain", ContentDisposition: "attachment", CacheControl: "no-store"},
	})
	values := query(t, signed.URL)
	if err != nil || !strings.HasPrefix(signed.URL, "https://files.example/k?") || values.Get("response-content-type") != "text/plain" ||
		values.Get("response-content-disposition") != "attachment" || values.Get("response-cache-control") != "no-store" {
		t.Errorf("%v, %v", signed, err)
	}
	signed, err = f.Sign(ctx, dossier.SignRequest{Method: "PUT", TTL: time.Minute, ContentType: "image/png"})
	if values := query(t, signed.URL); err != nil || signed.Method != "PUT" || values.Has("response-content-type") {
		t.Errorf("%v, %v", signed, err)
	}
}

func TestBadSignRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSigningShelf(t)
	plain := &shelf{capabilities: full}
	ctx := with(t, map[string]dossier.Backend{"uploads": s, "plain": plain})
	f := &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: "k"}}
	for _, ttl := range []time.Duration{0, -time.Minute, 30 * 24 * time.Hour} {
		_, err := f.SignedURL(ctx, ttl)
		wantIs(t, fmt.Sprint(ttl), err, dossier.ErrInvalid)
	}
	unable := &fileobject.FileObject{Record: dossier.Record{Backend: "plain", Key: "k"}}
	_, err := unable.SignedURL(ctx, time.Minute)
	wantIs(t, "a backend that cannot sign", err, errors.ErrUnsupported)
	_, err = unable.Bind(nil).PublicURL()
	wantIs(t, "a backend of another registry", err, dossier.ErrNoBackend)
}

// A page shows a hundred files; one that is broken must not hide the other ninety-nine.
func TestSignedURLsGivesWhatItCan(t *testing.T) {
	t.Parallel()
	s, other := newSigningShelf(t), newSigningShelf(t)
	s.refused = "bad"
	ctx := with(t, map[string]dossier.Backend{"uploads": s, "other": other, "plain": &shelf{}})
	file := func(backend, key string) *fileobject.FileObject {
		return &fileobject.FileObject{Record: dossier.Record{Backend: backend, Key: key, ContentType: "image/png"}}
	}
	files := []*fileobject.FileObject{
		file("uploads", "a"), nil, file("uploads", "bad"), file("other", "b"), file("gone", "c"), file("plain", "d"),
		fileobject.FromBytes("e", nil, fileobject.Options{}),
		{},
		file("uploads", "f"),
	}
	urls, err := fileobject.SignedURLs(ctx, time.Minute, files...)
	for i, want := range []string{"/a?", "", "", "/b?", "", "", "", "", "/f?"} {
		if want == "" && urls[i] != "" || !strings.Contains(urls[i], want) {
			t.Errorf("file %d: %q", i, urls[i])
		}
	}
	for _, want := range []error{dossier.ErrPermission, dossier.ErrNoBackend, errors.ErrUnsupported, dossier.ErrInvalid} {
		wantIs(t, "the joined error", err, want)
	}
	at := -1
	for _, file := range []string{"file 2:", "file 4:", "file 5:", "file 6:", "file 7:"} {
		next := strings.Index(err.Error(), file)
		if next <= at {
			t.Errorf("%s is missing or out of order in\n%v", file, err)
		}
		at = next
	}
	if strings.Count(err.Error(), "file ") < 5 || strings.Contains(err.Error(), "file 0:") {
		t.Error(err)
	}
}

// Credentials are looked at once for a page, not once for each file.
func TestSignedURLsAsksEachBackendOnce(t *testing.T) {
	t.Parallel()
	s := newSigningShelf(t)
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	var files []*fileobject.FileObject
	for i := range 100 {
		files = append(files, &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: fmt.Sprint("k", i)}})
	}
	urls, err := fileobject.SignedURLs(ctx, time.Minute, files...)
	if err != nil || len(urls) != 100 || !strings.Contains(urls[99], "/k99?") || s.batches.Load() != 1 {
		t.Errorf("%v, %d batches", err, s.batches.Load())
	}
	if urls, err := fileobject.SignedURLs(ctx, time.Minute); len(urls) != 0 || err != nil {
		t.Errorf("%v, %v", urls, err)
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	registry := &dossier.Registry{}
	for name, b := range map[string]dossier.Backend{"public": newSigningShelf(t), "private": &shelf{}} {
		if err := registry.Register(name, b); err != nil {
			t.Fatal(err)
		}
	}
	f := (&fileobject.FileObject{Record: dossier.Record{Backend: "public", Key: "a/b"}}).Bind(registry)
	if got, err := f.PublicURL(); err != nil || got != "https://public.example/a/b" {
		t.Errorf("%q, %v", got, err)
	}
	f.Backend = "private"
	_, err := f.PublicURL()
	wantIs(t, "a private store", err, errors.ErrUnsupported)
}
