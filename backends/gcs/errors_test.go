package gcs_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// TestWhatTheStoreAnswersIsToldApart: "not found" only on positive evidence, and the rest by what the caller can do.
func TestWhatTheStoreAnswersIsToldApart(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name            string
		status          int
		reason, message string
		want            error
		retryable       bool
	}{
		{"no object", 404, "notFound", "No such object: bucket/a", dossier.ErrNotExist, false},
		{"no bucket", 404, "notFound", "The specified bucket does not exist.", dossier.ErrNoContainer, false},
		{"no credentials", 401, "required", "Anonymous caller does not have storage.objects.get access", dossier.ErrUnauthenticated, false},
		{"forbidden", 403, "forbidden", "does not have storage.objects.get access", dossier.ErrPermission, false},
		{"a limit as 403", 403, "rateLimitExceeded", "slow down", dossier.ErrThrottled, true},
		{"a limit", 429, "rateLimitExceeded", "slow down", dossier.ErrThrottled, true},
		{"broken", 500, "backendError", "internal error", dossier.ErrUnavailable, true},
		{"down", 503, "backendError", "down", dossier.ErrUnavailable, true},
		{"malformed", 400, "invalid", "invalid argument", dossier.ErrInvalid, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.before = func(w http.ResponseWriter, _ *http.Request) bool {
				_, text, _ := failure(row.status, row.reason, row.message)
				w.Header().Set("Retry-After", "1")
				w.Header().Set("X-Guploader-Uploadid", "request")
				w.WriteHeader(row.status)
				_, _ = w.Write(text)
				return true
			}
			_, err := f.backend(t, nil).Stat(t.Context(), "a")
			wantError(t, err, row.want)
			var known *dossier.Error
			if !errors.As(err, &known) || known.Kind != row.want || known.Status != row.status || known.Retryable != row.retryable || //nolint:errorlint // the kind itself
				known.RetryAfter != time.Second || known.RequestID != "request" {
				t.Errorf("%+v", known)
			}
			if errors.Is(err, dossier.ErrNotExist) != (row.want == dossier.ErrNotExist) { //nolint:errorlint // the same
				t.Errorf("%v: is the object missing?", err)
			}
		})
	}
}

// TestAMissingBucketIsNotAMissingObject, also when the answer does not say which of them is meant.
func TestAMissingBucketIsNotAMissingObject(t *testing.T) {
	t.Parallel()
	for _, bucket := range []bool{true, false} {
		f := newFake(t)
		f.before = func(w http.ResponseWriter, r *http.Request) bool {
			if bucket && strings.HasSuffix(r.URL.Path, "/o") {
				return false
			}
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		b := f.backend(t, nil)
		want := map[bool]error{true: dossier.ErrNotExist, false: dossier.ErrNoContainer}[bucket]
		_, err := b.Stat(t.Context(), "a")
		wantError(t, err, want)
		_, err = b.Get(t.Context(), "a", dossier.GetOptions{})
		wantError(t, err, want)
		err = b.Delete(t.Context(), "a", dossier.DeleteOptions{})
		if bucket != (err == nil) || !bucket && !errors.Is(err, want) {
			t.Errorf("delete: %v", err)
		}
		if bucket {
			continue
		}
		_, err = put(t, b, "a", "content", dossier.PutOptions{})
		wantError(t, err, want)
		for _, err := range b.List(t.Context(), dossier.ListOptions{}) {
			wantError(t, err, want)
		}
	}
}

// TestOutagesAreNeverNotFound, and their causes can be reached.
func TestOutagesAreNeverNotFound(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	noName := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}
	}}
	for name, row := range map[string]struct {
		endpoint  string
		transport http.RoundTripper
		cause     func(error) bool
		retryable bool
	}{
		"refused": {closed.URL, http.DefaultTransport, as[*net.OpError], true},
		"DNS":     {"http://127.0.0.1:1", noName, as[*net.DNSError], false},
		"TLS":     {secure.URL, http.DefaultTransport, as[*tls.CertificateVerificationError], false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBackend(t, row.endpoint, row.transport, nil)
			_, stat := b.Stat(t.Context(), "a")
			_, write := put(t, b, "a", "content", dossier.PutOptions{})
			remove := b.Delete(t.Context(), "a", dossier.DeleteOptions{})
			for _, err := range []error{stat, write, remove} {
				wantError(t, err, dossier.ErrUnavailable)
				var known *dossier.Error
				if !row.cause(err) || errors.Is(err, dossier.ErrNotExist) || dossier.OutcomeOf(err) != dossier.OutcomeNotApplied ||
					!errors.As(err, &known) || known.Retryable != row.retryable {
					t.Errorf("%v (retryable %v)", err, known.Retryable)
				}
			}
		})
	}
}

func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// TestEmptyPagesDoNotEndAListing: the store may answer with nothing but a token.
func TestEmptyPagesDoNotEndAListing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	pages := map[string]map[string]any{
		"":  {"nextPageToken": "1"},
		"1": {"items": []any{item("a"), item("b/"), item(".dossier/uploads/X")}, "prefixes": []string{"a/"}, "nextPageToken": "2"},
		"2": {"nextPageToken": "3"},
		"3": {"items": []any{item("c")}, "prefixes": []string{"a/"}},
	}
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(pages[r.URL.Query().Get("pageToken")]) == nil
	}
	var keys []string
	for info, err := range f.backend(t, nil).List(t.Context(), dossier.ListOptions{Delimiter: "/"}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	if want := []string{"a", "a/", "c"}; !slices.Equal(keys, want) {
		t.Errorf("%q, want %q: without reserved names and markers of folders, each once", keys, want)
	}
}

func item(name string) map[string]any {
	return map[string]any{"name": name, "generation": "1", "size": "0"}
}
