package filehttp_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/fileobject"
)

// stager stores files as a session does, without rows.
type stager struct {
	store    *fakeStore
	registry *dossier.Registry
	staged   []string // field, file name and content
}

var _ filehttp.Stager = (*stager)(nil)

func newStager(t *testing.T) *stager {
	t.Helper()
	s := &stager{store: newStore(t), registry: &dossier.Registry{}}
	if err := s.registry.Register("files", s.store); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stager) StageFile(ctx context.Context, _ any, field string, f *fileobject.FileObject) error {
	policy, err := fileobject.ParsePolicy("files")
	if err != nil {
		return err
	}
	transfer, err := fileobject.Begin(ctx, f, fileobject.Target{
		Registry: s.registry, Policy: policy, Values: dossier.KeyValues{Table: "documents", Field: field},
	})
	if err != nil {
		return err
	}
	defer transfer.Close()
	if err := transfer.Put(ctx, nil); err != nil {
		return err
	}
	object, _ := s.store.object(f.Key)
	s.staged = append(s.staged, field+" "+f.Filename+" "+object.content)
	return nil
}

// upload makes the request of a form.
func upload(t *testing.T, parts ...formPart) *http.Request {
	t.Helper()
	body, contentType := encode(t, parts)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func file(name, content string) formPart {
	return formPart{`form-data; name="file"; filename="` + name + `"`, "", content}
}

// all reads a form to its end, or to its first error, reading no file.
func all(r *http.Request, limits filehttp.UploadLimits) (parts []*filehttp.Part, err error) {
	for part, err := range filehttp.Parts(r, limits) {
		if err != nil {
			return parts, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// toFile puts every file into the field of its form field's name.
func toFile(part *filehttp.Part) (any, string, error) { return part, part.Name, nil }

// Files are staged one after the other while they stream in, between the text fields, in the order of the form.
func TestUploadStagesFilesInOrder(t *testing.T) {
	t.Parallel()
	s := newStager(t)
	var seen []string
	r := upload(t, field("title", "Plan"), file("a.txt", "first"), field("note", ""), file("b.txt", "second"), file("", ""))
	err := filehttp.StageParts(r, s, filehttp.UploadLimits{}, func(part *filehttp.Part) (any, string, error) {
		seen = append(seen, part.Name+"="+part.Value)
		if part.File != nil && part.File.Filename == "skipped" {
			return nil, "", nil
		}
		return part, part.Name, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"title=Plan", "file=", "note=", "file=", "file="}; !slices.Equal(seen, want) {
		t.Errorf("parts %q", seen)
	}
	if want := []string{"file a.txt first", "file b.txt second"}; !slices.Equal(s.staged, want) {
		t.Errorf("staged %q", s.staged)
	}
}

// A file that nobody wants is skipped, and the next one is whole all the same.
func TestSkippedFileIsReadOver(t *testing.T) {
	t.Parallel()
	s := newStager(t)
	r := upload(t, file("skipped", strings.Repeat("x", 100_000)), file("b.txt", "second"))
	err := filehttp.StageParts(r, s, filehttp.UploadLimits{}, func(part *filehttp.Part) (any, string, error) {
		if part.File.Filename == "skipped" {
			return nil, "", nil
		}
		return part, part.Name, nil
	})
	if err != nil || !slices.Equal(s.staged, []string{"file b.txt second"}) {
		t.Errorf("staged %q, %v", s.staged, err)
	}
}

// A file read after its turn would get another file's bytes, or none and be stored empty: it is an error instead.
func TestFileAfterItsTurnIsConsumed(t *testing.T) {
	t.Parallel()
	s := newStager(t)
	parts, err := all(upload(t, file("a.txt", "first"), file("b.txt", "second")), filehttp.UploadLimits{})
	if err != nil || len(parts) != 2 {
		t.Fatalf("%v, %v", parts, err)
	}
	for _, part := range parts {
		if err := s.StageFile(t.Context(), nil, "file", part.File); !errors.Is(err, dossier.ErrConsumed) {
			t.Errorf("%s: %v", part.File.Filename, err)
		}
	}
	if len(s.store.objects) > 0 {
		t.Error("stored")
	}
}

// Each limit holds while the form is read: what is over it is ErrTooLarge, and no file of it is stored.
func TestUploadLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limits filehttp.UploadLimits
		parts  []formPart
	}{
		"parts":         {filehttp.UploadLimits{MaxParts: 2}, []formPart{field("a", ""), field("b", ""), file("c", "content")}},
		"default parts": {filehttp.UploadLimits{}, append(manyFields(100), file("c", "content"))},
		"field":         {filehttp.UploadLimits{MaxField: 3}, []formPart{field("a", "1234"), file("c", "content")}},
		"default field": {filehttp.UploadLimits{}, []formPart{field("a", strings.Repeat("x", 64<<10+1)), file("c", "content")}},
		"file":          {filehttp.UploadLimits{MaxFile: 6}, []formPart{file("c", "content")}},
		"total":         {filehttp.UploadLimits{MaxTotal: 1000}, []formPart{file("c", strings.Repeat("x", 1000))}},
		"header":        {filehttp.UploadLimits{}, []formPart{file(strings.Repeat("x", 20<<10), "content")}},
	} {
		for _, length := range []int64{-1, 0} { // told and not told
			s := newStager(t)
			r := upload(t, test.parts...)
			if length < 0 {
				r.ContentLength = -1
			}
			err := filehttp.StageParts(r, s, test.limits, toFile)
			if !errors.Is(err, dossier.ErrTooLarge) || filehttp.StatusOf(err) != 413 {
				t.Errorf("%s: %v", name, err)
			}
			if len(s.store.objects) > 0 {
				t.Errorf("%s: stored", name)
			}
		}
	}
	s := newStager(t)
	limits := filehttp.UploadLimits{MaxParts: 2, MaxField: 4, MaxFile: 7, MaxTotal: 1000}
	if err := filehttp.StageParts(upload(t, field("a", "1234"), file("c", "content")), s, limits, toFile); err != nil {
		t.Errorf("at the limits: %v", err)
	}
}

// A form that breaks off, wherever it does, stores nothing that is not whole.
func TestShortUploadStoresNothingHalf(t *testing.T) {
	t.Parallel()
	body, contentType := encode(t, []formPart{field("title", "Plan"), file("a.txt", "content")})
	for end := range len(body) - len("\r\n") { // the last end of line may be missing
		s := newStager(t)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(body[:end]))
		r.Header.Set("Content-Type", contentType)
		err := filehttp.StageParts(r, s, filehttp.UploadLimits{}, toFile)
		if err == nil {
			t.Fatalf("cut at %d of %d: no error", end, len(body))
		}
		for _, staged := range s.staged {
			if staged != "file a.txt content" {
				t.Fatalf("cut at %d: staged %q", end, staged)
			}
		}
	}
}

// The error of the connection comes out as it is, from the form and from inside a file.
func TestUploadReportsTheReadersError(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	body, contentType := encode(t, []formPart{field("title", "Plan"), file("a.txt", strings.Repeat("x", 10_000))})
	for _, cut := range []int{0, 100, len(body) / 2, len(body) - 5} {
		s := newStager(t)
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(body[:cut]), iotest.ErrReader(broken)))
		r.Header.Set("Content-Type", contentType)
		if err := filehttp.StageParts(r, s, filehttp.UploadLimits{}, toFile); !errors.Is(err, broken) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

// What is no form, or has a part without a name, is refused with a status that says so.
func TestUploadOfSomethingElse(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]int{
		"": 415, "application/json": 415, "multipart/form-data": 415, "multipart/mixed; boundary=x": 415,
		"multipart/form-data; boundary=x": 400,
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("{}"))
		r.Header.Set("Content-Type", contentType)
		if _, err := all(r, filehttp.UploadLimits{}); filehttp.StatusOf(err) != want {
			t.Errorf("%q: %v", contentType, err)
		}
	}
	if _, err := all(upload(t, formPart{`form-data`, "", "x"}), filehttp.UploadLimits{}); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("no name: %v", err)
	}
}

