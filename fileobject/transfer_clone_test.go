package fileobject_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// A clone stays inside its store: what is copied there need not travel.
func TestCloneCopiesInsideTheStore(t *testing.T) {
	t.Parallel()
	s := &copyingShelf{shelf: shelf{capabilities: full}}
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	original := commit(ctx, t, fileobject.FromBytes("a.txt", []byte(long(100_000)), fileobject.Options{Metadata: map[string]any{"n": 1}}), "uploads")
	s.sent.Store(0)
	clone := commit(ctx, t, original.Clone(fileobject.Options{}), "uploads,disposition:attachment")
	if puts, _ := s.calls(); puts != 1 || s.copies != 1 || s.sent.Load() > dossier.DetectLength {
		t.Errorf("%d puts, %d copies, %d bytes read", puts, s.copies, s.sent.Load())
	}
	if clone.Key == original.Key || content(ctx, t, clone) != long(100_000) || clone.Filename != "a.txt" || clone.Metadata["n"] != 1 ||
		clone.Checksum != original.Checksum || clone.Size != original.Size || clone.ContentType != original.ContentType {
		t.Errorf("%+v\nis no clone of\n%+v", clone.Record, original.Record)
	}
	if got := s.objects[clone.Key].info.Header.ContentDisposition; got != `attachment; filename="a.txt"` {
		t.Errorf("the copy is served as %q; the column of the clone decides", got)
	}
	if err := errors.Join(original.Verify(ctx), clone.Verify(ctx)); err != nil {
		t.Error(err)
	}
}

// Not every store can copy, or bind a copy to a fresh key, or keeps headers.
func TestCloneWorksWithWhateverTheStoreCan(t *testing.T) {
	t.Parallel()
	for _, capabilities := range []dossier.Capabilities{0, full, full | dossier.CopyIfAbsent, dossier.PutIfAbsent, dossier.StoresHeader} {
		for name, b := range map[string]dossier.Backend{
			"copies": &copyingShelf{shelf: shelf{capabilities: capabilities}}, "cannot copy": &shelf{capabilities: capabilities},
		} {
			ctx := with(t, map[string]dossier.Backend{"uploads": b})
			original := commit(ctx, t, fileobject.FromBytes("a.txt", []byte("text"), fileobject.Options{}), "uploads")
			clone := commit(ctx, t, original.Clone(fileobject.Options{}), "uploads")
			if content(ctx, t, clone) != "text" || clone.Key == original.Key {
				t.Errorf("%s, %q: %+v", name, capabilities, clone.Record)
			}
			if copying, ok := b.(*copyingShelf); ok && copying.copies != 1 {
				t.Errorf("%s, %q: %d copies", name, capabilities, copying.copies)
			}
		}
	}
}

// Between stores the bytes travel, and are compared with the row's checksum on the way.
func TestCloneToAnotherStoreIsVerified(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"archive", "archive,checksum:sha256"} {
		from, to := &shelf{capabilities: full &^ dossier.StoresCRC32C}, &shelf{capabilities: full}
		ctx := with(t, map[string]dossier.Backend{"uploads": from, "archive": to})
		original := commit(ctx, t, fileobject.FromBytes("a.txt", []byte(long(50_000)), fileobject.Options{}), "uploads")
		clone := commit(ctx, t, original.Clone(fileobject.Options{}), tag)
		if clone.Backend != "archive" || content(ctx, t, clone) != long(50_000) {
			t.Errorf("%+v", clone.Record)
		}
		if err := clone.Verify(ctx); err != nil {
			t.Error(err)
		}
		from.damage(original.Key, strings.Replace(long(50_000), "a", "b", 1))
		wantIs(t, "clone of a damaged object", upload(ctx, t, original.Clone(fileobject.Options{}), tag), dossier.ErrChecksum)
		if to.count() != 1 {
			t.Errorf("%d objects, want the good clone alone", to.count())
		}
	}
}

