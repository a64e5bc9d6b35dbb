package fileobject_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

func TestUploadFillsTheRecord(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f := commit(ctx, t, fileobject.FromBytes("plan.png", []byte(png), fileobject.Options{Metadata: map[string]any{"pages": 3}}),
		"uploads,disposition:inline,cache:'private, max-age=60'")
	want := dossier.Record{
		Backend: "uploads", Key: f.Key, Filename: "plan.png", ContentType: "image/png", Size: int64(len(png)),
		LastModified: shelfTime.Truncate(time.Microsecond), Checksum: fmt.Sprintf("crc32c:%x", crc32c([]byte(png))), ETag: `"e1"`, VersionID: "v1",
		Metadata: map[string]any{"pages": 3},
	}
	if fmt.Sprintf("%+v", f.Record) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v\nwant %+v", f.Record, want)
	}
	if !strings.HasPrefix(f.Key, "documents/file/") || !strings.HasSuffix(f.Key, ".png") {
		t.Errorf("key %q", f.Key)
	}
	header := dossier.Header{ContentType: "image/png", ContentDisposition: `inline; filename="plan.png"`, CacheControl: "private, max-age=60"}
	if got := s.objects[f.Key].info.Header; got != header {
		t.Errorf("header %+v, want %+v", got, header)
	}
}

// The handle after its commit and the row as it is loaded must be the same, or the first edit finds a difference.
func TestCommittedHandleEqualsItsRow(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := commit(ctx, t, fileobject.FromBytes("a.txt", []byte("text"), fileobject.Options{}), "uploads")
	value, err := f.Value()
	if err != nil {
		t.Fatal(err)
	}
	var row fileobject.FileObject
	if err := row.Scan(value); err != nil {
		t.Fatal(err)
	}
	if !row.LastModified.Equal(f.LastModified) || fmt.Sprintf("%+v", row.Record) != fmt.Sprintf("%+v", f.Record) {
		t.Errorf("the row gives\n%+v, the handle\n%+v", row.Record, f.Record)
	}
}

