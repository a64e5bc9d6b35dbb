package filehttp_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

const alphabet = "abcdefghijklmnopqrstuvwxyz"

// The row decides what the answer says: the store may claim another type, and is not asked.
func TestHandlerServesWhatTheRowSays(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	file := s.row(t, dossier.Record{Filename: "Überblick 2024.png", ContentType: "image/png"}, alphabet)
	w := send(serveRow(file, filehttp.Config{}), "GET", "/x.html")
	wantStatus(t, w, 200)
	if got := w.Body.String(); got != alphabet {
		t.Errorf("body %q", got)
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "Content-Length": "26", "ETag": `"` + file.Checksum + `-1a"`,
		"Content-Disposition": `inline; filename="_berblick 2024.png"; filename*=UTF-8''%C3%9Cberblick%202024.png`,
		"Last-Modified":       "Mon, 06 May 2024 07:08:09 GMT", "Cache-Control": "private, no-cache", "Accept-Ranges": "bytes",
		"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox",
	} {
		wantHeader(t, w.Header(), name, want)
	}
	if s.stats > 0 || len(s.requests()) != 1 {
		t.Errorf("%d Stats and %d Gets, want one Get alone", s.stats, len(s.requests()))
	}
}

// HEAD and 304 answer from the row alone: a page of a hundred files must not open a hundred objects.
func TestHeadAndNotModifiedOpenNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := serveRow(s.row(t, dossier.Record{ContentType: "image/png"}, alphabet), filehttp.Config{MaxStreams: 1})
	w := send(h, "HEAD", "/", "Range", "bytes=0-1") // Range is for GET only
	wantStatus(t, w, 200)
	wantHeader(t, w.Header(), "Content-Length", "26")
	etag := w.Header().Get("ETag")
	w = send(h, "GET", "/", "If-None-Match", etag)
	wantStatus(t, w, 304)
	wantHeader(t, w.Header(), "ETag", etag)
	wantHeader(t, w.Header(), "Content-Type", "")
	if s.stats > 0 || len(s.requests()) > 0 {
		t.Error("the store was asked")
	}
}

// The last bytes of a large object are read alone, in one request.
func TestSuffixOfLargeObjectReadsOnlyIt(t *testing.T) {
	t.Parallel()
	const size = 1 << 30
	s := newStore(t)
	file := s.row(t, dossier.Record{Size: size, ContentType: "video/mp4", Checksum: "crc32c:00000000"}, "")
	large := &largeStore{fakeStore: s, size: size}
	registry := &dossier.Registry{}
	if err := registry.Register("files", large); err != nil {
		t.Fatal(err)
	}
	w := send(serveRow(file.Bind(registry), filehttp.Config{}), "GET", "/", "Range", "bytes=-10")
	wantStatus(t, w, 206)
	wantHeader(t, w.Header(), "Content-Range", "bytes 1073741814-1073741823/1073741824")
	if got := w.Body.String(); got != "xxxxxxxxxx" {
		t.Errorf("body %q", got)
	}
	if large.gets != 1 || s.read > 64<<10 {
		t.Errorf("%d Gets, %d bytes read", large.gets, s.read)
	}
}

// largeStore has one object of size x.
type largeStore struct {
	*fakeStore
	size int64
	gets int
}

func (l *largeStore) Get(_ ctx, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	l.gets++
	from, to, err := opts.Range.Resolve(l.size)
	body := io.NopCloser(&countingReader{store: l.fakeStore, r: repeated('x')})
	return dossier.NewObject(dossier.Info{Key: key, Size: l.size}, from, to, body), err
}

type repeated byte

func (c repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

// A row that does not know its size, as another library may have written it, is served too, for one Stat.
func TestRowWithoutSizeIsServed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	w := send(serveRow(s.row(t, dossier.Record{Size: -1}, alphabet), filehttp.Config{}), "GET", "/", "Range", "bytes=1-2")
	wantStatus(t, w, 206)
	if w.Body.String() != "bc" || s.stats != 1 || len(s.requests()) != 1 {
		t.Errorf("body %q, %d Stats, %d Gets", w.Body, s.stats, len(s.requests()))
	}
}

// What Lookup returns decides the status; no text of an error reaches the client.
func TestLookupErrorsAreAnswered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file *fileobject.FileObject
		err  error
		want int
	}{
		{nil, nil, 404},
		{&fileobject.FileObject{}, nil, 404},
		{fileobject.FromBytes("a", []byte("pending"), fileobject.Options{}), nil, 404},
		{nil, fmt.Errorf("row 7: %w", dossier.ErrNotFound), 404},
		{nil, dossier.ErrNotExist, 404},
		{nil, fs.ErrPermission, 500}, // not this module's: nothing is known about it
		{nil, dossier.ErrPermission, 403},
		{nil, dossier.ErrUnauthenticated, 401},
		{nil, errors.New("secret"), 500},
	} {
		w := send(filehttp.NewHandler(filehttp.Config{Lookup: func(*http.Request) (*fileobject.FileObject, error) {
			return test.file, test.err
		}}), "GET", "/")
		wantStatus(t, w, test.want)
		if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "row") {
			t.Errorf("body %q", w.Body)
		}
		wantHeader(t, w.Header(), "Cache-Control", "no-store")
		wantHeader(t, w.Header(), "X-Content-Type-Options", "nosniff")
	}
	w := send(serveRow(nil, filehttp.Config{}), "POST", "/")
	wantStatus(t, w, 405)
	wantHeader(t, w.Header(), "Allow", "GET, HEAD")
}

