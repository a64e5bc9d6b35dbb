package s3_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/s3"
)

// The source of a copy is escaped, so that no key names another object.
func TestCopySourceIsEscaped(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	mustPut(t, b, "a+b ü%2F?", "content")
	_, _ = b.Copy(t.Context(), "copy", "a+b ü%2F?", dossier.CopyOptions{})
	if have := m.last(t, isCopy).Header.Get("X-Amz-Copy-Source"); have != "bucket/a%2Bb%20%C3%BC%252F%3F" {
		t.Errorf("the source is %q", have)
	}
}

// A customer key goes with every part, which is refused without it.
func TestCustomerKeyIsSentWithParts(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{SSE: s3.Encryption{CustomerKey: make([]byte, 32)}})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	mustPut(t, b, "a", numbers(50_000))
	for _, r := range m.requests {
		if r.URL.Query().Has("partNumber") && r.Header.Get("X-Amz-Server-Side-Encryption-Customer-Key") == "" {
			t.Errorf("a part without the key: %s", r.URL)
		}
	}
}

// MaxSize is of all parts together, not of each alone.
func TestMaxSizeIsOfAllParts(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	upload, err := b.CreateUpload(t.Context(), "a", dossier.PutOptions{MaxSize: 5})
	if err != nil {
		t.Fatal(err)
	}
	var parts []dossier.Part
	for number := 1; number <= 2; number++ {
		part, err := b.PutPart(t.Context(), upload, number, dossier.BytesSource([]byte("123")))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	if _, err := b.CompleteUpload(t.Context(), upload, parts); !errors.Is(err, dossier.ErrTooLarge) {
		t.Errorf("%v; want ErrTooLarge", err)
	}
}

// What was begun is aborted although the context ended: in a copy, and when the upload is announced.
func TestEndedContextLeavesNoUpload(t *testing.T) {
	m := newModel(t)
	b := m.backend(t, s3.Config{})
	s3.SetLimits(b, 8<<10, 1<<30, 1<<30, 1000)
	mustPut(t, b, "source", "content")
	ctx, cancel := context.WithCancel(t.Context())
	opts := dossier.PutOptions{OnUploadID: func(string) error { cancel(); return ctx.Err() }}
	src := dossier.BytesSource([]byte(numbers(50_000)))
	if _, err := b.Put(ctx, "a", src, opts); !errors.Is(err, context.Canceled) || m.pending() != 0 {
		t.Errorf("announced: %v, %d uploads left", err, m.pending())
	}
	ctx, cancel = context.WithCancel(t.Context())
	m.breaks(func(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if isCopy(r) {
			cancel()
		}
		return false
	})
	_, err := b.Copy(ctx, "copy", "source", dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}})
	if !errors.Is(err, context.Canceled) || m.pending() != 0 {
		t.Errorf("copy: %v, %d uploads left", err, m.pending())
	}
}
