package fileobject_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// observe names the phase of a handle by what can be seen of it. Adopted and doubtful look alike.
func observe(f *fileobject.FileObject) string {
	_, err := f.Value()
	switch {
	case f.Pending():
		return "pending"
	case errors.Is(err, dossier.ErrConsumed):
		return "consumed"
	case err != nil:
		return "staged"
	case f.Origin() != nil:
		return "stored"
	}
	return "adopted"
}

// phases bring a fresh transfer into each phase of its handle.
var phases = map[string]func(*fileobject.Transfer){
	"pending":  nil,
	"staged":   func(*fileobject.Transfer) {},
	"adopted":  (*fileobject.Transfer).Adopt,
	"stored":   func(x *fileobject.Transfer) { x.Adopt(); x.Settle() },
	"doubtful": func(x *fileobject.Transfer) { x.Adopt(); x.Doubt() },
	"consumed": (*fileobject.Transfer).Release,
	"released": (*fileobject.Transfer).Release,
}

var operations = map[string]func(*fileobject.Transfer){
	"Adopt":   (*fileobject.Transfer).Adopt,
	"Unadopt": (*fileobject.Transfer).Unadopt,
	"Settle":  (*fileobject.Transfer).Settle,
	"Doubt":   (*fileobject.Transfer).Doubt,
	"Release": (*fileobject.Transfer).Release,
	"Close":   func(x *fileobject.Transfer) { _ = x.Close() },
}

// stateTable says what each operation makes of each phase; what is not listed changes nothing. A file without bytes in
// the store must never become one that a row can name, and one that a committed row names is never given up.
var stateTable = map[string]map[string]string{
	"pending":  {},
	"staged":   {"Adopt": "adopted", "Release": "pending"},
	"adopted":  {"Unadopt": "staged", "Settle": "stored", "Release": "pending"},
	"doubtful": {"Settle": "stored", "Release": "pending"},
	"stored":   {},
	"consumed": {},
	"released": {},
}

func TestStateTable(t *testing.T) {
	t.Parallel()
	for phase, bring := range phases {
		for operation, apply := range operations {
			t.Run(phase+" "+operation, func(t *testing.T) {
				t.Parallel()
				_, ctx := newStore(t)
				f := fileobject.FromBytes("a", []byte("x"), fileobject.Options{})
				if phase == "consumed" {
					f = fileobject.FromReader("a", strings.NewReader("x"), fileobject.Options{})
				}
				transfer := begin(ctx, t, f, "uploads")
				if bring != nil {
					if err := transfer.Put(ctx, nil); err != nil {
						t.Fatal(err)
					}
					bring(transfer)
				}
				before := observe(f)
				want := before
				if listed := stateTable[phase][operation]; listed != "" {
					want = listed
				}
				if apply(transfer); observe(f) != want {
					t.Errorf("%s became %s, want %s", before, observe(f), want)
				}
			})
		}
	}
}

// What the application may ask of a handle in each phase.
func TestEachPhaseAllowsWhatItCan(t *testing.T) {
	t.Parallel()
	for phase, want := range map[string]struct{ value, read, upload error }{
		"pending":  {dossier.ErrInvalid, dossier.ErrInvalid, nil},
		"released": {dossier.ErrInvalid, dossier.ErrInvalid, nil},
		"staged":   {dossier.ErrInvalid, nil, dossier.ErrInvalid},
		"adopted":  {nil, nil, dossier.ErrInvalid},
		"stored":   {nil, nil, dossier.ErrInvalid},
		"doubtful": {nil, nil, dossier.ErrInvalid},
		"consumed": {dossier.ErrConsumed, dossier.ErrConsumed, dossier.ErrConsumed},
	} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			_, ctx := newStore(t)
			f := fileobject.FromBytes("a", []byte("x"), fileobject.Options{})
			if phase == "consumed" {
				f = fileobject.FromReader("a", strings.NewReader("x"), fileobject.Options{})
			}
			if phases[phase] != nil {
				phases[phase](stage(ctx, t, f, "uploads"))
			}
			is := func(what string, err, want error) {
				if !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
			}
			_, err := f.Value()
			is("Value", err, want.value)
			_, err = f.MarshalJSON()
			is("MarshalJSON", err, want.value)
			_, err = fileobject.List{f}.Value()
			is("Value of the list", err, want.value)
			_, err = f.Stat(ctx)
			is("Stat", err, want.read)
			_, err = f.Content(ctx)
			is("Content", err, want.read)
			is("Delete", f.Delete(ctx), dossier.ErrInvalid)
			is("upload", upload(ctx, t, f, "uploads"), want.upload)
		})
	}
}

// Application code copies structs. Whichever copy is saved, all of them are the same file.
func TestCopiesOfAHandleAgree(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := fileobject.FromBytes("a.txt", []byte("x"), fileobject.Options{})
	early := *f
	transfer := stage(ctx, t, f, "uploads")
	late := *f
	if early.Pending() || early.Reference() != f.Reference() {
		t.Errorf("the copy is %v, the handle %v", &early, f)
	}
	transfer.Adopt()
	transfer.Settle()
	want, err := f.Value()
	if err != nil {
		t.Fatal(err)
	}
	for name, copied := range map[string]*fileobject.FileObject{"early": &early, "late": &late} {
		if got, err := copied.Value(); err != nil || got != want {
			t.Errorf("%s copy: %v, %v; want %v", name, got, err, want)
		}
		if copied.Origin() == nil || len(copied.Origin().References()) != 1 || copied.Origin().References()[0] != f.Reference() {
			t.Errorf("%s copy does not know what its row holds: %v", name, copied.Origin())
		}
		if content(ctx, t, copied) != "x" {
			t.Errorf("%s copy reads something else", name)
		}
	}
	wantIs(t, "uploading a copy", upload(ctx, t, &early, "uploads"), dossier.ErrInvalid)
}