// A client's file name is for people: cleaned, and no part of the key.
func TestHostileUploadNames(t *testing.T) {
	t.Parallel()
	s := newStager(t)
	r := upload(t, file("../../etc/passwd", "a"), file("x\u202Egnp.exe", "b"), file(`C:\\evil\\x.html`, "c"))
	var names []string
	err := filehttp.StageParts(r, s, filehttp.UploadLimits{}, func(part *filehttp.Part) (any, string, error) {
		names = append(names, part.File.Filename)
		return part, "file", nil
	})
	if err != nil || !slices.Equal(names, []string{"passwd", "xgnp.exe", "x.html"}) {
		t.Errorf("names %q, %v", names, err)
	}
	for key := range s.store.objects {
		if dossier.CheckKey(key) != nil || strings.Contains(key, "passwd") || strings.Contains(key, "..") || strings.HasSuffix(key, ".html") {
			t.Errorf("key %q", key)
		}
	}
}

// Progress counts up to the whole form.
func TestUploadProgress(t *testing.T) {
	t.Parallel()
	r := upload(t, file("a.txt", strings.Repeat("x", 100_000)))
	total := r.ContentLength
	var last int64
	err := filehttp.StageParts(r, newStager(t), filehttp.UploadLimits{Progress: func(read, of int64) {
		if read <= last || of != total {
			t.Errorf("%d of %d after %d", read, of, last)
		}
		last = read
	}}, toFile)
	if err != nil || last != total {
		t.Errorf("ended at %d of %d: %v", last, total, err)
	}
}

// A large form needs no more memory than a small one: nothing of it is kept.
func TestUploadMemoryIsConstant(t *testing.T) {
	const size = 64 << 20
	head := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(head), io.LimitReader(repeated('x'), size), strings.NewReader("\r\n--x--\r\n")))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	parts, err := all(r, filehttp.UploadLimits{MaxTotal: -1})
	runtime.ReadMemStats(&after)
	if err != nil || len(parts) != 1 {
		t.Fatalf("%v, %v", parts, err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 8<<20 {
		t.Errorf("%d bytes were allocated", allocated)
	}
}

// The error of place ends the form.
func TestUploadStopsWhenPlaceRefuses(t *testing.T) {
	t.Parallel()
	s := newStager(t)
	err := filehttp.StageParts(upload(t, file("a", "content"), file("b", "content")), s, filehttp.UploadLimits{},
		func(*filehttp.Part) (any, string, error) { return nil, "", dossier.ErrType })
	if !errors.Is(err, dossier.ErrType) || len(s.store.objects) > 0 {
		t.Errorf("%v, %d objects", err, len(s.store.objects))
	}
}
