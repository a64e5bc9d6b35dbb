package fileobject_test

import (
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// What makes a pending file reads nothing yet: a form can be refused without touching its parts.
func TestNewFilesKnowWhatIsKnown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file *fileobject.FileObject
		size int64
	}{
		"bytes":        {fileobject.FromBytes("../a.txt", []byte("123"), fileobject.Options{}), 3},
		"reader":       {fileobject.FromReader("a.txt", strings.NewReader("123"), fileobject.Options{}), -1},
		"missing path": {fileobject.FromPath("/nonexistent/a.txt", fileobject.Options{}), -1},
		"source":       {fileobject.FromSource("a.txt", dossier.BytesSource(nil), fileobject.Options{}), 0},
		"upload":       {fileobject.FromUpload(form(t, "a.txt", "123"), fileobject.Options{}), 3},
	} {
		f := test.file
		if !f.Pending() || f.Size != test.size || f.Filename != "a.txt" || f.Key != "" || f.Backend != "" || f.ContentType != "" || f.IsZero() || f.Origin() != nil {
			t.Errorf("%s: %+v", name, f.Record)
		}
		if got := f.String(); got != `pending file "a.txt"` {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Options belong to the caller: what it does with its map later must not reach the row.
func TestMetadataIsCopied(t *testing.T) {
	t.Parallel()
	metadata := map[string]any{"a": 1}
	f := fileobject.FromBytes("a", nil, fileobject.Options{Metadata: metadata})
	clone := f.Clone(fileobject.Options{})
	metadata["a"] = 2
	f.Metadata["b"] = 3
	if f.Metadata["a"] != 1 || len(clone.Metadata) != 1 || clone.Metadata["a"] != 1 {
		t.Errorf("%v, %v", f.Metadata, clone.Metadata)
	}
}

func TestStringNamesTheFile(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := commit(ctx, t, fileobject.FromBytes("a.txt", []byte("123"), fileobject.Options{}), "uploads")
	if got, want := f.String(), `file "a.txt" at uploads:`+f.Key+` (3 bytes)`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The bound registry wins: a handle of one tenant must not be looked up where the context of another points.
func TestBoundRegistryGoesBeforeTheContext(t *testing.T) {
	t.Parallel()
	bound, other := &copyingShelf{shelf: shelf{capabilities: full}}, &shelf{capabilities: full}
	bound.exchange("k", "bound")
	other.exchange("k", "other")
	ctx := with(t, map[string]dossier.Backend{"uploads": other})
	f := &fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: "k"}}
	if got := content(ctx, t, f); got != "other" {
		t.Errorf("unbound, it reads %q", got)
	}
	if got := content(ctx, t, f.Bind(bound.registry(t))); got != "bound" {
		t.Errorf("bound, it reads %q", got)
	}
	if err := f.Scan(`{"filename":"a","to_filename":"k","backend":"uploads"}`); err != nil || content(ctx, t, f) != "bound" {
		t.Errorf("after Scan it is not bound any more (%v)", err)
	}
}