// The type and size that the original's row claims may be wrong: rows of another library guess them from the name.
func TestCloneMeetsThePolicyOfItsColumn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		row, content, tag string
		want              error
	}{
		"page that claims to be a picture": {`{"filename":"k","content_type":"image/png","size":6,"backend":"uploads"}`, "<html>", "uploads,accept:image/*", dossier.ErrType},
		"picture without a type":           {`{"filename":"k","backend":"uploads"}`, png, "uploads,accept:image/*", nil},
		"size unknown":                     {`{"filename":"k","backend":"uploads"}`, "123456", "uploads,max:5", dossier.ErrTooLarge},
		"size unknown, elsewhere":          {`{"filename":"k","backend":"uploads"}`, "123456", "archive,max:5", dossier.ErrTooLarge},
		"size too small":                   {`{"filename":"k","backend":"uploads"}`, "12", "uploads,min:3", dossier.ErrShortSource},
		"size claimed":                     {`{"filename":"k","size":3,"backend":"uploads"}`, "123456", "uploads,max:5", dossier.ErrTooLarge},
		"size wrong":                       {`{"filename":"k","size":3,"backend":"uploads"}`, "1234", "uploads,max:5", dossier.ErrChecksum},
		"missing":                          {`{"filename":"gone","backend":"uploads"}`, "x", "uploads", dossier.ErrNotExist},
		"unknown backend":                  {`{"filename":"k","backend":"elsewhere"}`, "x", "uploads", dossier.ErrNoBackend},
		"no key":                           {`{"backend":"uploads"}`, "x", "uploads", dossier.ErrInvalid},
		"bad checksum":                     {`{"filename":"k","checksum":"md5:00","backend":"uploads"}`, "x", "archive", dossier.ErrInvalid},
		"key outside the store":            {`{"filename":"../k","backend":"uploads"}`, "x", "uploads", dossier.ErrInvalidKey},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, archive := &copyingShelf{shelf: shelf{capabilities: full}}, &shelf{capabilities: full}
			ctx := with(t, map[string]dossier.Backend{"uploads": s, "archive": archive})
			s.exchange("k", test.content)
			var original fileobject.FileObject
			if err := original.Scan(test.row); err != nil {
				t.Fatal(err)
			}
			transfer, err := fileobject.Begin(ctx, original.Clone(fileobject.Options{}), target(t, test.tag))
			wantIs(t, "begin", err, test.want)
			if puts, _ := s.calls(); puts+s.copies != 0 {
				t.Error("bytes were sent")
			}
			if err == nil {
				if err := errors.Join(transfer.Put(ctx, nil), transfer.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A clone can be taken at any time: before the original is uploaded, or of a clone that waits itself.
func TestCloneOfWhatIsPending(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	original := fileobject.FromBytes("a.txt", []byte("text"), fileobject.Options{})
	clone := original.Clone(fileobject.Options{Metadata: map[string]any{"copy": true}})
	second := clone.Clone(fileobject.Options{})
	for _, f := range []*fileobject.FileObject{second, original, clone} {
		if commit(ctx, t, f, "uploads"); content(ctx, t, f) != "text" || f.Filename != "a.txt" {
			t.Errorf("%v", f)
		}
	}
	if original.Key == clone.Key || second.Metadata["copy"] != true || original.Metadata != nil {
		t.Errorf("%+v, %+v", original.Record, second.Record)
	}
}

func TestCloneOfAPendingClone(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	original := commit(ctx, t, fileobject.FromBytes("a.txt", []byte("text"), fileobject.Options{}), "uploads")
	clone := original.Clone(fileobject.Options{}).Clone(fileobject.Options{}).Clone(fileobject.Options{})
	if commit(ctx, t, clone, "uploads"); content(ctx, t, clone) != "text" || clone.Size != 4 {
		t.Errorf("the clone of a clone holds %q", content(ctx, t, clone))
	}
}

// Bytes that can be read once can be stored once.
func TestCloneOfAOneShotSharesItsBytes(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	original := fileobject.FromReader("a.txt", strings.NewReader("text"), fileobject.Options{})
	clone := original.Clone(fileobject.Options{})
	if err := upload(ctx, t, original, "uploads"); err != nil {
		t.Fatal(err)
	}
	wantIs(t, "clone", upload(ctx, t, clone, "uploads"), dossier.ErrConsumed)
	wantIs(t, "clone of the consumed clone", upload(ctx, t, clone.Clone(fileobject.Options{}), "uploads"), dossier.ErrConsumed)
}

func TestCloneOfNothing(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	var none *fileobject.FileObject
	if clone := none.Clone(fileobject.Options{}); clone != nil {
		t.Errorf("the clone of NULL is %v", clone)
	}
	wantIs(t, "clone of the zero value", upload(ctx, t, (&fileobject.FileObject{}).Clone(fileobject.Options{}), "uploads"), dossier.ErrInvalid)
}

// After a rollback the clone is pending again: its original is still there.
func TestReleasedCloneCanBeSavedAgain(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	clone := commit(ctx, t, fileobject.FromBytes("a", []byte("text"), fileobject.Options{}), "uploads").Clone(fileobject.Options{})
	stage(ctx, t, clone, "uploads").Release()
	if !clone.Pending() || clone.Key != "" {
		t.Errorf("%v", clone)
	}
	if commit(ctx, t, clone, "uploads"); content(ctx, t, clone) != "text" {
		t.Error("the second attempt stored something else")
	}
}

// Options.Checksum is a promise about the bytes: that they are copied, not sent, does not lift it.
func TestCloneHoldsItsExpectedChecksum(t *testing.T) {
	t.Parallel()
	const sha = "sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1" // of "text"
	for checksum, want := range map[string]error{
		"crc32c:00000000": dossier.ErrChecksum, "sha256:" + strings.Repeat("00", 32): dossier.ErrChecksum, sha: nil,
	} {
		for _, tag := range []string{"uploads", "archive", "uploads,checksum:sha256"} {
			s, archive := &copyingShelf{shelf: shelf{capabilities: full}}, &shelf{capabilities: full}
			ctx := with(t, map[string]dossier.Backend{"uploads": s, "archive": archive})
			original := commit(ctx, t, fileobject.FromBytes("a", []byte("text"), fileobject.Options{}), "uploads")
			err := upload(ctx, t, original.Clone(fileobject.Options{Checksum: checksum}), tag)
			if !errors.Is(err, want) {
				t.Errorf("%s to %s: %v, want %v", checksum, tag, err, want)
			}
			if stored := s.count()+archive.count() == 2; stored != (want == nil) {
				t.Errorf("%s to %s: stored: %v", checksum, tag, stored)
			}
		}
	}
}

// A damaged original must not be passed on as if it were whole.
func TestCloneOfADamagedObjectIsRefused(t *testing.T) {
	t.Parallel()
	s := &copyingShelf{shelf: shelf{capabilities: full}}
	ctx := with(t, map[string]dossier.Backend{"uploads": s})
	original := commit(ctx, t, fileobject.FromBytes("a", []byte("text"), fileobject.Options{}), "uploads")
	s.exchange(original.Key, "xxxx")
	wantIs(t, "clone", upload(ctx, t, original.Clone(fileobject.Options{}), "uploads"), dossier.ErrChecksum)
	if s.count() != 1 {
		t.Error("the damage was copied")
	}
}

// The unit of work's registry serves a clone whose original nobody bound.
func TestCloneUsesTheRegistryOfItsTarget(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	original := commit(ctx, t, fileobject.FromBytes("a", []byte("text"), fileobject.Options{}), "uploads")
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", s); err != nil {
		t.Fatal(err)
	}
	to := target(t, "uploads")
	to.Registry = registry
	plain := t.Context() // carries no registry
	clone := original.Clone(fileobject.Options{})
	transfer, err := fileobject.Begin(plain, clone, to)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(transfer.Put(plain, nil), transfer.Close()); err != nil || s.count() != 2 {
		t.Error(err)
	}
}

// Two tenants may call their stores alike. A key of one must never be looked up in the other's.
func TestCloneAcrossRegistriesNeverMixesStores(t *testing.T) {
	t.Parallel()
	ours, theirs := &copyingShelf{shelf: shelf{capabilities: full}}, &copyingShelf{shelf: shelf{capabilities: full}}
	ctx := with(t, map[string]dossier.Backend{"uploads": ours})
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", theirs); err != nil {
		t.Fatal(err)
	}
	original := commit(ctx, t, fileobject.FromBytes("a", []byte("ours"), fileobject.Options{}), "uploads")
	theirs.exchange(original.Key, "secret of another tenant")
	to := target(t, "uploads")
	to.Registry = registry
	clone := original.Bind(ours.registry(t)).Clone(fileobject.Options{})
	transfer, err := fileobject.Begin(ctx, clone, to)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(transfer.Put(ctx, nil), transfer.Close()); err != nil {
		t.Fatal(err)
	}
	if got := string(theirs.objects[clone.Key].content); got != "ours" {
		t.Errorf("the clone holds %q", got)
	}
}

func (s *copyingShelf) registry(tb testing.TB) *dossier.Registry {
	tb.Helper()
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", s); err != nil {
		tb.Fatal(err)
	}
	return registry
}

