package dossier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// registered hands out b behind the decorator, under the name "uploads".
func registered(t *testing.T, b dossier.Backend) dossier.Backend {
	t.Helper()
	var r dossier.Registry
	r.Replace("uploads", b)
	return must[dossier.Backend](t)(r.Backend("uploads"))
}

// everything is a fake with every extension, none of which may be reached.
type everything struct {
	*fakeBackend
	dossier.Forward
}

func (e everything) Describe() dossier.Description { return e.fakeBackend.Describe() }
func (e everything) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	return e.fakeBackend.Put(ctx, key, src, opts)
}

func (e everything) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	return e.fakeBackend.Get(ctx, key, opts)
}
func (e everything) Stat(ctx context.Context, key string) (dossier.Info, error) {
	return e.fakeBackend.Stat(ctx, key)
}

func (e everything) Delete(ctx context.Context, key string, opts dossier.DeleteOptions) error {
	return e.fakeBackend.Delete(ctx, key, opts)
}

// first returns the first error of a sequence.
func first[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}

// calls are all methods of the decorator that take a key, as one function of it.
func calls(ctx context.Context, b dossier.Backend) map[string]func(key string) error {
	all := b.(everyMethod)
	upload := func(key string) dossier.Upload { return dossier.Upload{Key: key, ID: "1"} }
	return map[string]func(key string) error{
		"put":    func(key string) error { _, err := b.Put(ctx, key, dossier.Source{}, dossier.PutOptions{}); return err },
		"get":    func(key string) error { _, err := b.Get(ctx, key, dossier.GetOptions{}); return err },
		"stat":   func(key string) error { _, err := b.Stat(ctx, key); return err },
		"delete": func(key string) error { return b.Delete(ctx, key, dossier.DeleteOptions{}) },
		"batch":  func(key string) error { return first(all.DeleteBatch(ctx, slices.Values([]string{key}))) },
		"copy to": func(key string) error {
			_, err := all.Copy(ctx, key, "a", dossier.CopyOptions{})
			return err
		},
		"copy from": func(key string) error { _, err := all.Copy(ctx, "a", key, dossier.CopyOptions{}); return err },
		"move to":   func(key string) error { _, err := all.Move(ctx, key, "a", dossier.CopyOptions{}); return err },
		"move from": func(key string) error { _, err := all.Move(ctx, "a", key, dossier.CopyOptions{}); return err },
		"sign": func(key string) error {
			_, err := all.SignURLs(ctx, []dossier.SignRequest{{Key: "a", TTL: 1}, {Key: key, TTL: 1}})
			return err
		},
		"form":   func(key string) error { _, err := all.SignForm(ctx, dossier.FormRequest{Key: key, TTL: 1}); return err },
		"create": func(key string) error { _, err := all.CreateUpload(ctx, key, dossier.PutOptions{}); return err },
		"part": func(key string) error {
			_, err := all.PutPart(ctx, upload(key), 1, dossier.Source{})
			return err
		},
		"parts":    func(key string) error { return first(all.Parts(ctx, upload(key))) },
		"complete": func(key string) error { _, err := all.CompleteUpload(ctx, upload(key), nil); return err },
		"abort":    func(key string) error { return all.AbortUpload(ctx, upload(key)) },
		"update": func(key string) error {
			_, err := all.UpdateHeader(ctx, key, dossier.Replacement{}, dossier.Condition{})
			return err
		},
	}
}

type everyMethod interface {
	dossier.BatchDeleter
	dossier.Copier
	dossier.Mover
	dossier.URLSigner
	dossier.FormSigner
	dossier.MultipartBackend
	dossier.HeaderUpdater
	dossier.Lister
}

