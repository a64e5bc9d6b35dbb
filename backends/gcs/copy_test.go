package gcs_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/dossier-go/dossier"
)

// TestCopyWithALostAnswer is known again by its own id, although its source has another one.
func TestCopyWithALostAnswer(t *testing.T) {
	t.Parallel()
	f, b := stored(t, "content")
	once := first(1)
	f.after = func(_ http.ResponseWriter, r *http.Request) bool { return isCopy(r) && once() && cut() }
	info, err := b.Copy(t.Context(), "b", "a", dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}})
	if err != nil || info.Version != "1002" || f.has("b") != "content" {
		t.Errorf("%+v, %v", info, err)
	}
	_, err = b.Copy(t.Context(), "b", "a", dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}})
	wantError(t, err, dossier.ErrExist)
	_, err = b.Copy(t.Context(), "b", "missing", dossier.CopyOptions{})
	wantError(t, err, dossier.ErrNotExist)
}

// TestSourceReplacedWhileItIsCopied: the copy is of one version, with its header, and never of one that was not meant.
func TestSourceReplacedWhileItIsCopied(t *testing.T) {
	t.Parallel()
	for _, pinned := range []bool{false, true} {
		f, b := stored(t, "old")
		once := first(1)
		f.before = func(_ http.ResponseWriter, r *http.Request) bool {
			if isCopy(r) && once() {
				f.replace("a", "new")
			}
			return false
		}
		var opts dossier.CopyOptions
		if pinned {
			opts.SourceIf.Match = "1001"
		}
		_, err := b.Copy(t.Context(), "b", "a", opts)
		switch {
		case pinned:
			wantError(t, err, dossier.ErrPrecondition)
			if f.has("b") != "(nothing)" {
				t.Error("another version was copied")
			}
		case err != nil || f.has("b") != "new":
			t.Errorf("%q, %v", f.has("b"), err)
		}
	}
}

// TestUpdateHeaderMakesANewVersion: who compares versions must see that the header is another one.
func TestUpdateHeaderMakesANewVersion(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := f.backend(t, nil)
	opts := dossier.PutOptions{
		Header: dossier.Header{ContentType: "text/plain", CacheControl: "no-store"}, Metadata: map[string]string{"a": "1", "b": "2"}, Class: "NEARLINE",
	}
	before, err := put(t, b, "a", "content", opts)
	if err != nil {
		t.Fatal(err)
	}
	to := dossier.Replacement{Header: dossier.Header{ContentType: "image/png"}, Metadata: map[string]string{"b": "3"}}
	info, err := b.UpdateHeader(t.Context(), "a", to, dossier.Condition{Match: before.Version})
	if err != nil || info.Version == before.Version || info.Header != to.Header || !maps.Equal(info.Metadata, to.Metadata) {
		t.Errorf("%+v, %v", info, err)
	}
	if class := f.objects["a"].resource["storageClass"]; class != "NEARLINE" || f.has("a") != "content" {
		t.Errorf("class %v of %q", class, f.has("a"))
	}
	_, err = b.UpdateHeader(t.Context(), "a", to, dossier.Condition{Match: before.Version})
	wantError(t, err, dossier.ErrPrecondition)
}
