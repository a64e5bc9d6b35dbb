package local_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// TestIdentityMovesWithTheFolder: a journal that names the store must find it after a move, and must not take another
// folder that was mounted at the old path for it.
func TestIdentityMovesWithTheFolder(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	first := openAt(t, filepath.Join(parent, "here"), local.Config{})
	again := openAt(t, filepath.Join(parent, "here"), local.Config{})
	other := openAt(t, filepath.Join(parent, "other"), local.Config{})
	if err := os.Rename(filepath.Join(parent, "here"), filepath.Join(parent, "there")); err != nil {
		t.Fatal(err)
	}
	moved := openAt(t, filepath.Join(parent, "there"), local.Config{})
	store := first.Describe().Store
	if !strings.HasPrefix(store, "file:") || again.Describe().Store != store || moved.Describe().Store != store {
		t.Errorf("one folder is %q, %q and %q", store, again.Describe().Store, moved.Describe().Store)
	}
	if other.Describe().Store == store {
		t.Error("two folders are one store")
	}
	put(t, first, "key", "written through a handle of before the move")
	if got := content(t, moved, "key"); !strings.HasPrefix(got, "written") {
		t.Errorf("content %q", got)
	}
}

// TestNewRefusesWhatItCannotUse, with an error that says what to do.
func TestNewRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "x")
	damaged := t.TempDir()
	put(t, openAt(t, damaged, local.Config{}), "key", "x")
	write(t, filepath.Join(damaged, ".dossier", "store"), "x")
	linked := t.TempDir()
	link(t, t.TempDir(), filepath.Join(linked, ".dossier"))
	for _, c := range []struct {
		name string
		dir  string
		cfg  local.Config
		want error
	}{
		{"no name", "", local.Config{}, dossier.ErrInvalid},
		{"a file", file, local.Config{}, dossier.ErrInvalid},
		{"missing", filepath.Join(t.TempDir(), "x"), local.Config{MustExist: true}, dossier.ErrNoContainer},
		{"a damaged identity", damaged, local.Config{}, dossier.ErrInvalid},
		{"a link in place of .dossier", linked, local.Config{}, dossier.ErrInvalid},
		{"file mode", t.TempDir(), local.Config{FileMode: 0o400}, dossier.ErrInvalid},
		{"file mode with type bits", t.TempDir(), local.Config{FileMode: fs.ModeSetuid | 0o600}, dossier.ErrInvalid},
		{"folder mode", t.TempDir(), local.Config{DirMode: 0o600}, dossier.ErrInvalid},
		{"durability", t.TempDir(), local.Config{Durability: 9}, dossier.ErrInvalid},
		{"attributes", t.TempDir(), local.Config{Attributes: 9}, dossier.ErrInvalid},
	} {
		_, err := local.New(c.dir, c.cfg)
		wantError(t, err, c.want)
		if err != nil && !strings.HasPrefix(err.Error(), "open file") {
			t.Errorf("%s: the text does not begin with operation and backend: %v", c.name, err)
		}
	}
}

// TestNewRefusesFileSystemsThatFoldNames unless it is told that no two keys differ in just that.
func TestNewRefusesFileSystemsThatFoldNames(t *testing.T) {
	t.Parallel()
	if err := local.FoldingFacts(local.Config{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
	if err := local.FoldingFacts(local.Config{AllowFoldedNames: true}); err != nil {
		t.Error(err)
	}
	if err := local.PlainFacts(local.Config{Attributes: local.AttributesRequired}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v", err)
	}
	if err := local.PlainFacts(local.Config{}); err != nil {
		t.Error(err)
	}
}

// TestCapabilitiesFollowTheConfiguration: a promise that is not kept is worse than none.
func TestCapabilitiesFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg         local.Config
		has, hasNot dossier.Capabilities
	}{
		{local.Config{}, dossier.Durable | dossier.PutMatch, dossier.FlatKeys | dossier.SignGet},
		{local.Config{Durability: local.Fast}, dossier.PutMatch, dossier.Durable},
		{local.Config{Attributes: local.AttributesNone}, dossier.PutMatch, dossier.StoresHeader | dossier.StoresMetadata | dossier.StoresCRC32C},
		{local.Config{BaseURL: "/files"}, dossier.PutMatch, dossier.SignGet},
		{local.Config{BaseURL: "/files", Signer: signer(t)}, dossier.SignGet | dossier.SignPost | dossier.BindIfAbsent, dossier.FlatKeys},
	} {
		b := openAt(t, t.TempDir(), c.cfg)
		probed, err := b.Probe(t.Context())
		for _, set := range []dossier.Capabilities{b.Describe().Capabilities, probed.Capabilities} {
			if err != nil || !set.Has(c.has) || set&c.hasNot != 0 {
				t.Errorf("%+v: %v, %v", c.cfg, set, err)
			}
		}
	}
}