// A unit of work that is tried again uploads under another key. A copy that saw the first key must not write it into
// the row: there is no object any more.
func TestCopyFollowsTheSecondAttempt(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	f := fileobject.FromBytes("a.txt", []byte("x"), fileobject.Options{})
	copied := *f
	first := stage(ctx, t, f, "uploads")
	seen := copied.Reference()
	if err := s.Delete(ctx, seen.Key, dossier.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	first.Release()
	second := stage(ctx, t, f, "uploads")
	second.Adopt()
	value, err := copied.Value()
	if err != nil || copied.Reference() != second.Reference() || strings.Contains(value.(string), seen.Key) {
		t.Errorf("the copy writes %v (%v), the object is %v", value, err, second.Reference())
	}
}

// What the application edits while the bytes travel is its own: name and metadata survive staging and rollback.
func TestStagingKeepsEditedNameAndMetadata(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := fileobject.FromBytes("a.txt", []byte("x"), fileobject.Options{})
	copied := *f
	copied.Filename, copied.Metadata = "renamed.txt", map[string]any{"n": 1}
	transfer := stage(ctx, t, f, "uploads")
	if copied.Reference() != f.Reference() || copied.Filename != "renamed.txt" || copied.Metadata["n"] != 1 {
		t.Errorf("%+v", copied.Record)
	}
	if transfer.Release(); !copied.Pending() || copied.Reference().Key != "" || copied.Filename != "renamed.txt" {
		t.Errorf("after the rollback: %+v", copied.Record)
	}
}

// Two uploads of one handle would leave one object that nobody knows of.
func TestOneTransferAtATime(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := fileobject.FromBytes("a", []byte("x"), fileobject.Options{})
	copied := *f
	first := begin(ctx, t, f, "uploads")
	_, err := fileobject.Begin(ctx, &copied, target(t, "uploads"))
	wantIs(t, "second begin", err, dossier.ErrInvalid)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := begin(ctx, t, &copied, "uploads")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = fileobject.Begin(ctx, f, target(t, "uploads"))
	wantIs(t, "begin after the first transfer was closed twice", err, dossier.ErrInvalid)
	if err := second.Put(ctx, nil); err != nil {
		t.Error(err)
	}
}

// A closed transfer, or one whose bytes are stored, has nothing to send.
func TestPutIsForAnOpenTransferOfAPendingFile(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	staged := begin(ctx, t, fileobject.FromBytes("a", []byte("x"), fileobject.Options{}), "uploads")
	if err := staged.Put(ctx, nil); err != nil {
		t.Fatal(err)
	}
	wantIs(t, "put of a staged file", staged.Put(ctx, nil), dossier.ErrInvalid)
	closed := begin(ctx, t, fileobject.FromBytes("a", []byte("x"), fileobject.Options{}), "uploads")
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	wantIs(t, "put of a closed transfer", closed.Put(ctx, nil), dossier.ErrClosed)
	if puts, _ := s.calls(); puts != 1 {
		t.Errorf("%d puts reached the backend", puts)
	}
}

// A source that is read once is gone with a failed upload; the handle says so at once and at every later use.
func TestOneShotIsConsumedByAFailedUpload(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	failing := func([]byte) (int, error) { return 0, broken }
	for where, n := range sizes {
		s, ctx := newStore(t)
		f := fileobject.FromReader("a", misbehaving(n, failing), fileobject.Options{})
		wantIs(t, where, upload(ctx, t, f, "uploads"), broken)
		if observe(f) != "consumed" {
			t.Errorf("%s: the handle is %s", where, observe(f))
		}
		wantIs(t, where+", again", upload(ctx, t, f, "uploads"), dossier.ErrConsumed)
		if s.count() != 0 {
			t.Errorf("%s: an object was stored", where)
		}
	}
}

// Refused for its type, a one-shot upload was read too.
func TestOneShotIsConsumedByARefusal(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	f := fileobject.FromReader("a.png", strings.NewReader("<html>"), fileobject.Options{})
	wantIs(t, "upload", upload(ctx, t, f, "uploads,accept:image/*"), dossier.ErrType)
	if observe(f) != "consumed" {
		t.Errorf("the handle is %s", observe(f))
	}
	unread := fileobject.FromReader("a", strings.NewReader("x"), fileobject.Options{})
	wantIs(t, "upload", upload(ctx, t, unread, "elsewhere"), dossier.ErrNoBackend)
	if !unread.Pending() {
		t.Error("a reader that was not touched cannot be read any more")
	}
}

// Rollback after the context of the request ended must still work: phases need no storage.
func TestReleaseNeedsNoStorage(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	ctx, cancel := context.WithCancel(ctx)
	f := fileobject.FromBytes("a", []byte("x"), fileobject.Options{})
	transfer := stage(ctx, t, f, "uploads")
	cancel()
	transfer.Release()
	if !f.Pending() || s.deletes != 0 {
		t.Errorf("%s; %d deletes: removing the object is the unit of work's", observe(f), s.deletes)
	}
}
