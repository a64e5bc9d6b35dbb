package wrap_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/backends/wrap"
)

// signingStore is a store with every extension.
func signingStore(t *testing.T) *memory.Backend {
	t.Helper()
	signer, err := dossier.NewSigner(dossier.SigningKey{ID: "1", Secret: []byte(strings.Repeat("s", 32))})
	if err != nil {
		t.Fatal(err)
	}
	return memory.New(memory.Config{Signer: signer, BaseURL: "https://files.example/"})
}

// first returns the first error of a sequence.
func first[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}

// everything are the methods of the value that ReadOnly returns, whatever As says of them.
type everything interface {
	dossier.BatchDeleter
	dossier.Copier
	dossier.Mover
	dossier.FormSigner
	dossier.URLSigner
	dossier.MultipartBackend
	dossier.HeaderUpdater
	dossier.Reclaimer
	dossier.Prober
}

func writes(ctx context.Context, b everything, upload dossier.Upload) map[string]error {
	src := dossier.BytesSource([]byte("new"))
	sign := func(method string) error {
		_, err := b.SignURLs(ctx, []dossier.SignRequest{{Key: "k", TTL: time.Hour}, {Method: method, Key: "k", TTL: time.Hour}})
		return err
	}
	_, put := b.Put(ctx, "k", src, dossier.PutOptions{})
	_, copied := b.Copy(ctx, "new", "k", dossier.CopyOptions{})
	_, moved := b.Move(ctx, "new", "k", dossier.CopyOptions{})
	_, form := b.SignForm(ctx, dossier.FormRequest{Key: "k", TTL: time.Hour})
	_, created := b.CreateUpload(ctx, "k", dossier.PutOptions{})
	_, part := b.PutPart(ctx, upload, 1, src)
	_, completed := b.CompleteUpload(ctx, upload, nil)
	_, updated := b.UpdateHeader(ctx, "k", dossier.Replacement{}, dossier.Condition{})
	_, reclaimed := b.Reclaim(ctx, 0)
	_, probed := b.Probe(ctx)
	return map[string]error{
		"Put": put, "Delete": b.Delete(ctx, "k", dossier.DeleteOptions{}), "Copy": copied, "Move": moved, "SignForm": form,
		"DeleteBatch": first(b.DeleteBatch(ctx, slices.Values([]string{"k"}))), "SignURLs PUT": sign("PUT"), "SignURLs DELETE": sign("DELETE"),
		"CreateUpload": created, "PutPart": part, "Parts": first(b.Parts(ctx, upload)), "CompleteUpload": completed,
		"AbortUpload": b.AbortUpload(ctx, upload), "Uploads": first(b.Uploads(ctx, "")), "UpdateHeader": updated,
		"Reclaim": reclaimed, "Probe": probed,
	}
}

