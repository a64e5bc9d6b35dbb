package dossier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
)

// A backend with five methods is a full member: what can be done with those five is done.
func TestHelpersDoWithTheFiveMethodsWhatTheyCan(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), &shelf{}
	put := dossier.PutOptions{Header: dossier.Header{ContentType: "text/plain"}, Metadata: map[string]string{"a": "b"}}
	must[dossier.Info](t)(b.Put(ctx, "from", dossier.BytesSource([]byte("content")), put))

	copied := must[dossier.Info](t)(dossier.Copy(ctx, b, "copy", "from", dossier.CopyOptions{}))
	if read(t, b, "copy") != "content" || copied.Header != put.Header || copied.Metadata["a"] != "b" || copied.Key != "copy" {
		t.Errorf("the copy is %+v", copied)
	}
	replacement := &dossier.Replacement{Header: dossier.Header{ContentType: "image/png"}}
	copied = must[dossier.Info](t)(dossier.Copy(ctx, b, "copy", "from", dossier.CopyOptions{Replace: replacement}))
	if copied.Header != replacement.Header || len(copied.Metadata) != 0 {
		t.Errorf("the copy with another header is %+v", copied)
	}
	must[dossier.Info](t)(dossier.Move(ctx, b, "moved", "from", dossier.CopyOptions{}))
	if _, err := b.Stat(ctx, "from"); !errors.Is(err, dossier.ErrNotExist) || read(t, b, "moved") != "content" {
		t.Errorf("after Move the source is %v", err)
	}
	deleted := maps.Collect(dossier.DeleteBatch(ctx, b, slices.Values([]string{"moved", "copy", "missing"})))
	if len(deleted) != 3 || len(b.objects) != 0 || errors.Join(slices.Collect(maps.Values(deleted))...) != nil {
		t.Errorf("deleted %v, left %v", deleted, b.objects)
	}
}

// An ability that cannot be made from the five methods is refused before anything happens, and the error says which.
func TestHelpersRefuseWhatTheBackendCannot(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), &fakeBackend{t: t, describe: dossier.Description{Scheme: "fake"}}
	_, urls := dossier.SignURLs(ctx, b, dossier.SignRequest{Key: "a", TTL: time.Minute})
	_, form := dossier.SignForm(ctx, b, dossier.FormRequest{Key: "a", TTL: time.Minute})
	count := 0
	var list error
	for _, err := range dossier.List(ctx, b, dossier.ListOptions{}) {
		count, list = count+1, err
	}
	for name, err := range map[string]error{"SignURLs": urls, "SignForm": form, "List": list} {
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "fake") {
			t.Errorf("%s: %v, want ErrUnsupported with the backend's name", name, err)
		}
	}
	if count != 1 {
		t.Errorf("List yields %d results", count)
	}
}

// Conditions hold for a copy through this process as for one in the store.
func TestCopyThroughKeepsTheConditions(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), &shelf{}
	from, to := store(t, b, "from", "content"), store(t, b, "to", "old")
	for name, row := range map[string]struct {
		opts dossier.CopyOptions
		want error
	}{
		"absent":       {dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}}, dossier.ErrExist},
		"other target": {dossier.CopyOptions{If: dossier.Condition{Match: "v9"}}, dossier.ErrPrecondition},
		"other source": {dossier.CopyOptions{SourceIf: dossier.Condition{Match: to.Version}}, dossier.ErrPrecondition},
	} {
		if _, err := dossier.Copy(ctx, b, "to", "from", row.opts); !errors.Is(err, row.want) || read(t, b, "to") != "old" {
			t.Errorf("%s: %v, want %v and the old content", name, err, row.want)
		}
	}
	opts := dossier.CopyOptions{If: dossier.Condition{Match: to.Version}, SourceIf: dossier.Condition{Match: from.Version}}
	if _, err := dossier.Copy(ctx, b, "to", "from", opts); err != nil || read(t, b, "to") != "content" {
		t.Errorf("both hold: %v", err)
	}
}

// declining has the extension, but its store refuses every request, as some S3-compatible servers do.
type declining struct{ *shelf }

