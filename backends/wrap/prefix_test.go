package wrap_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/backends/wrap"
)

func prefix(t *testing.T, b dossier.Backend, prefix string) dossier.Backend {
	t.Helper()
	p, err := wrap.Prefix(b, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func put(t *testing.T, b dossier.Backend, key, content string) dossier.Info {
	t.Helper()
	info, err := b.Put(t.Context(), key, dossier.BytesSource([]byte(content)), dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func keys(t *testing.T, b dossier.Backend, opts dossier.ListOptions) (all []string) {
	t.Helper()
	for info, err := range dossier.List(t.Context(), b, opts) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

// as is an extension that must be there.
func as[T any](t *testing.T, b dossier.Backend) T {
	t.Helper()
	extension, ok := dossier.As[T](b)
	if !ok {
		t.Fatalf("the backend is no %T", *new(T))
	}
	return extension
}

// The objects of a prefix are those below it: not its sibling's, whose name begins alike, and not what is reserved.
func TestAPrefixShowsWhatIsBelowItOnly(t *testing.T) {
	t.Parallel()
	store := memory.New(memory.Config{})
	for _, key := range []string{"a/x", "a/y/z", "ab", "ab/x", "a!", "b", "a", "a/.dossier/probe", "a/.dossier"} {
		put(t, store, key, key)
	}
	p := prefix(t, store, "a")
	if got := keys(t, p, dossier.ListOptions{}); !slices.Equal(got, []string{"x", "y/z"}) {
		t.Errorf("listed %q", got)
	}
	if got := keys(t, p, dossier.ListOptions{Delimiter: "/"}); !slices.Equal(got, []string{"x", "y/"}) {
		t.Errorf("folded %q", got)
	}
	if got := keys(t, p, dossier.ListOptions{After: "x"}); !slices.Equal(got, []string{"y/z"}) {
		t.Errorf("after x: %q", got)
	}
	for _, key := range []string{"../b", "/b", "", "b/../../b", ".dossier/probe"} {
		if _, err := p.Stat(t.Context(), key); !errors.Is(err, dossier.ErrInvalidKey) {
			t.Errorf("stat %q: %v", key, err)
		}
	}
	put(t, p, "new", "content")
	if info, err := store.Stat(t.Context(), "a/new"); err != nil || info.Size != 7 {
		t.Errorf("%+v, %v", info, err)
	}
	for key, err := range dossier.DeleteBatch(t.Context(), p, slices.Values([]string{"x", "b", "../b", "y/z"})) {
		if bad := key == "../b"; bad != errors.Is(err, dossier.ErrInvalidKey) || !bad && err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	want := []string{"a", "a!", "a/.dossier", "a/.dossier/probe", "a/new", "ab", "ab/x", "b"}
	if got := keys(t, store, dossier.ListOptions{}); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
}

// The journal of one prefix must never be executed on another, and a prefix in a prefix is the same place as the joined.
func TestTheStoreNamesThePrefix(t *testing.T) {
	t.Parallel()
	store := memory.New(memory.Config{Name: "bucket"})
	one, joined := prefix(t, store, "a/b"), prefix(t, prefix(t, store, "a/"), "b/")
	if got := one.Describe().Store; got != "mem:bucket/a/b" || joined.Describe() != one.Describe() {
		t.Errorf("%+v and %+v", one.Describe(), joined.Describe())
	}
	put(t, one, "k", "content")
	if got := keys(t, joined, dossier.ListOptions{}); !slices.Equal(got, []string{"k"}) {
		t.Errorf("listed %q", got)
	}
	if a := prefix(t, store, "a").Describe().Store; a == one.Describe().Store || a == store.Describe().Store {
		t.Errorf("the store %q is another one's", a)
	}
}

// A key that is too long with the prefix is refused here: the store would say something else of each kind.
func TestAPrefixTakesRoomFromTheKey(t *testing.T) {
	t.Parallel()
	requests := &counting{Backend: memory.New(memory.Config{})}
	p := prefix(t, requests, strings.Repeat("p", 23))
	if got := p.Describe().Limits.MaxKey; got != 1000 {
		t.Errorf("MaxKey is %d", got)
	}
	fits := strings.Repeat("abcdefghi/", 99) + strings.Repeat("x", 10)
	put(t, p, fits, "content")
	before := requests.count
	_, err := p.Put(t.Context(), fits+"y", dossier.BytesSource(nil), dossier.PutOptions{})
	var typed *dossier.Error
	if !errors.As(err, &typed) || typed.Kind != dossier.ErrInvalidKey || typed.Key != fits+"y" || requests.count != before { //nolint:errorlint // the kind itself
		t.Errorf("one byte more: %v after %d requests", err, requests.count-before)
	}
	deep := strings.Repeat("abcdefghi/", 102)
	for _, bad := range []string{"", "/", "a//", "../a", ".dossier", ".dossier/x", "a\\b", deep + "abcd", deep + "abc"} {
		if _, err := wrap.Prefix(requests, bad); !errors.Is(err, dossier.ErrInvalidKey) {
			t.Errorf("prefix %.20q: %v", bad, err)
		}
	}
	if _, err := wrap.Prefix(nil, "a"); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("no backend: %v", err)
	}
}

// counting counts the Puts that reach a store.
type counting struct {
	dossier.Backend
	count int
}

func (c *counting) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	c.count++
	return c.Backend.Put(ctx, key, src, opts)
}

// broken fails every call with the errors that a store behind a network makes of its keys.
type broken struct{ dossier.Forward }

var errLine = errors.New("the line is cut")

func (b broken) Put(_ context.Context, key string, _ dossier.Source, _ dossier.PutOptions) (dossier.Info, error) {
	cause := &dossier.Error{Op: "put part", Key: key, Err: errLine}
	return dossier.Info{}, &dossier.Error{
		Op: "put", Key: key, Kind: dossier.ErrUnavailable, Outcome: dossier.OutcomeUnknown, Leaked: &dossier.Upload{Key: key, ID: "7"}, Err: cause,
	}
}

func (b broken) Stat(_ context.Context, key string) (dossier.Info, error) {
	one := &dossier.Error{Op: "stat", Key: key, Kind: dossier.ErrThrottled, Status: 503}
	return dossier.Info{}, errors.Join(one, errLine)
}

func (b broken) Delete(_ context.Context, key string, _ dossier.DeleteOptions) error {
	return &decorated{&dossier.Error{Op: "delete", Key: key, Kind: dossier.ErrPermission, Status: 403}}
}

func (b broken) Uploads(_ context.Context, prefix string) iter.Seq2[dossier.Upload, error] {
	return func(yield func(dossier.Upload, error) bool) {
		yield(dossier.Upload{}, &dossier.Error{Op: "list uploads", Key: prefix, Err: errLine})
	}
}

// decorated is an error of somebody else around ours.
type decorated struct{ err error }

func (d *decorated) Error() string { return "decorated: " + d.err.Error() }
func (d *decorated) Unwrap() error { return d.err }

// An error names the key that the caller used, all the way down, and loses nothing else: whoever aborts the upload that
// it names does so through the same prefix.
func TestErrorsNameTheKeyBelowThePrefix(t *testing.T) {
	t.Parallel()
	p := prefix(t, broken{dossier.Forward{Inner: memory.New(memory.Config{})}}, "p")
	_, err := p.Put(t.Context(), "k", dossier.BytesSource(nil), dossier.PutOptions{})
	var outer, inner *dossier.Error
	if !errors.As(err, &outer) || outer.Key != "k" || *outer.Leaked != (dossier.Upload{Key: "k", ID: "7"}) ||
		!errors.Is(err, dossier.ErrOutcomeUnknown) || !errors.Is(err, dossier.ErrUnavailable) || !errors.Is(err, errLine) {
		t.Errorf("put: %#v", outer)
	}
	if !errors.As(outer.Err, &inner) || inner.Key != "k" || inner.Op != "put part" {
		t.Errorf("the cause of put: %#v", inner)
	}
	_, err = p.Stat(t.Context(), "k")
	if !errors.As(err, &outer) || outer.Key != "k" || outer.Status != 503 || !errors.Is(err, errLine) || strings.Contains(err.Error(), "p/k") {
		t.Errorf("stat: %v", err)
	}
	err = p.Delete(t.Context(), "k", dossier.DeleteOptions{})
	var other *decorated
	if !errors.As(err, &outer) || outer.Key != "k" || outer.Status != 403 || !errors.Is(err, dossier.ErrPermission) || !errors.As(err, &other) {
		t.Errorf("delete: %v", err)
	}
	for _, err := range as[dossier.MultipartBackend](t, p).Uploads(t.Context(), "k") {
		if !errors.As(err, &outer) || outer.Key != "k" || !errors.Is(err, errLine) {
			t.Errorf("uploads: %v", err)
		}
	}
}

// Reclaiming works on a whole store, so a tenant's prefix does not offer it: it would abort its neighbours' uploads.
func TestAPrefixDoesNotReclaimForOthers(t *testing.T) {
	t.Parallel()
	store := memory.New(memory.Config{})
	p := prefix(t, store, "a")
	if _, offered := dossier.As[dossier.Reclaimer](p); offered {
		t.Error("a prefix offers Reclaim")
	}
	if _, offered := p.(dossier.Reclaimer); offered {
		t.Error("a prefix has Reclaim")
	}
	foreign, err := store.CreateUpload(t.Context(), "b/k", dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := as[dossier.MultipartBackend](t, p)
	own, err := m.CreateUpload(t.Context(), "k", dossier.PutOptions{})
	if err != nil || own.Key != "k" {
		t.Fatalf("%+v, %v", own, err)
	}
	for upload, err := range m.Uploads(t.Context(), "") {
		if err != nil || upload != own {
			t.Errorf("%+v, %v; want %+v", upload, err, own)
		}
	}
	if err := m.AbortUpload(t.Context(), dossier.Upload{Key: "k", ID: foreign.ID}); err != nil {
		t.Error(err)
	}
	if _, err := store.PutPart(t.Context(), foreign, 1, dossier.BytesSource(nil)); err != nil {
		t.Errorf("the upload outside of the prefix: %v", err)
	}
}

// public is a store that anyone can read.
type public struct{ dossier.Backend }

func (public) PublicURL(key string) (string, error) { return "https://files.example/" + key, nil }

// What goes to others names the object as the store does: a URL without the prefix would be another object's.
func TestURLsHaveThePrefix(t *testing.T) {
	t.Parallel()
	p := prefix(t, public{memory.New(memory.Config{})}, "p")
	if url, err := dossier.PublicURL(p, "k"); err != nil || url != "https://files.example/p/k" {
		t.Errorf("%q, %v", url, err)
	}
	if _, err := dossier.PublicURL(p, "../k"); !errors.Is(err, dossier.ErrInvalidKey) {
		t.Errorf("%v", err)
	}
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "1", Secret: []byte(strings.Repeat("s", 32))})
	if err != nil {
		t.Fatal(err)
	}
	p = prefix(t, memory.New(memory.Config{Signer: signer, BaseURL: "https://files.example/"}), "p")
	signed, err := dossier.SignURLs(t.Context(), p, dossier.SignRequest{Key: "k", TTL: time.Hour}, dossier.SignRequest{Key: "l", TTL: time.Hour})
	if err != nil || !strings.HasPrefix(signed[0].URL, "https://files.example/p/k?") || !strings.HasPrefix(signed[1].URL, "https://files.example/p/l?") {
		t.Errorf("%v, %v", signed, err)
	}
	if _, ok := dossier.As[dossier.PublicURLer](p); ok {
		t.Error("a private store has public URLs in a prefix")
	}
}

// Asking for abilities never gives the store itself, with which a caller could leave the prefix.
func TestAsNeverLeavesThePrefix(t *testing.T) {
	t.Parallel()
	p := prefix(t, memory.New(memory.Config{}), "p")
	if b, ok := dossier.As[*memory.Backend](p); ok {
		t.Errorf("got %T", b)
	}
	for _, b := range []dossier.Backend{
		as[dossier.Lister](t, p), as[dossier.BatchDeleter](t, p), as[dossier.Copier](t, p), as[dossier.Mover](t, p),
		as[dossier.MultipartBackend](t, p), as[dossier.HeaderUpdater](t, p), as[dossier.Prober](t, p),
	} {
		if b != p {
			t.Errorf("got %T", b)
		}
	}
}

// rotten is a store whose bytes are not those that were written.
type rotten struct{ dossier.Backend }

func (r rotten) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	info, err := r.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	object := dossier.NewObject(info, 0, info.Size, io.NopCloser(strings.NewReader(strings.Repeat("x", int(info.Size)))))
	if opts.SkipVerify {
		return object, nil
	}
	return object.Verified(), nil
}

// The checksum is compared behind a prefix as well, unless the reader does not want it.
func TestAPrefixVerifiesFullReads(t *testing.T) {
	t.Parallel()
	store := memory.New(memory.Config{})
	p := prefix(t, rotten{store}, "p")
	put(t, p, "k", "content")
	for _, skip := range []bool{false, true} {
		object, err := p.Get(t.Context(), "k", dossier.GetOptions{SkipVerify: skip})
		if err != nil || object.Key != "k" {
			t.Fatalf("%+v, %v", object, err)
		}
		if _, err := io.ReadAll(object); errors.Is(err, dossier.ErrChecksum) == skip {
			t.Errorf("SkipVerify %v: %v", skip, err)
		}
		if err := object.Close(); err != nil {
			t.Error(err)
		}
	}
}