// A store that fails is told apart from a file that is not there, and the answer carries no leftovers of the file.
func TestStoreFailuresBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want int
	}{
		{&dossier.Error{Op: "get", Kind: dossier.ErrNotExist}, 404},
		{&dossier.Error{Op: "get", Kind: dossier.ErrUnavailable, RetryAfter: 1500 * time.Millisecond}, 503},
		{&dossier.Error{Op: "get", Kind: dossier.ErrPermission}, 502},
		{&dossier.Error{Op: "get", Kind: dossier.ErrNoContainer}, 500},
	} {
		s := newStore(t)
		h := serveRow(s.row(t, dossier.Record{ContentType: "image/png", Filename: "private.png"}, alphabet), filehttp.Config{})
		s.fail = test.err
		for _, ranges := range []string{"", "bytes=0-1", "bytes=0-1,4-5"} {
			w := send(h, "GET", "/", "Range", ranges)
			wantStatus(t, w, test.want)
			for _, name := range []string{"ETag", "Content-Disposition", "Content-Range", "Last-Modified"} {
				wantHeader(t, w.Header(), name, "")
			}
			if test.want == 503 {
				wantHeader(t, w.Header(), "Retry-After", "2")
			}
		}
	}
}

// An object that is not the one of the row is not passed off as it.
func TestForeignObjectIsNotServed(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := serveRow(s.row(t, dossier.Record{Size: 25}, alphabet), filehttp.Config{})
	wantStatus(t, send(h, "GET", "/"), 500)
	wantStatus(t, send(h, "GET", "/", "Range", "bytes=0-1"), 500)
}

// A store that breaks off in the middle breaks the connection: the client sees half a file as half a file. It is logged,
// without the signature that the error's URL holds.
func TestBrokenStoreBreaksTheConnection(t *testing.T) {
	t.Parallel()
	broken := errors.New(`Get "https://s3.example/b/k?X-Amz-Signature=secret": reset`)
	for _, ranges := range []string{"", "bytes=0-19", "bytes=0-19,22-23"} {
		s := newStore(t)
		var log strings.Builder
		h := serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		s.wrap = func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, 10), iotest.ErrReader(broken)) }
		server := httptest.NewUnstartedServer(h)
		server.Start()
		_, body := fetch(t, "GET", server.URL+"/document?token=secret", nil, "Range", ranges)
		server.Close() // waits for the handler, so the log is whole
		if !strings.Contains(body, "EOF") {
			t.Errorf("%q: the answer ended as if it were whole: %q", ranges, body)
		}
		if text := log.String(); !strings.Contains(text, "s3.example") || strings.Contains(text, "secret") {
			t.Errorf("log %q", text)
		}
	}
}

// Bytes that are not those of the checksum never arrive as a complete answer.
func TestCorruptBytesNeverArriveWhole(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	h := serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{})
	s.wrap = func(io.Reader) io.Reader { return strings.NewReader(strings.ToUpper(alphabet)) }
	if _, body := fetch(t, "GET", serveAt(t, h), nil); !strings.Contains(body, "EOF") {
		t.Errorf("body %q", body)
	}
}

// More streams than allowed at once are turned away, not queued; the slot of a finished one is free again.
func TestMaxStreams(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	h := serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{MaxStreams: 1})
	s.wrap = func(r io.Reader) io.Reader { return &gate{r, entered, leave} }
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- send(h, "GET", "/") }()
	<-entered
	w := send(h, "GET", "/")
	wantStatus(t, w, 503)
	wantHeader(t, w.Header(), "Retry-After", "1")
	wantStatus(t, send(h, "HEAD", "/"), 200)
	close(leave)
	wantStatus(t, <-done, 200)
	s.wrap = nil
	wantStatus(t, send(h, "GET", "/"), 200)
}

// gate stops the first Read until it may leave.
type gate struct {
	io.Reader
	entered, leave chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	if g.entered != nil {
		close(g.entered)
		g.entered = nil
		<-g.leave
	}
	return g.Reader.Read(p)
}

// A client that leaves is no failure of this server.
func TestClientThatLeavesIsNotLogged(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var log strings.Builder
	h := serveRow(s.row(t, dossier.Record{}, alphabet), filehttp.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	w := &deafWriter{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if log.Len() > 0 {
		t.Errorf("log %q", log.String())
	}
}

// deafWriter is the writer of a client that left.
type deafWriter struct{ *httptest.ResponseRecorder }

func (deafWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// A configuration that cannot work is refused when the handler is made, not at the first request.
func TestBadConfigurationPanics(t *testing.T) {
	t.Parallel()
	lookup := func(*http.Request) (*fileobject.FileObject, error) { return nil, nil }
	s := newStore(t)
	for name, make := range map[string]func(){
		"no lookup":       func() { filehttp.NewHandler(filehttp.Config{}) },
		"window as long":  func() { filehttp.NewHandler(filehttp.Config{Lookup: lookup, TTL: time.Minute, Window: time.Minute}) },
		"negative window": func() { filehttp.NewHandler(filehttp.Config{Lookup: lookup, Window: -1}) },
		"no backend":      func() { filehttp.NewSignedHandler(nil, s.signer, filehttp.SignedOptions{}) },
		"no signer":       func() { filehttp.NewSignedHandler(s, nil, filehttp.SignedOptions{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			make()
		}()
	}
}
