package fileobject_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

func TestSaveStoresWithoutARow(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f := fileobject.FromBytes("a.txt", []byte("text"), fileobject.Options{Backend: "uploads"})
	copied := *f
	if err := f.Save(ctx); err != nil {
		t.Fatal(err)
	}
	if f.Pending() || !strings.HasPrefix(f.Key, "saved/") || content(ctx, t, f) != "text" || copied.Reference() != f.Reference() || s.count() != 1 {
		t.Errorf("%v, %v", f, &copied)
	}
	wantIs(t, "second Save", f.Save(ctx), dossier.ErrInvalid)
	if err := copied.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	if s.count() != 0 || !f.Pending() || f.Reference().Key != "" {
		t.Errorf("%d objects, %v", s.count(), f)
	}
	if err := f.Save(ctx); err != nil || content(ctx, t, f) != "text" {
		t.Errorf("saved again: %v", err)
	}
}

// Delete must never take the object of a row: a row that points at nothing is what this module exists to prevent.
func TestDeleteTakesOnlyWhatSaveStored(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	var row fileobject.FileObject
	committed := commit(ctx, t, fileobject.FromBytes("a", []byte("x"), fileobject.Options{}), "uploads")
	if value, err := committed.Value(); err != nil || row.Scan(value) != nil {
		t.Fatal(err)
	}
	staged := fileobject.FromBytes("a", []byte("x"), fileobject.Options{})
	stage(ctx, t, staged, "uploads")
	for name, f := range map[string]*fileobject.FileObject{
		"nil": nil, "zero": {}, "pending": fileobject.FromBytes("a", nil, fileobject.Options{}), "committed": committed, "row": &row, "staged": staged,
	} {
		err := f.Delete(ctx)
		wantIs(t, name, err, dossier.ErrInvalid)
		if !strings.Contains(err.Error(), "session") {
			t.Errorf("%s: %q does not say what to do", name, err)
		}
	}
	if s.deletes != 0 || s.count() != 2 {
		t.Errorf("%d deletes; %d objects are left of 2", s.deletes, s.count())
	}
}

// A saved file that a row imported is the row's.
func TestImportedFileIsNotDeletable(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f := fileobject.FromBytes("a", []byte("x"), fileobject.Options{Backend: "uploads"})
	if err := f.Save(ctx); err != nil {
		t.Fatal(err)
	}
	transfer, err := fileobject.BeginImport(ctx, f, target(t, "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	wantIs(t, "Delete while staged", f.Delete(ctx), dossier.ErrInvalid)
	transfer.Adopt()
	transfer.Release()
	rolledBack := *f
	if transfer, err = fileobject.BeginImport(ctx, f, target(t, "uploads")); err != nil {
		t.Fatal(err)
	}
	transfer.Adopt()
	transfer.Settle()
	wantIs(t, "Delete of a row's file", f.Delete(ctx), dossier.ErrInvalid)
	wantIs(t, "Delete of a copy", rolledBack.Delete(ctx), dossier.ErrInvalid)
	if s.count() != 1 {
		t.Error("the object is gone")
	}
}

func TestSaveNeedsBytesAndABackend(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	for name, test := range map[string]struct {
		file *fileobject.FileObject
		want error
	}{
		"nil":             {nil, dossier.ErrInvalid},
		"zero":            {&fileobject.FileObject{}, dossier.ErrInvalid},
		"row":             {&fileobject.FileObject{Record: dossier.Record{Backend: "uploads", Key: "k"}}, dossier.ErrInvalid},
		"no backend":      {fileobject.FromBytes("a", nil, fileobject.Options{}), dossier.ErrInvalid},
		"unknown backend": {fileobject.FromBytes("a", nil, fileobject.Options{Backend: "elsewhere"}), dossier.ErrNoBackend},
	} {
		wantIs(t, name, test.file.Save(ctx), test.want)
	}
	if puts, _ := s.calls(); puts != 0 {
		t.Errorf("%d puts", puts)
	}
}

func TestSavedOneShotIsConsumedByDelete(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f := fileobject.FromReader("a", strings.NewReader("x"), fileobject.Options{Backend: "uploads"})
	if err := errors.Join(f.Save(ctx), f.Delete(ctx)); err != nil || s.count() != 0 {
		t.Fatal(err)
	}
	wantIs(t, "Save", f.Save(ctx), dossier.ErrConsumed)
	_, err := f.Value()
	wantIs(t, "Value", err, dossier.ErrConsumed)
}

func TestFailedSaveLeavesTheFilePending(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	away := errors.New("no answer")
	s.put = func(context.Context, string, dossier.Source, dossier.PutOptions) (dossier.Info, error) {
		return dossier.Info{}, away
	}
	f := fileobject.FromBytes("a", []byte("x"), fileobject.Options{Backend: "uploads"})
	wantIs(t, "Save", f.Save(ctx), away)
	if s.put = nil; !f.Pending() || f.Save(ctx) != nil {
		t.Errorf("%v", f)
	}
}
