package neterror_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/dossier-go/dossier/internal/neterror"
)

// Each error has its class, bare and as net/http and SDKs wrap it, so that nothing depends on texts or on one layer.
func TestErrorsHaveTheirClassHoweverWrapped(t *testing.T) {
	t.Parallel()
	op := func(op string, err error) error { return &net.OpError{Op: op, Net: "tcp", Err: err} }
	call := func(err error) error { return os.NewSyscallError("call", err) }
	for _, c := range []struct {
		err  error
		want neterror.Class
	}{
		{op("dial", &net.DNSError{Name: "x.invalid", IsNotFound: true}), neterror.DNS},
		{&net.DNSError{IsTimeout: true}, neterror.DNS},
		{op("dial", call(syscall.ECONNREFUSED)), neterror.Refused},
		{syscall.EHOSTUNREACH, neterror.Refused},
		{op("dial", errors.New("of a system not known here")), neterror.Refused},
		{x509.UnknownAuthorityError{}, neterror.TLS},
		{x509.HostnameError{Certificate: &x509.Certificate{}}, neterror.TLS},
		{x509.CertificateInvalidError{Cert: &x509.Certificate{}}, neterror.TLS},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, neterror.TLS},
		{tls.RecordHeaderError{}, neterror.TLS},
		{tls.AlertError(40), neterror.TLS},
		{op("remote error", tls.AlertError(48)), neterror.TLS},
		{op("remote error", errors.New("an alert's type is not exported")), neterror.TLS},
		{op("local error", errors.New("an alert's type is not exported")), neterror.TLS},
		{http.ErrSchemeMismatch, neterror.TLS},
		{os.ErrDeadlineExceeded, neterror.Timeout},
		{op("read", os.ErrDeadlineExceeded), neterror.Timeout},
		{op("dial", call(syscall.ETIMEDOUT)), neterror.Timeout},
		{timeoutError{}, neterror.Timeout},
		{errors.Join(errors.New("first"), timeoutError{}), neterror.Timeout},
		{op("read", call(syscall.ECONNRESET)), neterror.Broken},
		{op("write", call(syscall.EPIPE)), neterror.Broken},
		{syscall.ECONNABORTED, neterror.Broken},
		{io.ErrUnexpectedEOF, neterror.Broken},
		{io.EOF, neterror.Broken},
		{net.ErrClosed, neterror.Broken},
		{op("read", net.ErrClosed), neterror.Broken},
		{op("read", errors.New("something else")), neterror.Other},
		{&url.Error{Op: "Put", Err: errors.New("http: server closed idle connection")}, neterror.Other},
	} {
		for _, err := range []error{
			c.err, fmt.Errorf("sdk: %w", c.err), &url.Error{Op: "Put", URL: "https://host/key", Err: c.err},
			errors.Join(errors.New("other"), c.err),
		} {
			if got := neterror.Classify(err); got != c.want {
				t.Errorf("%T %v: %v, want %v", err, err, got, c.want)
			}
		}
	}
}

type timeoutError struct{}

func (timeoutError) Error() string { return "i/o timeout" }
func (timeoutError) Timeout() bool { return true }

// What the caller did, and what has nothing to do with a network, is no failure of it: it must not be retried as one.
func TestWhatIsNoNetworkFailureIsNone(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		nil, context.Canceled, context.DeadlineExceeded, errors.New("connection refused"), os.ErrNotExist,
		errors.Join(context.Canceled, syscall.ECONNRESET),
		fmt.Errorf("%w: %w", context.DeadlineExceeded, os.ErrDeadlineExceeded),
		&net.OpError{Op: "dial", Err: context.Canceled},
	} {
		if got := neterror.Classify(err); got != neterror.None || neterror.Transient(err) {
			t.Errorf("%v: %v", err, got)
		}
		if wrapped := (&url.Error{Op: "Get", Err: err}); err != nil && errors.Is(err, context.DeadlineExceeded) &&
			neterror.Classify(wrapped) != neterror.None {
			t.Errorf("%v: %v", wrapped, neterror.Classify(wrapped))
		}
	}
}

// Repeating helps unless both sides cannot agree or the name does not exist.
func TestTransient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&net.DNSError{IsNotFound: true}, false},
		{&net.DNSError{IsTemporary: true}, true},
		{x509.UnknownAuthorityError{}, false},
		{syscall.ECONNREFUSED, true},
		{syscall.ECONNRESET, true},
		{os.ErrDeadlineExceeded, true},
		{&url.Error{Op: "Put", Err: errors.New("http: server closed idle connection")}, true},
	} {
		if got := neterror.Transient(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestClassesHaveNames(t *testing.T) {
	t.Parallel()
	for class, want := range map[neterror.Class]string{
		neterror.None: "none", neterror.DNS: "dns", neterror.TLS: "tls", neterror.Timeout: "timeout",
		neterror.Refused: "refused", neterror.Broken: "broken", neterror.Other: "other", -1: "unknown", 99: "unknown",
	} {
		if class.String() != want {
			t.Errorf("%d is %q", int(class), class)
		}
	}
}

// Real failures of net/http have the class that one expects: the types of the table are those that occur.
func TestRealFailures(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = nil
	plain := httptest.NewServer(http.HandlerFunc(breakOff))
	t.Cleanup(plain.Close)
	refusing, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	for _, c := range []struct {
		name, url string
		want      neterror.Class
	}{
		{"unknown authority", secure.URL, neterror.TLS},
		{"HTTP instead of TLS", "https" + plain.URL[len("http"):], neterror.TLS},
		{"refused", "http://" + refusing.Addr().String(), neterror.Refused},
		{"closed before the answer", plain.URL + "/close", neterror.Broken},
		{"closed within the body", plain.URL + "/short", neterror.Broken},
		{"no answer in time", plain.URL + "/slow", neterror.Timeout},
	} {
		transport := &http.Transport{ResponseHeaderTimeout: 100 * time.Millisecond}
		err := get(t, transport, c.url)
		if got := neterror.Classify(err); got != c.want {
			t.Errorf("%s: %v (%#v), want %v", c.name, got, err, c.want)
		}
		transport.CloseIdleConnections()
	}
}

// An ended context is none, whatever the request was doing.
func TestEndedRequestIsNone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(breakOff))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = http.DefaultClient.Do(request)
	if got := neterror.Classify(err); err == nil || got != neterror.None {
		t.Errorf("%v: %v", err, got)
	}
}

func get(t *testing.T, transport http.RoundTripper, address string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// breakOff is a server that does what its path says.
func breakOff(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/short":
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	case "/slow":
		<-r.Context().Done()
	default:
		panic(http.ErrAbortHandler)
	}
}