// Every writing method is refused before the store is asked.
func TestReadOnlyRefusesEveryWrite(t *testing.T) {
	t.Parallel()
	store := signingStore(t)
	before := put(t, store, "k", "content")
	upload, err := store.CreateUpload(t.Context(), "k", dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, ok := wrap.ReadOnly(store).(everything)
	if !ok {
		t.Fatal("a method is missing")
	}
	for name, err := range writes(t.Context(), b, upload) {
		var typed *dossier.Error
		if !errors.Is(err, dossier.ErrPermission) || !errors.As(err, &typed) || typed.Outcome != dossier.OutcomeNotApplied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now, err := store.Stat(t.Context(), "k"); err != nil || now.Version != before.Version {
		t.Errorf("%+v, %v", now, err)
	}
	if got := keys(t, store, dossier.ListOptions{}); !slices.Equal(got, []string{"k"}) {
		t.Errorf("the store has %q", got)
	}
	if _, err := store.CompleteUpload(t.Context(), upload, nil); err != nil {
		t.Errorf("the upload of somebody else: %v", err)
	}
}

// Reading works as before, and what is read is the same store.
func TestReadOnlyReads(t *testing.T) {
	t.Parallel()
	store := signingStore(t)
	info := put(t, store, "a/k", "content")
	b := wrap.ReadOnly(store)
	if content, err := dossier.ReadAll(t.Context(), b, "a/k", 0); err != nil || string(content) != "content" {
		t.Errorf("%q, %v", content, err)
	}
	if now, err := b.Stat(t.Context(), "a/k"); err != nil || now.Version != info.Version {
		t.Errorf("%+v, %v", now, err)
	}
	if got := keys(t, b, dossier.ListOptions{}); !slices.Equal(got, []string{"a/k"}) {
		t.Errorf("listed %q", got)
	}
	for _, method := range []string{"", "GET", "HEAD"} {
		signed, err := dossier.SignURLs(t.Context(), b, dossier.SignRequest{Method: method, Key: "a/k", TTL: time.Hour})
		if err != nil || len(signed) != 1 {
			t.Errorf("sign %s: %v", method, err)
		}
	}
	if b.Describe().Store != store.Describe().Store {
		t.Errorf("the store became %q", b.Describe().Store)
	}
	if err := b.(interface{ Close() error }).Close(); err != nil {
		t.Error(err)
	}
	if _, err := b.Stat(t.Context(), "a/k"); !errors.Is(err, dossier.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A capability or an extension that would be refused is not claimed, so that callers take another way instead of failing.
func TestReadOnlyClaimsNoWrites(t *testing.T) {
	t.Parallel()
	store := signingStore(t)
	b := wrap.ReadOnly(store)
	const kept = dossier.GetMatch | dossier.SuffixRange | dossier.StoresMetadata | dossier.StoresHeader | dossier.StoresCRC32C |
		dossier.ConsistentList | dossier.FlatKeys | dossier.SignGet
	if got := b.Describe().Capabilities; got != kept {
		t.Errorf("claims %v", got)
	}
	for name, offered := range map[string]bool{
		"BatchDeleter": offers[dossier.BatchDeleter](b), "Copier": offers[dossier.Copier](b), "Mover": offers[dossier.Mover](b),
		"FormSigner": offers[dossier.FormSigner](b), "MultipartBackend": offers[dossier.MultipartBackend](b),
		"HeaderUpdater": offers[dossier.HeaderUpdater](b), "Reclaimer": offers[dossier.Reclaimer](b), "Prober": offers[dossier.Prober](b),
		"the store itself": offers[*memory.Backend](b), "PublicURLer": offers[dossier.PublicURLer](b),
	} {
		if offered {
			t.Errorf("offers %s", name)
		}
	}
	if !offers[dossier.Lister](b) || !offers[dossier.URLSigner](b) {
		t.Error("listing or signing vanished")
	}
}

func offers[T any](b dossier.Backend) bool {
	_, ok := dossier.As[T](b)
	return ok
}

// only hides all extensions but those that are embedded.
type only struct{ dossier.Backend }

type onlyLists struct {
	only
	store *memory.Backend
}

func (o onlyLists) List(ctx context.Context, opts dossier.ListOptions) iter.Seq2[dossier.Info, error] {
	return o.store.List(ctx, opts)
}

// Which reading extensions there are is the inner backend's matter, for every combination, and unwrapping gives none back
// that writes.
func TestReadOnlyOffersWhatTheStoreHas(t *testing.T) {
	t.Parallel()
	store := signingStore(t)
	for name, row := range map[string]struct {
		inner                   dossier.Backend
		lists, signs, publishes bool
	}{
		"core":          {only{store}, false, false, false},
		"lists":         {onlyLists{only{store}, store}, true, false, false},
		"publishes":     {public{store}, false, false, true},
		"lists, signs":  {store, true, true, false},
		"all":           {published{store}, true, true, true},
		"signs":         {signs{only{store}, store}, false, true, false},
		"signs, public": {signsAndPublishes{signs{only{store}, store}}, false, true, true},
		"lists, public": {listsAndPublishes{onlyLists{only{store}, store}}, true, false, true},
	} {
		b := wrap.ReadOnly(row.inner)
		if offers[dossier.Lister](b) != row.lists || offers[dossier.URLSigner](b) != row.signs || offers[dossier.PublicURLer](b) != row.publishes {
			t.Errorf("%s: offers Lister %v, URLSigner %v, PublicURLer %v", name,
				offers[dossier.Lister](b), offers[dossier.URLSigner](b), offers[dossier.PublicURLer](b))
		}
		for {
			w, wraps := b.(dossier.Wrapper)
			if !wraps {
				break
			}
			b = w.Wrapped()
			if _, err := b.Put(t.Context(), "k", dossier.BytesSource(nil), dossier.PutOptions{}); !errors.Is(err, dossier.ErrPermission) {
				t.Errorf("%s: unwrapped to %T, put: %v", name, b, err)
			}
			if err := b.Delete(t.Context(), "k", dossier.DeleteOptions{}); !errors.Is(err, dossier.ErrPermission) {
				t.Errorf("%s: unwrapped to %T, delete: %v", name, b, err)
			}
		}
	}
}

type published struct{ *memory.Backend }

func (published) PublicURL(key string) (string, error) { return "https://files.example/" + key, nil }

type signs struct {
	only
	store *memory.Backend
}

func (s signs) SignURLs(ctx context.Context, reqs []dossier.SignRequest) ([]dossier.SignedRequest, error) {
	return s.store.SignURLs(ctx, reqs)
}

type signsAndPublishes struct{ signs }

func (signsAndPublishes) PublicURL(key string) (string, error) { return key, nil }

type listsAndPublishes struct{ onlyLists }

func (listsAndPublishes) PublicURL(key string) (string, error) { return key, nil }

// Decorators stand in front of each other in any order.
func TestAPrefixOfAReadOnlyStore(t *testing.T) {
	t.Parallel()
	store := signingStore(t)
	put(t, store, "p/k", "content")
	for name, b := range map[string]dossier.Backend{
		"prefix of read-only": prefix(t, wrap.ReadOnly(store), "p"), "read-only of prefix": wrap.ReadOnly(prefix(t, store, "p")),
	} {
		if got := keys(t, b, dossier.ListOptions{}); !slices.Equal(got, []string{"k"}) {
			t.Errorf("%s: listed %q", name, got)
		}
		if err := b.Delete(t.Context(), "k", dossier.DeleteOptions{}); !errors.Is(err, dossier.ErrPermission) {
			t.Errorf("%s: delete: %v", name, err)
		}
		if offers[dossier.MultipartBackend](b) || offers[dossier.Copier](b) || !offers[dossier.URLSigner](b) {
			t.Errorf("%s: offers what is refused, or not what is there", name)
		}
		if b.Describe().Store != store.Describe().Store+"/p" {
			t.Errorf("%s: store %q", name, b.Describe().Store)
		}
	}
}
