package fileobject_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

func TestOpenRangeReadsWhatItSays(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := commit(ctx, t, fileobject.FromBytes("a", []byte("0123456789"), fileobject.Options{}), "uploads")
	for _, test := range []struct {
		offset, length int64
		want           string
		fails          error
	}{
		{0, 4, "0123", nil},
		{2, 3, "234", nil},
		{8, 100, "89", nil},
		{3, -1, "3456789", nil},
		{0, -1, "0123456789", nil},
		{-3, 0, "789", nil},
		{-3, -1, "789", nil},
		{-3, 2, "789", nil},
		{-100, 0, "0123456789", nil},
		{0, 0, "", nil},
		{5, 0, "", nil},
		{10, 0, "", nil},
		{0, math.MaxInt64, "0123456789", nil},
		{9, math.MaxInt64, "9", nil},
		{11, 0, "", dossier.ErrRange},
		{10, 1, "", dossier.ErrRange},
		{math.MaxInt64, 1, "", dossier.ErrRange},
		{math.MinInt64, 0, "", dossier.ErrInvalid},
	} {
		r, err := f.OpenRange(ctx, test.offset, test.length)
		if test.fails != nil {
			if !errors.Is(err, test.fails) || r != nil {
				t.Errorf("%+v: %v, %v; want no reader", test, r, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		if got, err := io.ReadAll(r); string(got) != test.want || err != nil || r.Close() != nil {
			t.Errorf("%+v: %q, %v", test, got, err)
		}
	}
}

// A handle with nothing behind it fails in every way to read it, always by the same rule, never with a reader.
func TestReadingNothingFails(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	for name, f := range map[string]*fileobject.FileObject{
		"nil": nil, "zero": {}, "pending": fileobject.FromBytes("a", []byte("x"), fileobject.Options{}),
		"no key": {Record: dossier.Record{Backend: "uploads"}},
	} {
		for what, try := range map[string]func() (any, error){
			"Open":      func() (any, error) { r, err := f.Open(ctx); return r, err },
			"OpenRange": func() (any, error) { r, err := f.OpenRange(ctx, 0, 0); return r, err },
			"a range":   func() (any, error) { r, err := f.OpenRange(ctx, 1, 2); return r, err },
			"Content":   func() (any, error) { b, err := f.Content(ctx); return bytes.NewReader(b).Len(), err },
			"CopyTo":    func() (any, error) { n, err := f.CopyTo(ctx, io.Discard); return n, err },
			"Stat":      func() (any, error) { _, err := f.Stat(ctx); return nil, err },
			"Verify":    func() (any, error) { return nil, f.Verify(ctx) },
			"SignedURL": func() (any, error) { url, err := f.SignedURL(ctx, 60e9); return len(url), err },
			"PublicURL": func() (any, error) { url, err := f.PublicURL(); return len(url), err },
		} {
			got, err := try()
			if !errors.Is(err, dossier.ErrInvalid) || got != nil && fmt.Sprint(got) != "0" {
				t.Errorf("%s of %s: %v, %v", what, name, got, err)
			}
		}
	}
}

func TestCopyToCountsAndReportsTheWriter(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	closed := 0
	s.body = func(body io.ReadCloser) io.ReadCloser { return &closing{body, func() { closed++ }} }
	f := commit(ctx, t, fileobject.FromBytes("a", []byte(long(100_000)), fileobject.Options{}), "uploads")
	var b strings.Builder
	if n, err := f.CopyTo(ctx, &b); n != 100_000 || err != nil || b.String() != long(100_000) {
		t.Errorf("%d, %v", n, err)
	}
	full := errors.New("the disk is full")
	_, err := f.CopyTo(ctx, writerFunc(func([]byte) (int, error) { return 0, full }))
	wantIs(t, "CopyTo", err, full)
	if closed != 2 {
		t.Errorf("%d of 2 bodies were closed", closed)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestVerifyComparesRowAndObject(t *testing.T) {
	t.Parallel()
	const text = "the content"
	crc, sha := fmt.Sprintf("crc32c:%x", crc32c([]byte(text))), fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))
	s := &shelf{} // keeps no checksum of its own: the row's decides
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	s.exchange("k", text)
	for name, test := range map[string]struct {
		size     int64
		checksum string
		want     error
	}{
		"right":                    {int64(len(text)), crc, nil},
		"right SHA-256":            {int64(len(text)), sha, nil},
		"upper case":               {int64(len(text)), "crc32c:" + strings.ToUpper(crc[7:]), nil},
		"nothing known":            {-1, "", nil},
		"size unknown":             {-1, crc, nil},
		"size alone":               {int64(len(text)), "", nil},
		"longer":                   {int64(len(text)) - 1, crc, dossier.ErrChecksum},
		"shorter":                  {int64(len(text)) + 1, "", dossier.ErrChecksum},
		"empty":                    {0, "", dossier.ErrChecksum},
		"wrong CRC32C":             {int64(len(text)), "crc32c:00000000", dossier.ErrChecksum},
		"wrong SHA-256":            {int64(len(text)), "sha256:" + strings.Repeat("0", 64), dossier.ErrChecksum},
		"checksum of another kind": {int64(len(text)), "md5:00", dossier.ErrInvalid},
		"malformed checksum":       {int64(len(text)), "crc32c:zz", dossier.ErrInvalid},
	} {
		f := &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: "k", Size: test.size, Checksum: test.checksum}}
		if err := f.Verify(ctx); !errors.Is(err, test.want) || err != nil && test.want == nil {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	missing := &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: "gone"}}
	wantIs(t, "missing", missing.Verify(ctx), dossier.ErrNotExist)
}

func TestReadsEndWithTheContext(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := commit(ctx, t, fileobject.FromBytes("a", []byte("x"), fileobject.Options{}), "uploads")
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err := f.Content(ctx)
	wantIs(t, "Content", err, context.Canceled)
}
