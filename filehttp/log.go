package filehttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"syscall"
)

// queries matches the query string of a URL inside a text.
var queries = regexp.MustCompile(`\?[^\s"'<>]+`)

// withoutQueries removes the query strings of URLs from a text, for in them are signatures.
func withoutQueries(text string) string { return queries.ReplaceAllString(text, "?…") }

// report logs a failure that is this server's or its store's. What clients do wrong, and that they leave, is not logged.
func report(logger *slog.Logger, r *http.Request, message string, err error) {
	left := errors.Is(r.Context().Err(), context.Canceled) || clientGone(err)
	if logger == nil || left || StatusOf(err) < http.StatusInternalServerError || errors.Is(err, errBusy) {
		return
	}
	logger.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, message,
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("error", withoutQueries(err.Error())))
}

func clientGone(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
