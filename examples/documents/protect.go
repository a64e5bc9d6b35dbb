package main

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// pagePolicy lets the page use its own script, style, icons and files, and nothing else (Content Security Policy 3).
// Pictures may also come from the origin of the store's links.
func pagePolicy(origin string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src " + strings.TrimSpace("'self' "+origin) +
		"; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// protected sets the header fields that every answer has. Those of files are stricter; filehttp sets them.
func protected(origin string, next http.Handler) http.Handler {
	policy := pagePolicy(origin)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		next.ServeHTTP(w, r)
	})
}

// ownHosts answers only to localhost, IP addresses and these names. A web page whose own name was made to point here
// (DNS rebinding) is of the same origin to the browser, so nothing else would keep it out.
func ownHosts(names []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if host == "localhost" || net.ParseIP(host) != nil || slices.Contains(names, host) {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "this server does not answer to that name; see -hosts", http.StatusMisdirectedRequest)
	})
}
