package dossier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// transparent is a wrapper that changes nothing.
type transparent struct{ dossier.Forward }

func has[T any](b dossier.Backend) bool { _, ok := dossier.As[T](b); return ok }

// A wrapper that claims what its store cannot do sends a caller down a path that fails late; one that hides what the
// store can do makes everything slow. So the answer is the same through any number of wrappers.
func TestAsIsTruthfulThroughWrappers(t *testing.T) {
	t.Parallel()
	for name, inner := range map[string]dossier.Backend{"plain": &shelf{}, "listing": &indexedShelf{}, "closing": &closable{}, "declining": declining{&shelf{}}} {
		answers := func(b dossier.Backend) string {
			return fmt.Sprint(has[dossier.Lister](b), has[dossier.BatchDeleter](b), has[dossier.Copier](b), has[dossier.Mover](b),
				has[dossier.URLSigner](b), has[dossier.FormSigner](b), has[dossier.MultipartBackend](b), has[dossier.HeaderUpdater](b),
				has[dossier.Reclaimer](b), has[dossier.Prober](b), has[io.Closer](b))
		}
		want := answers(inner)
		once := transparent{dossier.Forward{Inner: inner}}
		twice := registered(t, transparent{dossier.Forward{Inner: once}})
		for depth, b := range map[string]dossier.Backend{"once": once, "registered": registered(t, inner), "thrice": twice} {
			if got := answers(b); got != want {
				t.Errorf("%s, wrapped %s: %s, want %s", name, depth, got, want)
			}
		}
	}
}

// As must hand out the wrapper: the inner backend would go round whatever the wrapper is for (keys, limits, names).
func TestAsNeverHandsOutTheInnerBackend(t *testing.T) {
	t.Parallel()
	b := registered(t, &indexedShelf{})
	lister, ok := dossier.As[dossier.Lister](b)
	if !ok || dossier.Backend(lister) != b {
		t.Errorf("%T, %v", lister, ok)
	}
	hidden := struct{ dossier.Wrapper }{transparent{dossier.Forward{Inner: &indexedShelf{}}}}
	if lister, ok := dossier.As[dossier.Lister](hidden); ok {
		t.Errorf("a wrapper without List gave %T", lister)
	}
	if lister, ok := dossier.As[dossier.Lister](nil); ok || lister != nil {
		t.Errorf("nil gave %T", lister)
	}
}

// Every method of Forward reaches the inner backend, or says that the store cannot; none does nothing.
func TestForwardRefusesWhatInnerCannot(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	f := dossier.Forward{Inner: &fakeBackend{t: t, describe: dossier.Description{Scheme: "fake"}}}
	upload := dossier.Upload{Key: "a", ID: "1"}
	_, copied := f.Copy(ctx, "b", "a", dossier.CopyOptions{})
	_, moved := f.Move(ctx, "b", "a", dossier.CopyOptions{})
	_, signed := f.SignURLs(ctx, []dossier.SignRequest{{Key: "a", TTL: time.Minute}})
	_, form := f.SignForm(ctx, dossier.FormRequest{Key: "a", TTL: time.Minute})
	_, created := f.CreateUpload(ctx, "a", dossier.PutOptions{})
	_, part := f.PutPart(ctx, upload, 1, dossier.Source{})
	_, completed := f.CompleteUpload(ctx, upload, nil)
	_, updated := f.UpdateHeader(ctx, "a", dossier.Replacement{}, dossier.Condition{})
	_, reclaimed := f.Reclaim(ctx, time.Hour)
	_, probed := f.Probe(ctx)
	for name, err := range map[string]error{
		"copy": copied, "move": moved, "sign": signed, "form": form, "create": created, "part": part, "complete": completed, "update": updated,
		"reclaim": reclaimed, "probe": probed, "list": first(f.List(ctx, dossier.ListOptions{})), "parts": first(f.Parts(ctx, upload)),
		"abort": f.AbortUpload(ctx, upload), "uploads": first(f.Uploads(ctx, "")),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close without a closer: %v", err)
	}
}

// loud is a wrapper that tells of every Put.
type loud struct{ dossier.Forward }

func (l loud) Put(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
	fmt.Println("put", key)
	return l.Forward.Put(ctx, key, src, opts)
}

func ExampleForward() {
	// type loud struct{ dossier.Forward } overrides Put only.
	b := loud{dossier.Forward{Inner: &indexedShelf{}}}
	_, err := b.Put(context.Background(), "a", dossier.Source{}, dossier.PutOptions{})
	_, lists := dossier.As[dossier.Lister](b)
	_, signs := dossier.As[dossier.URLSigner](b)
	fmt.Println(err, lists, signs)
	// Output:
	// put a
	// <nil> true false
}