// One decorator guards every backend: a key that leaves the root must not get as far as any code that joins paths.
func TestRegisteredBackendChecksKeysBeforeAnyIO(t *testing.T) {
	t.Parallel()
	b := registered(t, everything{fakeBackend: &fakeBackend{t: t}})
	for name, call := range calls(t.Context(), b) {
		for _, key := range badKeys {
			err := call(key)
			if !errors.Is(err, dossier.ErrInvalidKey) || !strings.Contains(err.Error(), "uploads") {
				t.Errorf("%s of %.20q: %v, want ErrInvalidKey with the backend's name", name, key, err)
			}
		}
	}
	for _, prefix := range []string{"../", "/", "a//", `a\`, "\x00"} {
		all := b.(everyMethod)
		for name, err := range map[string]error{
			"list": first(all.List(t.Context(), dossier.ListOptions{Prefix: prefix})), "uploads": first(all.Uploads(t.Context(), prefix)),
		} {
			if !errors.Is(err, dossier.ErrInvalidKey) || !strings.Contains(err.Error(), "uploads") {
				t.Errorf("%s of %q: %v, want ErrInvalidKey", name, prefix, err)
			}
		}
	}
}

// Wrong options are refused before any side effect, whatever the store would make of them.
func TestRegisteredBackendChecksOptionsBeforeAnyIO(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), registered(t, everything{fakeBackend: &fakeBackend{t: t}})
	all := b.(everyMethod)
	both := dossier.Condition{IfAbsent: true, Match: "v1"}
	bad := dossier.Replacement{Metadata: map[string]string{"Upper": ""}}
	_, put := b.Put(ctx, "a", dossier.Source{}, dossier.PutOptions{If: both})
	_, get := b.Get(ctx, "a", dossier.GetOptions{Range: dossier.Range{Offset: -1, Length: 1}})
	_, getIf := b.Get(ctx, "a", dossier.GetOptions{If: dossier.Condition{IfAbsent: true}})
	_, copied := all.Copy(ctx, "b", "a", dossier.CopyOptions{Replace: &bad})
	_, moved := all.Move(ctx, "b", "a", dossier.CopyOptions{SourceIf: dossier.Condition{NotMatch: "v1"}})
	_, signed := all.SignURLs(ctx, []dossier.SignRequest{{Key: "a", TTL: -1}})
	_, form := all.SignForm(ctx, dossier.FormRequest{Key: "a", TTL: 1, MinLength: 2, MaxLength: 1})
	_, created := all.CreateUpload(ctx, "a", dossier.PutOptions{MaxSize: -1})
	_, part := all.PutPart(ctx, dossier.Upload{Key: "a"}, 0, dossier.Source{})
	_, completed := all.CompleteUpload(ctx, dossier.Upload{Key: "a"}, []dossier.Part{{Number: 2}, {Number: 1}})
	_, updated := all.UpdateHeader(ctx, "a", bad, dossier.Condition{})
	_, updatedIf := all.UpdateHeader(ctx, "a", dossier.Replacement{}, dossier.Condition{IfAbsent: true})
	for name, err := range map[string]error{
		"put": put, "get": get, "conditional get": getIf, "copy": copied, "move": moved, "sign": signed, "form": form, "create": created,
		"part": part, "complete": completed, "update": updated, "conditional update": updatedIf,
		"delete": b.Delete(ctx, "a", dossier.DeleteOptions{If: dossier.Condition{NotMatch: "v1"}}),
		"list":   first(all.List(ctx, dossier.ListOptions{Delimiter: "-"})),
		"pages":  first(all.List(ctx, dossier.ListOptions{PageSize: 1001})),
	} {
		if !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), "uploads") {
			t.Errorf("%s: %v, want ErrInvalid with the backend's name", name, err)
		}
	}
}

// Whatever goes wrong below, the operator sees which of the registered stores it was, and programs see what it was.
func TestRegisteredBackendNamesItselfInErrors(t *testing.T) {
	t.Parallel()
	plain := errors.New("connection reset")
	typed := &dossier.Error{Op: "put", Backend: "mem", Key: "a", Kind: dossier.ErrThrottled, RetryAfter: time.Second, Status: 503, Retryable: true}
	for name, err := range map[string]error{
		"plain": plain, "typed": typed, "joined": errors.Join(typed, plain), "wrapped": fmt.Errorf("while flushing: %w", typed),
	} {
		b := registered(t, &fakeBackend{t: t, stat: func(context.Context, string) (dossier.Info, error) { return dossier.Info{}, err }})
		_, got := b.Stat(t.Context(), "a")
		var failure *dossier.Error
		if !errors.As(got, &failure) || failure.Backend != "uploads" || !errors.Is(got, plain) && !errors.Is(got, dossier.ErrThrottled) {
			t.Errorf("%s: %v", name, got)
			continue
		}
		if name != "plain" && (failure.RetryAfter != time.Second || failure.Status != 503 || !failure.Retryable) {
			t.Errorf("%s: %+v lost what the store said", name, failure)
		}
	}
	if typed.Backend != "mem" {
		t.Error("the backend's own error was changed; it may be shared")
	}
}

// Reading goes on after Get: its errors too name the store.
func TestRegisteredBackendNamesItselfWhileReading(t *testing.T) {
	t.Parallel()
	inner := &shelf{}
	info := store(t, inner, "a", "content")
	inner.objects["a"] = shelved{info, []byte("cOntent")}
	b := registered(t, inner)
	if _, err := dossier.ReadAll(t.Context(), b, "a", 0); !errors.Is(err, dossier.ErrChecksum) || !strings.HasPrefix(err.Error(), "read uploads:a: checksum mismatch") {
		t.Errorf("%v, want ErrChecksum with the name", err)
	}
	object := must[*dossier.Object](t)(b.Get(t.Context(), "a", dossier.GetOptions{SkipVerify: true}))
	if _, err := io.ReadAll(object); err != nil {
		t.Errorf("without verification: %v", err)
	}
	object.Close()
	if _, err := object.Read(make([]byte, 1)); fmt.Sprint(err) != "read uploads:a: closed" {
		t.Errorf("%v", err)
	}
}

// One bad key among many is reported; the good ones are deleted all the same, each with one result.
func TestRegisteredBackendReportsBadKeysOfABatch(t *testing.T) {
	t.Parallel()
	inner := &shelf{}
	store(t, inner, "a", "content")
	store(t, inner, "b", "content")
	b := registered(t, inner)
	got := maps.Collect(dossier.DeleteBatch(t.Context(), b, slices.Values([]string{"a", "../x", "b", "y//z"})))
	if len(got) != 4 || got["a"] != nil || got["b"] != nil || len(inner.objects) != 0 ||
		!errors.Is(got["../x"], dossier.ErrInvalidKey) || !errors.Is(got["y//z"], dossier.ErrInvalidKey) {
		t.Errorf("%v", got)
	}
}

// A caller that leaves a sequence early must be able to, at any place.
func TestRegisteredBackendSequencesCanBeLeft(t *testing.T) {
	t.Parallel()
	inner := &indexedShelf{}
	for _, key := range []string{"a", "b", "c"} {
		store(t, inner, key, "content")
	}
	b := registered(t, inner)
	for range dossier.List(t.Context(), b, dossier.ListOptions{}) {
		break
	}
	for _, keys := range [][]string{{"a", "..", "b"}, {"..", "/"}} {
		for range dossier.DeleteBatch(t.Context(), b, slices.Values(keys)) {
			break
		}
	}
	if len(inner.objects) != 2 {
		t.Errorf("%d objects left, want 2", len(inner.objects))
	}
}
