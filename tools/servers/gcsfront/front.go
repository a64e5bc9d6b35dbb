// Package gcsfront is a handler before fake-gcs-server that checks what the emulator does not.
package gcsfront

import "net/http"

// New returns a front before the emulator's handler.
func New(emulator http.Handler, account *Account) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != TokenPath {
			emulator.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"access_token":"token","token_type":"Bearer","expires_in":3600}`))
	})
}
