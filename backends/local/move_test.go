package local_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// TestMoveIsOneStep: the only step that touches names turns "only the source" into "only the destination", also with a
// new header, also when the destination is replaced.
func TestMoveIsOneStep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var seen []string
	b := openAt(t, dir, local.Config{Durability: local.Fast, Step: func(step string) error {
		if strings.HasPrefix(step, "move.") {
			seen = append(seen, fmt.Sprintf("%s: from %v, to %q", step, exists(dir, "from"), contentAt(dir, "to")))
		}
		return nil
	}})
	put(t, b, "from", "moved")
	put(t, b, "to", "replaced")
	opts := dossier.CopyOptions{Replace: &dossier.Replacement{Metadata: map[string]string{"a": "b"}}}
	info, err := b.Move(t.Context(), "to", "from", opts)
	if err != nil || info.Metadata["a"] != "b" {
		t.Errorf("%+v, %v", info, err)
	}
	want := []string{
		`move.attributes.before: from true, to "replaced"`, `move.attributes.after: from true, to "replaced"`,
		`move.rename.before: from true, to "replaced"`, `move.rename.after: from false, to "moved"`,
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen:\n%s", strings.Join(seen, "\n"))
	}
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

func contentAt(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestOpposedMovesDoNotLockEachOtherOut: two keys are locked for a move, always in one order.
func TestOpposedMovesDoNotLockEachOtherOut(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	if local.LockNumber("one") == local.LockNumber("two") {
		t.Fatal("the keys share a lock; choose others")
	}
	put(t, b, "one", "x")
	together(4, func(i int) {
		from, to := "one", "two"
		if i%2 == 1 {
			from, to = to, from
		}
		for range 100 {
			_, err := b.Move(t.Context(), to, from, dossier.CopyOptions{})
			if err != nil && !errors.Is(err, dossier.ErrNotExist) {
				t.Error(err)
			}
		}
	})
	if got := keys(t, b, dossier.ListOptions{}); len(got) != 1 {
		t.Errorf("listed %q", got)
	}
}

// TestFailedMoveTakesItsHeaderBack: the header is exchanged before the rename, which may fail.
func TestFailedMoveTakesItsHeaderBack(t *testing.T) {
	t.Parallel()
	failing := false
	dir := t.TempDir()
	b := openAt(t, dir, local.Config{Durability: local.Fast, Step: func(step string) error {
		if failing && step == "move.rename.before" {
			return &fs.PathError{Op: "test", Path: step, Err: syscall.EACCES}
		}
		return nil
	}})
	write(t, dir+"/foreign", "without attributes")
	put(t, b, "own", "with attributes")
	failing = true
	for _, key := range []string{"own", "foreign"} {
		before, err := b.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		replace := &dossier.Replacement{Metadata: map[string]string{"new": "header"}}
		_, err = b.Move(t.Context(), "elsewhere", key, dossier.CopyOptions{Replace: replace})
		wantError(t, err, dossier.ErrPermission)
		now, err := b.Stat(t.Context(), key)
		if err != nil || now.Metadata != nil || key == "own" && now.Version != before.Version {
			t.Errorf("%+v, %v", now, err)
		}
	}
}

// TestUpdateHeaderLeavesTheBytesAlone and is a new version, so that a cache notices.
func TestUpdateHeaderLeavesTheBytesAlone(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	opts := dossier.PutOptions{Metadata: map[string]string{"old": "1"}, PutID: "put"}
	old, err := b.Put(t.Context(), "key", source("content"), opts)
	if err != nil {
		t.Fatal(err)
	}
	to := dossier.Replacement{Header: dossier.Header{ContentType: "text/plain"}}
	info, err := b.UpdateHeader(t.Context(), "key", to, dossier.Condition{Match: old.Version})
	if err != nil || info.Version == old.Version || info.Header != to.Header || info.Metadata != nil || info.PutID != "put" {
		t.Errorf("%+v, %v", info, err)
	}
	if !info.ModTime.Equal(old.ModTime) || string(info.Checksums.CRC32C) != string(old.Checksums.CRC32C) {
		t.Errorf("%+v is not about the same bytes as %+v", info, old)
	}
	_, err = b.UpdateHeader(t.Context(), "key", to, dossier.Condition{Match: old.Version})
	wantError(t, err, dossier.ErrPrecondition)
	_, err = b.UpdateHeader(t.Context(), "key", to, dossier.Condition{IfAbsent: true})
	wantError(t, err, dossier.ErrInvalid)
	if got := content(t, b, "key"); got != "content" {
		t.Errorf("content %q", got)
	}
}

// TestWithoutAttributesNothingIsDroppedSilently: what the folder cannot keep is refused before anything happens, and
// versions still tell contents apart, though the kernel's clock is coarse and inodes are used again.
func TestWithoutAttributesNothingIsDroppedSilently(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := openAt(t, dir, local.Config{Durability: local.Fast, Attributes: local.AttributesNone})
	for _, opts := range []dossier.PutOptions{
		{Header: dossier.Header{ContentType: "text/plain"}}, {Metadata: map[string]string{"a": "b"}},
	} {
		_, err := b.Put(t.Context(), "key", source("x"), opts)
		wantError(t, err, errors.ErrUnsupported)
		_, err = b.CreateUpload(t.Context(), "key", opts)
		wantError(t, err, errors.ErrUnsupported)
	}
	_, err := b.UpdateHeader(t.Context(), "key", dossier.Replacement{}, dossier.Condition{})
	wantError(t, err, errors.ErrUnsupported)
	wantAbsent(t, b, "key")
	wantNothingLeft(t, dir)
	seen := map[dossier.Version]bool{}
	for i := range 500 {
		info := put(t, b, "key", strings.Repeat("x", 1+i%2))
		if seen[info.Version] {
			t.Fatalf("version %s was used before", info.Version)
		}
		seen[info.Version] = true
	}
}