func signer(t *testing.T) *dossier.Signer {
	t.Helper()
	s, err := dossier.NewSigner(dossier.SigningKey{ID: "1", Secret: []byte(strings.Repeat("s", 32))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAVanishedFolderIsNotAnEmptyOne: were every object of an unmounted volume "not found", a clean-up would believe it.
func TestAVanishedFolderIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, b *local.Backend, dir string) {
		t.Helper()
		put(t, b, "folder/key", "x")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		_, statErr := b.Stat(ctx, "folder/key")
		_, getErr := b.Get(ctx, "key", dossier.GetOptions{})
		_, putErr := b.Put(ctx, "folder/key", source("x"), dossier.PutOptions{})
		_, moveErr := b.Move(ctx, "b", "folder/key", dossier.CopyOptions{})
		_, createErr := b.CreateUpload(ctx, "key", dossier.PutOptions{})
		_, partErr := b.PutPart(ctx, dossier.Upload{Key: "key", ID: strings.Repeat("A", 26)}, 1, source("x"))
		_, probeErr := b.Probe(ctx)
		errs := []error{statErr, getErr, putErr, moveErr, createErr, partErr, probeErr, b.Delete(ctx, "folder/key", dossier.DeleteOptions{})}
		for _, err := range b.List(ctx, dossier.ListOptions{}) {
			errs = append(errs, err)
		}
		for _, err := range b.List(ctx, dossier.ListOptions{Prefix: "folder/"}) {
			errs = append(errs, err)
		}
		for _, err := range errs {
			wantError(t, err, dossier.ErrNoContainer)
			if errors.Is(err, fs.ErrNotExist) {
				t.Errorf("looks like a missing object: %v", err)
			}
		}
		if len(errs) != 10 {
			t.Errorf("%d errors", len(errs))
		}
	})
}

// TestErrorsOfTheFileSystemAreTyped: a full disk, a missing right and a broken disk ask for different people.
func TestErrorsOfTheFileSystemAreTyped(t *testing.T) {
	t.Parallel()
	for number, want := range map[syscall.Errno]error{
		syscall.ENOSPC: dossier.ErrUnavailable, syscall.EDQUOT: dossier.ErrUnavailable, syscall.EIO: dossier.ErrUnavailable,
		syscall.EMFILE: dossier.ErrUnavailable, syscall.EACCES: dossier.ErrPermission, syscall.EPERM: dossier.ErrPermission,
		syscall.EROFS: dossier.ErrPermission, syscall.ENAMETOOLONG: dossier.ErrInvalidKey,
	} {
		failing := false
		b := openAt(t, t.TempDir(), local.Config{Durability: local.Fast, Step: func(step string) error {
			if failing && (step == "get.open.before" || step == "put.rename.before" || step == "delete.unlink.before") {
				return &fs.PathError{Op: "test", Path: "key", Err: number}
			}
			return nil
		}})
		put(t, b, "key", "old")
		failing = true
		_, putErr := b.Put(t.Context(), "key", source("new"), dossier.PutOptions{})
		_, statErr := b.Stat(t.Context(), "key")
		for _, err := range []error{putErr, statErr, b.Delete(t.Context(), "key", dossier.DeleteOptions{})} {
			wantError(t, err, want)
			if !errors.Is(err, number) {
				t.Errorf("%v hides its cause", err)
			}
		}
		failing = false
		if got := content(t, b, "key"); got != "old" {
			t.Errorf("%v: content %q", number, got)
		}
	}
}

// TestCloseWaitsForNobodyAndBreaksNothing: what is in progress finishes, what begins is refused, open objects are read
// to their end.
func TestCloseWaitsForNobodyAndBreaksNothing(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	put(t, b, "old", "content")
	object, err := b.Get(t.Context(), "old", dossier.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	slow := newGated()
	done := make(chan error)
	go func() {
		_, err := b.Put(background(), "new/key", dossier.ReaderSource(slow, -1), dossier.PutOptions{})
		done <- err
	}()
	<-slow.reached
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	_, err = b.Stat(t.Context(), "old")
	wantError(t, err, dossier.ErrClosed)
	close(slow.goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(object); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
	if got := content(t, openAt(t, dir, local.Config{}), "new/key"); got != "first second" {
		t.Errorf("content %q", got)
	}
}
