package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Proxy stands between a backend and its HTTP server and breaks requests as its plan says. It passes on everything else
// as it is, the Host header field too, so that signatures stay valid. It speaks HTTP/1.1 without TLS.
type Proxy struct {
	target    *url.URL
	server    *httptest.Server
	transport *http.Transport

	mu    sync.Mutex
	plan  Plan
	count int
}

// Plan decides on the fault of a request; nil means none. index counts the requests since the plan was made, from 0. It is
// called from one goroutine at a time and must not read the body.
type Plan func(index int, r *http.Request) *Fault

// NewProxy starts a proxy on a local port in front of the server at target, an http URL without a path. It ends with the
// test.
func NewProxy(t *testing.T, target string) *Proxy {
	t.Helper()
	parsed, err := url.Parse(target)
	if err != nil || parsed.Scheme != "http" || parsed.Host == "" {
		t.Fatalf("the target of a proxy is http://host:port, not %q", target)
	}
	p := &Proxy{target: parsed, transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	p.server = httptest.NewUnstartedServer(p)
	p.server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	p.server.Start()
	t.Cleanup(p.Close)
	return p
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// URL is where the proxy listens: http://host:port.
func (p *Proxy) URL() string { return p.server.URL }

// Host is where the proxy listens: host:port.
func (p *Proxy) Host() string { return p.server.Listener.Addr().String() }

// Follow replaces the plan and begins to count anew. A nil plan breaks nothing.
func (p *Proxy) Follow(plan Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.count = plan, 0
}

// Requests is how many requests came since the last Follow.
func (p *Proxy) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Close refuses all further connections and breaks those that there are. It may be repeated.
func (p *Proxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
	p.transport.CloseIdleConnections()
}

func (p *Proxy) next(r *http.Request) *Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	index := p.count
	p.count++
	if p.plan == nil {
		return nil
	}
	return p.plan(index, r)
}

// ServeHTTP implements [http.Handler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := p.next(r)
	if fault == nil {
		fault = &Fault{}
	}
	switch fault.Kind {
	case ResetRequest:
		reset(r)
	case Answer:
		answer(w, r, fault)
	case StallRequest:
		body, _ := io.ReadAll(r.Body) // until it is read, nobody notices that the client leaves
		fault.wait(r)
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.forward(w, r, fault)
	case ResetUpload:
		p.sendHalf(r, fault.After)
		reset(r)
	default:
		p.forward(w, r, fault)
	}
}

var errBroken = errors.New("the proxy breaks the request off")

// brokenBody ends a request in the middle of its body.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errBroken }

// sendHalf sends a request with at most that much of its body, and never with all of it.
func (p *Proxy) sendHalf(r *http.Request, after int64) {
	if r.ContentLength == 0 {
		return
	}
	if r.ContentLength > 0 {
		after = min(after, r.ContentLength-1)
	}
	answer, err := p.send(r, io.MultiReader(io.LimitReader(r.Body, after), brokenBody{}))
	if err == nil {
		_ = answer.Body.Close() // refused before the body was read
	}
}

// send sends a request on with a body, as it came.
func (p *Proxy) send(r *http.Request, body io.Reader) (*http.Response, error) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	out := &http.Request{
		Method: r.Method, Host: r.Host, Header: r.Header.Clone(), ContentLength: r.ContentLength, Body: io.NopCloser(body),
		URL: &url.URL{Scheme: p.target.Scheme, Host: p.target.Host, Opaque: path, RawQuery: r.URL.RawQuery},
	}
	if r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	out.Header.Del("Connection")
	if _, there := out.Header["User-Agent"]; !there {
		out.Header["User-Agent"] = nil // none is sent either
	}
	return p.transport.RoundTrip(out.WithContext(r.Context()))
}

// forward asks the server and gives its answer, with what the fault does to it.
func (p *Proxy) forward(w http.ResponseWriter, r *http.Request, fault *Fault) {
	body := io.Reader(r.Body)
	var kept bytes.Buffer
	if fault.Kind == Duplicate {
		body = io.TeeReader(r.Body, &kept)
	}
	got, err := p.send(r, body)
	if err != nil {
		reset(r)
	}
	defer func() { _ = got.Body.Close() }() // whoever reads it sees its errors
	switch fault.Kind {
	case Duplicate:
		if again, err := p.send(r, &kept); err == nil {
			_, _ = io.Copy(io.Discard, again.Body) // the answer that nobody waits for
			_ = again.Body.Close()
		}
	case LoseAnswer, StallAnswer:
		_, _ = io.Copy(io.Discard, got.Body) // so that the server has done all of it
		fault.wait(r)
		reset(r)
	}
	for name, values := range got.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(got.StatusCode)
	if fault.Kind == CutAnswer {
		cut(w, r, got.Body, fault.After)
	}
	if _, err := io.Copy(flushed{w}, got.Body); err != nil {
		reset(r)
	}
}

// cut ends an answer after some bytes as if the line went down there.
func cut(w http.ResponseWriter, r *http.Request, body io.Reader, after int64) {
	_, err := io.CopyN(flushed{w}, body, after)
	if errors.Is(err, io.EOF) {
		reset(r)
	}
	panic(http.ErrAbortHandler)
}

// flushed sends every piece at once.
type flushed struct{ http.ResponseWriter }

func (f flushed) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if flusher, ok := f.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
	return n, err
}

// reset closes the client's connection with a TCP reset. It does not return. The connection is closed here, because package
// net/http would first wait for the rest of the body, which a client holds back for as long as it was told to expect an answer.
func reset(r *http.Request) {
	if tcp, ok := r.Context().Value(connKey{}).(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it is closed in the usual way
		_ = tcp.Close()
	}
	panic(http.ErrAbortHandler)
}

// answer gives the fault's answer instead of the server's.
func answer(w http.ResponseWriter, r *http.Request, fault *Fault) {
	_, _ = io.Copy(io.Discard, r.Body) // a server may read it before it refuses; so the client surely gets the answer
	for name, values := range fault.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(fault.Body)))
	w.WriteHeader(fault.Status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, fault.Body) // the client may be gone
	}
}