func (declining) Copy(context.Context, string, string, dossier.CopyOptions) (dossier.Info, error) {
	return dossier.Info{}, &dossier.Error{Op: "copy", Kind: errors.ErrUnsupported}
}

func (declining) Move(context.Context, string, string, dossier.CopyOptions) (dossier.Info, error) {
	return dossier.Info{}, &dossier.Error{Op: "move", Kind: errors.ErrUnsupported}
}

// "Optional" is decided at run time too.
func TestCopyAndMoveFallBackWhenTheStoreDeclines(t *testing.T) {
	t.Parallel()
	b := declining{&shelf{}}
	store(t, b, "from", "content")
	must[dossier.Info](t)(dossier.Copy(t.Context(), b, "copy", "from", dossier.CopyOptions{}))
	must[dossier.Info](t)(dossier.Move(t.Context(), b, "moved", "from", dossier.CopyOptions{}))
	if read(t, b, "copy")+read(t, b, "moved") != "contentcontent" {
		t.Error("content differs")
	}
}

// A save that arrives while a file is being moved must not be deleted with the old version.
func TestMoveDoesNotDeleteWhatItDidNotCopy(t *testing.T) {
	t.Parallel()
	inner := &shelf{}
	b := &fakeBackend{t: t, describe: inner.Describe(), get: inner.Get, stat: inner.Stat, delete: inner.Delete}
	store(t, inner, "from", "old")
	b.put = func(ctx context.Context, key string, src dossier.Source, opts dossier.PutOptions) (dossier.Info, error) {
		info, err := inner.Put(ctx, key, src, opts)
		store(t, inner, "from", "saved meanwhile") //nolint:contextcheck // the test has its own
		return info, err
	}
	_, err := dossier.Move(t.Context(), b, "to", "from", dossier.CopyOptions{})
	if !errors.Is(err, dossier.ErrPrecondition) || read(t, inner, "from") != "saved meanwhile" || read(t, inner, "to") != "old" {
		t.Errorf("%v, want ErrPrecondition and both versions kept", err)
	}
}

// "Moving a key to itself changes nothing": a copy followed by a delete would lose the object.
func TestMoveToItselfChangesNothing(t *testing.T) {
	t.Parallel()
	b := &shelf{}
	before := store(t, b, "a", "content")
	after := must[dossier.Info](t)(dossier.Move(t.Context(), b, "a", "a", dossier.CopyOptions{}))
	if read(t, b, "a") != "content" || after.Version != before.Version || b.puts != 1 {
		t.Errorf("version %s became %s after %d puts", before.Version, after.Version, b.puts)
	}
	if _, err := dossier.Move(t.Context(), b, "missing", "missing", dossier.CopyOptions{}); !errors.Is(err, dossier.ErrNotExist) {
		t.Errorf("a missing key: %v", err)
	}
	opts := dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}}
	if _, err := dossier.Move(t.Context(), b, "a", "a", opts); !errors.Is(err, dossier.ErrExist) {
		t.Errorf("create-only: %v, want ErrExist", err)
	}
}

// A batch over a million keys must stop when its caller stops.
func TestDeleteBatchStopsWithItsCaller(t *testing.T) {
	t.Parallel()
	b := &shelf{}
	for _, key := range []string{"a", "b", "c"} {
		store(t, b, key, "content")
	}
	for range dossier.DeleteBatch(t.Context(), b, slices.Values([]string{"a", "b", "c"})) {
		break
	}
	if len(b.objects) != 2 {
		t.Errorf("%d objects left, want 2", len(b.objects))
	}
}

// slowBody gives some bytes and then waits until it is closed.
type slowBody struct {
	first   io.Reader
	reached chan struct{}
	closed  chan struct{}
}

func (s *slowBody) Read(p []byte) (int, error) {
	if n, err := s.first.Read(p); err == nil {
		return n, nil
	}
	close(s.reached)
	<-s.closed
	return 0, io.ErrClosedPipe
}

func (s *slowBody) Close() error { close(s.closed); return nil }