// Each of these must be refused before a byte is sent: the journal has no intent yet.
func TestWhatBeginRefusesSendsNothing(t *testing.T) {
	t.Parallel()
	const html = "<!DOCTYPE html><script>alert(1)</script>"
	bytesOf := func(name, content string, opts fileobject.Options) *fileobject.FileObject {
		return fileobject.FromBytes(name, []byte(content), opts)
	}
	none := fileobject.Options{}
	for name, test := range map[string]struct {
		file *fileobject.FileObject
		tag  string
		want error
	}{
		"nil":                        {nil, "uploads", dossier.ErrInvalid},
		"nothing pending":            {&fileobject.FileObject{}, "uploads", dossier.ErrInvalid},
		"nil upload":                 {fileobject.FromUpload(nil, none), "uploads", dossier.ErrInvalid},
		"nil reader":                 {fileobject.FromReader("x", nil, none), "uploads", dossier.ErrInvalid},
		"unknown backend":            {bytesOf("x", "x", none), "elsewhere", dossier.ErrNoBackend},
		"another backend":            {bytesOf("x", "x", fileobject.Options{Backend: "other"}), "uploads", dossier.ErrInvalid},
		"malformed checksum":         {bytesOf("x", "x", fileobject.Options{Checksum: "crc32c:xyz"}), "uploads", dossier.ErrInvalid},
		"unknown checksum":           {bytesOf("x", "x", fileobject.Options{Checksum: "md5:00"}), "uploads", dossier.ErrInvalid},
		"short checksum":             {bytesOf("x", "x", fileobject.Options{Checksum: "sha256:00"}), "uploads", dossier.ErrInvalid},
		"page as picture":            {bytesOf("x.png", html, none), "uploads,accept:image/*", dossier.ErrType},
		"page as PDF":                {bytesOf("x.pdf", html, none), "uploads,accept:image/*|application/pdf", dossier.ErrType},
		"SVG as picture":             {bytesOf("x.svg", "<svg onload=alert(1)>", none), "uploads,accept:image/*", dossier.ErrType},
		"SVG with prolog":            {bytesOf("x.png", "<?xml version='1.0'?><svg/>", none), "uploads,accept:image/*", dossier.ErrType},
		"empty as picture":           {bytesOf("x.png", "", none), "uploads,accept:image/*", dossier.ErrType},
		"empty":                      {bytesOf("x.txt", "", none), "uploads,min:1", dossier.ErrShortSource},
		"empty reader":               {fileobject.FromReader("x", strings.NewReader(""), none), "uploads,min:1", dossier.ErrShortSource},
		"over the limit":             {bytesOf("x", "123456", none), "uploads,max:5", dossier.ErrTooLarge},
		"reader over a small limit":  {fileobject.FromReader("x", strings.NewReader("123456"), none), "uploads,max:5", dossier.ErrTooLarge},
		"endless over a small limit": {fileobject.FromReader("x", endless{}, none), "uploads,max:5", dossier.ErrTooLarge},
		"column of the key":          {bytesOf("x", "x", none), "uploads,key:{field:tenant_id}/{uuid}", dossier.ErrInvalidKey},
		"id of the key":              {bytesOf("x", "x", none), "uploads,key:{id}/{uuid}", dossier.ErrInvalidKey},
		"missing file":               {fileobject.FromPath("/nonexistent/x", none), "uploads", fs.ErrNotExist},
		"folder":                     {fileobject.FromPath(os.TempDir(), none), "uploads", dossier.ErrInvalid},
		"shorter than declared":      {declared("123", 5), "uploads", dossier.ErrShortSource},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ctx := newStore(t)
			transfer, err := fileobject.Begin(ctx, test.file, target(t, test.tag))
			wantIs(t, "begin", err, test.want)
			if transfer != nil {
				t.Error("a transfer was returned with the error")
			}
			if puts, gets := s.calls(); puts != 0 || gets != 0 {
				t.Errorf("%d puts and %d gets reached the backend", puts, gets)
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// declared is a file whose client said how long it is.
func declared(content string, size int64) *fileobject.FileObject {
	open := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }
	return fileobject.FromSource("x.txt", dossier.OpenerSource(open, size), fileobject.Options{})
}

// What shows only while the bytes stream by must still leave nothing behind, whatever the backend itself can check.
func TestWhatStreamsPastALimitIsNotStored(t *testing.T) {
	t.Parallel()
	const n = 20_000
	reader := func(n int) func() *fileobject.FileObject {
		return func() *fileobject.FileObject {
			return fileobject.FromReader("x.txt", strings.NewReader(long(n)), fileobject.Options{})
		}
	}
	expecting := func(checksum string) func() *fileobject.FileObject {
		return func() *fileobject.FileObject {
			return fileobject.FromReader("x.txt", strings.NewReader(long(n)), fileobject.Options{Checksum: checksum})
		}
	}
	declaring := func(content string, size int64) func() *fileobject.FileObject {
		return func() *fileobject.FileObject { return declared(content, size) }
	}
	good := sha256.Sum256([]byte(long(n)))
	for name, test := range map[string]struct {
		file func() *fileobject.FileObject
		tag  string
		want error
	}{
		"at the limit":           {reader(n), "uploads,max:20000,min:20000", nil},
		"one byte over":          {reader(n + 1), "uploads,max:20000", dossier.ErrTooLarge},
		"one byte under":         {reader(n - 1), "uploads,min:20000", dossier.ErrShortSource},
		"longer than declared":   {declaring(long(n), n-1), "uploads", dossier.ErrInvalid},
		"shorter than declared":  {declaring(long(n), n+1), "uploads", dossier.ErrShortSource},
		"as declared":            {declaring(long(n), n), "uploads,max:20000", nil},
		"CRC32C":                 {expecting(fmt.Sprintf("crc32c:%x", crc32c([]byte(long(n))))), "uploads", nil},
		"SHA-256":                {expecting(fmt.Sprintf("sha256:%x", good)), "uploads", nil},
		"SHA-256 in both places": {expecting(fmt.Sprintf("sha256:%X", good)), "uploads,checksum:sha256", nil},
		"wrong CRC32C":           {expecting("crc32c:00000000"), "uploads", dossier.ErrChecksum},
		"wrong SHA-256":          {expecting("sha256:" + strings.Repeat("00", 32)), "uploads", dossier.ErrChecksum},
	} {
		for _, capabilities := range []dossier.Capabilities{full, 0} {
			s := &shelf{capabilities: capabilities}
			ctx := with(t, map[string]dossier.Backend{"uploads": s})
			if err := upload(ctx, t, test.file(), test.tag); !errors.Is(err, test.want) {
				t.Errorf("%s, capabilities %q: %v, want %v", name, capabilities, err, test.want)
			}
			if stored := s.count() > 0; stored != (test.want == nil) {
				t.Errorf("%s, capabilities %q: stored: %v", name, capabilities, stored)
			}
		}
	}
}

// A limit that is known to be broken is not found out by sending.
func TestDeclaredSizeOverTheLimitIsRefusedUnread(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	unread := func() (io.ReadCloser, error) {
		t.Error("the source was opened")
		return nil, errors.New("opened")
	}
	f := fileobject.FromSource("x", dossier.OpenerSource(unread, 101), fileobject.Options{})
	_, err := fileobject.Begin(ctx, f, target(t, "uploads,max:100"))
	wantIs(t, "begin", err, dossier.ErrTooLarge)
	if puts, _ := s.calls(); puts != 0 || !f.Pending() {
		t.Errorf("%d puts; pending: %v", puts, f.Pending())
	}
}

// A policy and a target may be made by hand: the zero value of every field is its documented default.
func TestPolicyWithoutTagHasItsDefaults(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := fileobject.FromBytes("a.txt", []byte("x"), fileobject.Options{})
	transfer, err := fileobject.Begin(ctx, f, fileobject.Target{
		Policy: fileobject.Policy{Backend: "uploads"}, Values: dossier.KeyValues{Table: "t", Field: "f"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(transfer.Put(ctx, nil), transfer.Close()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(f.Key, "t/f/") || f.Checksum != fmt.Sprintf("crc32c:%x", crc32c([]byte("x"))) {
		t.Errorf("key %q, checksum %q", f.Key, f.Checksum)
	}
}

// A store that keeps no headers and knows no conditions still keeps files: the row has the headers, the key is fresh.
func TestUploadAsksABackendOnlyForWhatItCan(t *testing.T) {
	t.Parallel()
	s := &shelf{}
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	f := commit(ctx, t, fileobject.FromBytes("a.txt", []byte("x"), fileobject.Options{}), "uploads,disposition:inline")
	if got := content(ctx, t, f); got != "x" || f.ContentType != "text/plain; charset=utf-8" {
		t.Errorf("%q, type %q", got, f.ContentType)
	}
}

// An object that is there already belongs to somebody: a fresh key that is taken must fail.
func TestUploadNeverOverwrites(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	transfer := begin(ctx, t, fileobject.FromBytes("a", []byte("mine"), fileobject.Options{}), "uploads")
	s.exchange(transfer.Reference().Key, "theirs")
	wantIs(t, "put", transfer.Put(ctx, nil), dossier.ErrExist)
	if got := string(s.objects[transfer.Reference().Key].content); got != "theirs" {
		t.Errorf("the object is now %q", got)
	}
}

// A reader that is read once and half sent cannot be sent again: head and tail of it would be stored as the whole.
func TestHalfSentReaderIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	away := errors.New("the store went away")
	s.put = func(_ context.Context, _ string, src dossier.Source, _ dossier.PutOptions) (dossier.Info, error) {
		r, err := src.Open()
		if err != nil {
			return dossier.Info{}, err
		}
		_, err = io.CopyN(io.Discard, r, 10_000)
		return dossier.Info{}, errors.Join(err, away, r.Close())
	}
	f := fileobject.FromReader("x", strings.NewReader(long(20_000)), fileobject.Options{})
	transfer := begin(ctx, t, f, "uploads")
	wantIs(t, "put", transfer.Put(ctx, nil), away)
	s.put = nil
	wantIs(t, "second put", transfer.Put(ctx, nil), dossier.ErrConsumed)
	if s.count() != 0 {
		t.Error("an object was stored")
	}
}

// A source that can be opened again survives a store that fails: the same transfer may try again, under the same key.
func TestReplayableSourceMayBePutAgain(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	away := errors.New("the store went away")
	s.put = func(context.Context, string, dossier.Source, dossier.PutOptions) (dossier.Info, error) {
		return dossier.Info{}, away
	}
	f := fileobject.FromBytes("x", []byte("bytes"), fileobject.Options{})
	transfer := begin(ctx, t, f, "uploads")
	wantIs(t, "put", transfer.Put(ctx, nil), away)
	s.put = nil
	if err := transfer.Put(ctx, nil); err != nil || f.Key != transfer.Reference().Key {
		t.Errorf("%v, key %q", err, f.Key)
	}
}

// A backend that counts bytes instead of reading to the end must not leave the row without a checksum.
func TestChecksumIsKnownWhateverTheBackendReads(t *testing.T) {
	t.Parallel()
	for _, capabilities := range []dossier.Capabilities{full, full &^ dossier.StoresCRC32C} {
		s := &shelf{capabilities: capabilities}
		ctx := with(t, map[string]dossier.Backend{"uploads": s})
		s.put = func(_ context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
			r, err := src.Open()
			if err != nil {
				return dossier.Info{}, err
			}
			content := make([]byte, src.Size())
			_, err = io.ReadFull(r, content)
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.set(key, content, opts.Header), errors.Join(err, r.Close())
		}
		f := commit(ctx, t, fileobject.FromBytes("x", []byte("bytes"), fileobject.Options{}), "uploads")
		if want := fmt.Sprintf("crc32c:%x", crc32c([]byte("bytes"))); f.Checksum != want {
			t.Errorf("checksum %q, want %q", f.Checksum, want)
		}
	}
}

// The object is there although the upload failed. A unit of work that took this for "nothing was stored" would forget
// its intent, and nobody would ever find the object.
func TestUploadThatFailsAfterItsObjectSaysSo(t *testing.T) {
	t.Parallel()
	s := &shelf{capabilities: full &^ dossier.StoresCRC32C}
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	broken := errors.New("the connection broke")
	s.put = func(_ context.Context, key string, _ dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.set(key, []byte("x"), opts.Header), nil
	}
	s.body = func(io.ReadCloser) io.ReadCloser {
		return io.NopCloser(readerFunc(func([]byte) (int, error) { return 0, broken }))
	}
	f := fileobject.FromBytes("a", []byte("x"), fileobject.Options{Backend: "uploads"})
	err := upload(ctx, t, f, "uploads")
	wantIs(t, "upload", err, broken)
	wantIs(t, "upload", err, dossier.ErrOutcomeUnknown)
	wantIs(t, "Save", f.Save(ctx), broken)
	if s.count() != 1 || s.deletes != 1 || !f.Pending() {
		t.Errorf("%d objects, %d deletes: Save has no journal, so it must clean up itself; pending: %v", s.count(), s.deletes, f.Pending())
	}
}

func TestUploadHandsOnProgressAndUploadID(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	s.put = func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
		if err := opts.OnUploadID("upload 1"); err != nil {
			return dossier.Info{}, err
		}
		return s.keep(ctx, key, src, opts)
	}
	var last int64
	f := fileobject.FromBytes("x", []byte(long(10_000)), fileobject.Options{Progress: func(n int64) { last = n }})
	transfer := begin(ctx, t, f, "uploads")
	refused := errors.New("the journal does not answer")
	wantIs(t, "put", transfer.Put(ctx, func(string) error { return refused }), refused)
	var id string
	if err := transfer.Put(ctx, func(given string) error { id = given; return nil }); err != nil {
		t.Fatal(err)
	}
	if last != 10_000 || id != "upload 1" {
		t.Errorf("progress ended at %d, upload id %q", last, id)
	}
}

func TestTransferTellsWhereTheBytesGo(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f := fileobject.FromBytes("a.txt", []byte("x"), fileobject.Options{Backend: "uploads"})
	transfer := begin(ctx, t, f, "uploads,key:{table}/{field}/{uuid}{ext}")
	if transfer.File() != f || transfer.Backend().Describe().Store != s.Describe().Store || transfer.Reference().Backend != "uploads" {
		t.Errorf("%v, %v, %v", transfer.File(), transfer.Backend().Describe(), transfer.Reference())
	}
	if f.Key != "" || f.Backend != "" {
		t.Errorf("the handle has key %q before its bytes are stored", f.Key)
	}
	if err := transfer.Put(ctx, nil); err != nil || f.Reference() != transfer.Reference() {
		t.Errorf("%v, %v, %v", err, f.Reference(), transfer.Reference())
	}
}

// form parses a multipart form with one file.
func form(tb testing.TB, name, body string) *multipart.FileHeader {
	tb.Helper()
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(part, body); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	parsed, err := multipart.NewReader(&text, w.Boundary()).ReadForm(1 << 10)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = parsed.RemoveAll() })
	return parsed.File["file"][0]
}

// The client's Content-Type header and name are claims: only the bytes decide.
func TestFormFileIsJudgedByItsBytes(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	for _, claimed := range []string{"", "image/png", "text/html", "nonsense;;", "image/png\r\nX: y"} {
		header := form(t, "../evil.html", png)
		header.Header.Set("Content-Type", claimed)
		f := commit(ctx, t, fileobject.FromUpload(header, fileobject.Options{}), "uploads,accept:image/png")
		if f.ContentType != "image/png" || f.Filename != "evil.html" || strings.HasSuffix(f.Key, "html") || content(ctx, t, f) != png {
			t.Errorf("%q: %+v", claimed, f.Record)
		}
	}
}

// A form file on disk can be read as often as the form lives.
func TestLargeFormFileIsReadAgainAfterARollback(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := fileobject.FromUpload(form(t, "x.txt", long(50_000)), fileobject.Options{})
	stage(ctx, t, f, "uploads").Release()
	if commit(ctx, t, f, "uploads"); content(ctx, t, f) != long(50_000) {
		t.Error("the content is not that of the form")
	}
}

func TestFileIsOpenedWhenItIsSaved(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := fileobject.FromPath(path, fileobject.Options{})
	if f.Size != 5 || f.Filename != "a.txt" {
		t.Errorf("%+v", f.Record)
	}
	if err := os.WriteFile(path, []byte("54321"), 0o600); err != nil {
		t.Fatal(err)
	}
	if commit(ctx, t, f, "uploads"); content(ctx, t, f) != "54321" {
		t.Errorf("stored %q", content(ctx, t, f))
	}
}

// A failed upload says which file and what to do, whoever reads the log.
func TestUploadErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f := fileobject.FromBytes("plan.pdf", []byte("x"), fileobject.Options{})
	_, err := fileobject.Begin(ctx, f, target(t, "uploads,accept:image/*"))
	if err == nil || !strings.Contains(err.Error(), `"plan.pdf"`) || !strings.Contains(err.Error(), "image/*") {
		t.Error(err)
	}
	s.put = func(context.Context, string, dossier.Source, dossier.PutOptions) (dossier.Info, error) {
		return dossier.Info{}, errors.New("no answer")
	}
	err = upload(ctx, t, f, "uploads")
	if err == nil || !strings.Contains(err.Error(), `"plan.pdf"`) || !strings.Contains(err.Error(), "uploads:documents/file/") {
		t.Error(err)
	}
}