// An object is for one goroutine: a cancelled clone must not close what another goroutine still reads.
func TestCancelledCloneLeavesItsReaderAlone(t *testing.T) {
	t.Parallel()
	from, to := &shelf{capabilities: full}, &shelf{capabilities: full}
	ctx := with(t, map[string]dossier.Backend{"uploads": from, "archive": to})
	original := commit(ctx, t, fileobject.FromBytes("a", []byte(long(50_000)), fileobject.Options{}), "uploads")
	ctx, cancel := context.WithCancel(ctx)
	transfer := begin(ctx, t, original.Clone(fileobject.Options{}), "archive")
	blocked, release := make(chan struct{}), make(chan struct{})
	body := &strict{t: t, closed: make(chan struct{})}
	body.r = readerFunc(func([]byte) (int, error) {
		close(blocked)
		<-release
		return 0, io.ErrUnexpectedEOF
	})
	from.body = func(io.ReadCloser) io.ReadCloser { return body }
	go func() {
		<-blocked
		cancel()
	}()
	wantIs(t, "put", transfer.Put(ctx, nil), context.Canceled)
	close(release)
	<-body.closed
	if to.count() != 0 {
		t.Error("an object was stored")
	}
}

// Import adopts what is there already: nothing is copied, and the row's claims are replaced by facts.
func TestImportTakesTheFactsFromTheObject(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	s.exchange("old/picture.png", png)
	var f fileobject.FileObject
	if err := f.Scan(`{"filename":"old/picture.png","content_type":"text/html","size":7,"backend":"uploads","future":1}`); err != nil {
		t.Fatal(err)
	}
	transfer, err := fileobject.BeginImport(ctx, &f, target(t, "uploads,accept:image/*"))
	if err != nil {
		t.Fatal(err)
	}
	if observe(&f) != "staged" || transfer.Reference() != (fileobject.Reference{Backend: "uploads", Key: "old/picture.png"}) {
		t.Errorf("%s, %v", observe(&f), transfer.Reference())
	}
	transfer.Adopt()
	transfer.Settle()
	value, err := f.Value()
	if err != nil || f.ContentType != "image/png" || f.Size != int64(len(png)) || f.Verify(ctx) != nil || !strings.Contains(value.(string), `"future":1`) {
		t.Errorf("%v, %v, %v", value, err, f.Verify(ctx))
	}
	if err := transfer.Close(); err != nil || s.puts != 0 {
		t.Errorf("%v, %d puts", err, s.puts)
	}
}