// A cancelled copy returns although the source store sends nothing, and what still reads is told by closing the body;
// the race detector watches.
func TestCancelledCopyReturnsWhileTheSourceBlocks(t *testing.T) {
	t.Parallel()
	inner := &shelf{}
	body := &slowBody{strings.NewReader("some"), make(chan struct{}), make(chan struct{})}
	b := &fakeBackend{t: t, put: inner.Put}
	b.get = func(context.Context, string, dossier.GetOptions) (*dossier.Object, error) {
		return dossier.NewObject(dossier.Info{Size: 99}, 0, 99, body), nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-body.reached; cancel() }()
	if _, err := dossier.Copy(ctx, b, "to", "from", dossier.CopyOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if len(inner.objects) != 0 {
		t.Error("part of the source was stored")
	}
}

// endless is a body without end and without state of its own.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return min(len(p), 100), nil }
func (endless) Close() error               { return nil }

// The source of a cancelled copy is closed while a read of it may still go on; the race detector watches.
func TestCancelledCopyClosesItsSourceWithoutARace(t *testing.T) {
	t.Parallel()
	b := &fakeBackend{t: t, put: (&shelf{}).Put}
	b.get = func(context.Context, string, dossier.GetOptions) (*dossier.Object, error) {
		return dossier.NewObject(dossier.Info{Size: 1 << 40}, 0, 1<<40, endless{}), nil
	}
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		if _, err := dossier.Copy(ctx, b, "to", "from", dossier.CopyOptions{}); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, want context.Canceled", err)
		}
	}
}

// A limit protects memory, so it must be known before the first byte is read.
func TestReadAllRefusesTooMuchBeforeReading(t *testing.T) {
	t.Parallel()
	b := &shelf{}
	store(t, b, "a", "content")
	if got, err := dossier.ReadAll(t.Context(), b, "a", 6); !errors.Is(err, dossier.ErrTooLarge) || got != nil {
		t.Errorf("%q, %v; want ErrTooLarge", got, err)
	}
	if got, err := dossier.ReadAll(t.Context(), b, "a", 7); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
}

func ExampleCopy() {
	ctx, b := context.Background(), &shelf{} // a backend with only the five required methods
	_, _ = b.Put(ctx, "plan.txt", dossier.BytesSource([]byte("the plan")), dossier.PutOptions{})
	onlyNew := dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}}
	for range 2 {
		info, err := dossier.Copy(ctx, b, "copy.txt", "plan.txt", onlyNew)
		fmt.Println(info.Size, err)
	}
	// Output:
	// 8 <nil>
	// 0 put shelf:copy.txt: already exists
}

func ExampleDeleteBatch() {
	ctx, b := context.Background(), &shelf{}
	_, _ = b.Put(ctx, "a", dossier.Source{}, dossier.PutOptions{})
	for key, err := range dossier.DeleteBatch(ctx, b, slices.Values([]string{"a", "missing"})) {
		fmt.Println(key, err)
	}
	// Output:
	// a <nil>
	// missing <nil>
}

func ExampleList() {
	ctx, b := context.Background(), &indexedShelf{}
	for _, key := range []string{"photos/a.jpg", "photos/2026/b.jpg", "plan.txt"} {
		_, _ = b.Put(ctx, key, dossier.Source{}, dossier.PutOptions{})
	}
	for info, err := range dossier.List(ctx, b, dossier.ListOptions{Prefix: "photos/", Delimiter: "/"}) {
		fmt.Println(info.Key, info.IsPrefix, err)
	}
	// Output:
	// photos/2026/ true <nil>
	// photos/a.jpg false <nil>
}

func ExampleReadAll() {
	ctx, b := context.Background(), &shelf{}
	_, _ = b.Put(ctx, "a", dossier.BytesSource([]byte("content")), dossier.PutOptions{})
	content, err := dossier.ReadAll(ctx, b, "a", 1<<20)
	fmt.Printf("%s, %v\n", content, err)
	_, err = dossier.ReadAll(ctx, b, "a", 3)
	fmt.Println(err)
	// Output:
	// content, <nil>
	// read a: too large: more than 3 bytes
}
