package fileobject_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
)

// uploadedStore is a store with an object that a client uploaded. It keeps no checksums if it is told so.
type uploadedStore struct {
	dossier.Forward
	forgetful bool
	reads     int
}

func (s *uploadedStore) Get(ctx context.Context, key string, opts dossier.GetOptions) (*dossier.Object, error) {
	object, err := s.Inner.Get(ctx, key, opts)
	if err == nil && opts.Range == (dossier.Range{}) {
		s.reads++
	}
	if err != nil || !s.forgetful {
		return object, err
	}
	info := object.Info
	info.Checksums = dossier.Checksums{}
	length := info.Size
	if opts.Range != (dossier.Range{}) {
		length = min(length, opts.Range.Length)
	}
	return dossier.NewObject(info, 0, length, object), nil
}

func newUploadedStore(t *testing.T, content string, header dossier.Header) (*uploadedStore, fileobject.Target) {
	t.Helper()
	s := &uploadedStore{Forward: dossier.Forward{Inner: memory.New(memory.Config{})}}
	if _, err := s.Put(t.Context(), "uploaded/key", dossier.BytesSource([]byte(content)), dossier.PutOptions{Header: header}); err != nil {
		t.Fatal(err)
	}
	registry := &dossier.Registry{}
	if err := registry.Register("uploads", s); err != nil {
		t.Fatal(err)
	}
	return s, fileobject.Target{
		Registry: registry, Policy: fileobject.Policy{Backend: "uploads"}, Values: dossier.KeyValues{Table: "t", Field: "f"},
	}
}

func uploadedKey(bound fileobject.Bindings) fileobject.Uploaded {
	return fileobject.Uploaded{Reference: fileobject.Reference{Backend: "uploads", Key: "uploaded/key"}, Bound: bound}
}

// An object stays where it is exactly if nobody can overwrite it and the store keeps nothing of it that the column would not.
func TestUploadedObjectStaysOrIsCopied(t *testing.T) {
	t.Parallel()
	only := fileobject.Bindings{CreateOnly: true}
	for name, test := range map[string]struct {
		bound  fileobject.Bindings
		header dossier.Header
		policy string
		stays  bool
	}{
		"as it should be":  {only, dossier.Header{ContentType: "text/plain"}, "uploads", true},
		"no type":          {only, dossier.Header{}, "uploads", true},
		"a harmless type":  {only, dossier.Header{ContentType: "application/octet-stream"}, "uploads", true},
		"overwritable":     {fileobject.Bindings{}, dossier.Header{ContentType: "text/plain"}, "uploads", false},
		"a false type":     {only, dossier.Header{ContentType: "text/html"}, "uploads", false},
		"an encoding":      {only, dossier.Header{ContentType: "text/plain", ContentEncoding: "gzip"}, "uploads", false},
		"a disposition":    {only, dossier.Header{ContentDisposition: "inline"}, "uploads", false},
		"it needs a cache": {only, dossier.Header{}, "uploads,cache:no-store", false},
		"it needs a name":  {only, dossier.Header{}, "uploads,disposition:attachment", false},
	} {
		store, target := newUploadedStore(t, "plain text", test.header)
		var err error
		if target.Policy, err = fileobject.ParsePolicy(test.policy); err != nil {
			t.Fatal(err)
		}
		f := fileobject.FromUploaded("a.txt", uploadedKey(test.bound), fileobject.Options{})
		transfer, err := fileobject.Begin(t.Context(), f, target)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		err = errors.Join(transfer.Put(t.Context(), nil), transfer.Close())
		info, gone := store.Stat(t.Context(), f.Key)
		if err = errors.Join(err, gone); err != nil || transfer.InPlace() != test.stays || (f.Key == "uploaded/key") != test.stays {
			t.Errorf("%s: in place %v at %s, %v", name, transfer.InPlace(), f.Key, err)
		}
		if info.Header.ContentType == "text/html" || info.Header.ContentEncoding != "" || f.Size != 10 || f.Checksum == "" {
			t.Errorf("%s: stored as %+v, record %+v", name, info.Header, f.Record)
		}
	}
}

// The bytes have the declared checksum, whoever knows it; the object is read only when nobody does.
func TestUploadedChecksumIsKnownOrRead(t *testing.T) {
	t.Parallel()
	const content = "plain text"
	sha := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))
	for name, test := range map[string]struct {
		forgetful, bound bool
		declared         string
		reads            int
		kind             error
	}{
		"kept by the store":         {false, false, "", 0, nil},
		"kept, and declared":        {false, false, "crc32c:00000000", 0, dossier.ErrChecksum},
		"another kind is declared":  {false, false, sha, 1, nil},
		"another kind, and wrong":   {false, false, "sha256:" + fmt.Sprintf("%064d", 0), 1, dossier.ErrChecksum},
		"another kind, but bound":   {false, true, sha, 0, nil},
		"not kept":                  {true, false, "", 1, nil},
		"not kept, wrong":           {true, false, "crc32c:00000000", 1, dossier.ErrChecksum},
		"not kept, the store bound": {true, true, "crc32c:d164c4d7", 0, nil},
	} {
		for _, createOnly := range []bool{true, false} {
			store, target := newUploadedStore(t, content, dossier.Header{})
			store.forgetful = test.forgetful
			u := uploadedKey(fileobject.Bindings{CreateOnly: createOnly, Checksum: test.bound})
			u.Checksum = test.declared
			f := fileobject.FromUploaded("a.txt", u, fileobject.Options{})
			transfer, err := fileobject.Begin(t.Context(), f, target)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			err = errors.Join(transfer.Put(t.Context(), nil), transfer.Close())
			if !errors.Is(err, test.kind) || store.reads != test.reads || err == nil != (f.Checksum != "") {
				t.Errorf("%s, create-only %v: %v after %d reads, checksum %s", name, createOnly, err, store.reads, f.Checksum)
			}
		}
	}
}

// What was uploaded and not examined is nobody's to save, and can be read by the application.
func TestUploadedFileIsPending(t *testing.T) {
	t.Parallel()
	_, target := newUploadedStore(t, "plain text", dossier.Header{})
	f := fileobject.FromUploaded(`..\a/b.txt`, uploadedKey(fileobject.Bindings{}), fileobject.Options{Backend: "uploads"}).Bind(target.Registry)
	if _, ok := f.Uploaded(); !ok || !f.Pending() || f.Filename != "b.txt" || f.Size != -1 {
		t.Errorf("%v %+v", ok, f.Record)
	}
	if err := f.Save(t.Context()); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("save: %v", err)
	}
	if _, err := f.Value(); !errors.Is(err, dossier.ErrInvalid) {
		t.Errorf("value: %v", err)
	}
	if _, ok := fileobject.FromBytes("a", nil, fileobject.Options{}).Uploaded(); ok {
		t.Error("other files were uploaded by a client")
	}
	other := target
	other.Policy.Backend = "elsewhere"
	if _, err := fileobject.Begin(t.Context(), f, other); !errors.Is(err, dossier.ErrInvalid) && !errors.Is(err, dossier.ErrNoBackend) {
		t.Errorf("into a column of another store: %v", err)
	}
}