// A rolled back import changed nothing: the handle is what it was, and its object can still be read.
func TestReleasedImportIsWhatItWas(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	s.exchange("k", "text")
	var f fileobject.FileObject
	if err := f.Scan(`{"filename":"k","content_type":"a/b","backend":"uploads"}`); err != nil {
		t.Fatal(err)
	}
	before, _ := f.Value()
	transfer, err := fileobject.BeginImport(ctx, &f, target(t, "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	transfer.Adopt()
	transfer.Release()
	if after, err := f.Value(); err != nil || after != before || f.Pending() || content(ctx, t, &f) != "text" {
		t.Errorf("%v, %v; it was %v", after, err, before)
	}
}

func TestImportRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		row, tag string
		want     error
	}{
		"missing":         {`{"filename":"gone","backend":"uploads"}`, "uploads", dossier.ErrNotExist},
		"type":            {`{"filename":"k","content_type":"image/png","backend":"uploads"}`, "uploads,accept:image/*", dossier.ErrType},
		"size":            {`{"filename":"k","size":1,"backend":"uploads"}`, "uploads,max:2", dossier.ErrTooLarge},
		"unknown backend": {`{"filename":"k","backend":"elsewhere"}`, "uploads", dossier.ErrNoBackend},
		"no key":          {`{"backend":"uploads"}`, "uploads", dossier.ErrInvalid},
	} {
		s, ctx := newStore(t)
		s.exchange("k", "text")
		var f fileobject.FileObject
		if err := f.Scan(test.row); err != nil {
			t.Fatal(err)
		}
		before, _ := f.Value()
		_, err := fileobject.BeginImport(ctx, &f, target(t, test.tag))
		wantIs(t, name, err, test.want)
		if after, err := f.Value(); after != before || err != nil {
			t.Errorf("%s: the handle became %v, %v", name, after, err)
		}
	}
	_, ctx := newStore(t)
	_, err := fileobject.BeginImport(ctx, fileobject.FromBytes("a", nil, fileobject.Options{}), target(t, "uploads"))
	wantIs(t, "pending", err, dossier.ErrInvalid)
	staged := fileobject.FromBytes("a", nil, fileobject.Options{})
	stage(ctx, t, staged, "uploads")
	_, err = fileobject.BeginImport(ctx, staged, target(t, "uploads"))
	wantIs(t, "staged", err, dossier.ErrInvalid)
}

// A file without a backend is one of the column's.
func TestImportByKeyAlone(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	s.exchange("k", "text")
	f := &fileobject.FileObject{Record: dossier.Record{Key: "k", Filename: "k.txt", Size: -1}}
	transfer, err := fileobject.BeginImport(ctx, f, target(t, "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	if transfer.Adopt(); f.Backend != "uploads" || f.Size != 4 {
		t.Errorf("%+v", f.Record)
	}
}
