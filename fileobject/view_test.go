package fileobject_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// What a client sees must not tell where the object lives: neither backend nor key.
func TestViewShowsNeitherBackendNorKey(t *testing.T) {
	t.Parallel()
	for _, row := range []string{
		`{"filename":"plan.pdf","to_filename":"tenants/7/secret-key.pdf","content_type":"application/pdf","size":3,"backend":"uploads","checksum":"crc32c:00000000"}`,
		`{"filename":"tenants/7/secret-key/plan.pdf","content_type":"application/pdf","size":3,"backend":"uploads"}`,
	} {
		var f fileobject.FileObject
		if err := f.Scan(row); err != nil {
			t.Fatal(err)
		}
		view, err := f.View(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(view)
		if err != nil || string(text) != `{"name":"plan.pdf","content_type":"application/pdf","size":3}` {
			t.Errorf("%s, %v", text, err)
		}
	}
}

func TestViewSignsOnDemand(t *testing.T) {
	t.Parallel()
	s := newSigningShelf(t)
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	f := commit(ctx, t, fileobject.FromBytes("a.txt", []byte("x"), fileobject.Options{}), "uploads")
	view, err := f.View(ctx, time.Minute)
	if err != nil || !strings.Contains(view.URL, "X-Dossier-Signature=") || !view.LastModified.Equal(f.LastModified) {
		t.Errorf("%+v, %v", view, err)
	}
	_, err = f.View(ctx, -time.Minute)
	wantIs(t, "a negative life", err, dossier.ErrInvalid)
}

func TestViewOfWhatIsNotStored(t *testing.T) {
	t.Parallel()
	var none *fileobject.FileObject
	if view, err := none.View(t.Context(), time.Minute); view != nil || err != nil {
		t.Errorf("%v, %v", view, err)
	}
	pending := fileobject.FromReader("a", strings.NewReader(""), fileobject.Options{})
	if view, err := pending.View(t.Context(), 0); err != nil || view.Name != "a" || view.Size != -1 || view.URL != "" {
		t.Errorf("%+v, %v", view, err)
	}
	_, err := pending.View(t.Context(), time.Minute)
	wantIs(t, "a URL of a pending file", err, dossier.ErrInvalid)
}
