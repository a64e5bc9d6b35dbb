package main

import (
	"io"
	"net/http"
)

// problems makes errors that handlers of the standard library and of filehttp answer in plain text problems too.
func problems(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&problemWriter{ResponseWriter: w}, r)
	})
}

type problemWriter struct {
	http.ResponseWriter
	replaced bool // what the handler writes is dropped
}

// WriteHeader implements [http.ResponseWriter].
func (w *problemWriter) WriteHeader(status int) {
	if status < http.StatusBadRequest || w.Header().Get("Content-Type") == problemType {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.replaced = true
	writeProblem(w.ResponseWriter, status, details[status])
}

// Write implements [http.ResponseWriter].
func (w *problemWriter) Write(p []byte) (int, error) {
	if w.replaced {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom implements [io.ReaderFrom], so that the kernel can send files.
func (w *problemWriter) ReadFrom(src io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, src) }

// Unwrap lets [http.ResponseController] through.
func (w *problemWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
