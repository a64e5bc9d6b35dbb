package backendtest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// HandlerClient serves handler on a local port until the test ends and returns a client whose every request goes there,
// whatever host its URL names, in plain HTTP even for https URLs.
func HandlerClient(t *testing.T, handler http.Handler) *http.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	dialer := &net.Dialer{}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, server.Listener.Addr().String())
	}
	transport := &http.Transport{DisableCompression: true, DialContext: dial, DialTLSContext: dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
