//go:build unix

package local_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// TestNoSymbolicLinkLeadsOut: a link in the folder, however it came there, must not open the rest of the machine to
// whoever chooses keys.
func TestNoSymbolicLinkLeadsOut(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, b *local.Backend, dir string) {
		t.Helper()
		outside := t.TempDir()
		secret := filepath.Join(outside, "secret")
		write(t, secret, "secret")
		link(t, outside, filepath.Join(dir, "folder"))
		link(t, secret, filepath.Join(dir, "file"))
		link(t, filepath.Join(outside, "nothing"), filepath.Join(dir, "dangling"))
		link(t, "loop", filepath.Join(dir, "loop"))
		for _, key := range []string{"folder/secret", "file", "dangling", "loop", "loop/x", "folder"} {
			wantAbsent(t, b, key)
			if err := b.Delete(t.Context(), key, dossier.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}
		for _, key := range []string{"folder/secret", "folder/new", "loop/x", "folder/deep/new"} {
			_, err := b.Put(t.Context(), key, source("changed"), dossier.PutOptions{})
			wantError(t, err, dossier.ErrConflict)
			_, err = b.Put(t.Context(), key, source("changed"), dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
			wantError(t, err, dossier.ErrConflict)
		}
		for _, prefix := range []string{"", "folder/", "fold", "loop/"} {
			if got := keys(t, b, dossier.ListOptions{Prefix: prefix}); got != nil {
				t.Errorf("listed below %q: %q", prefix, got)
			}
		}
		put(t, b, "plain", "x")
		_, err := b.Move(t.Context(), "folder/plain", "plain", dossier.CopyOptions{})
		wantError(t, err, dossier.ErrConflict)
		_, err = b.Copy(t.Context(), "folder/plain", "plain", dossier.CopyOptions{})
		wantError(t, err, dossier.ErrConflict)
		_, err = b.Copy(t.Context(), "copied", "folder/secret", dossier.CopyOptions{})
		wantError(t, err, dossier.ErrNotExist)
		entries, err := os.ReadDir(outside)
		if err != nil || len(entries) != 1 || read(t, secret) != "secret" {
			t.Errorf("outside: %v, %v, %q", entries, err, read(t, secret))
		}
	})
}

// TestLinksInsideAreNoObjects: one file under two keys would be locked twice, deleted once and listed for ever.
func TestLinksInsideAreNoObjects(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, b *local.Backend, dir string) {
		t.Helper()
		put(t, b, "real/object", "content")
		link(t, "real", filepath.Join(dir, "alias"))
		link(t, "real/object", filepath.Join(dir, "other"))
		wantAbsent(t, b, "alias/object")
		wantAbsent(t, b, "other")
		if got := keys(t, b, dossier.ListOptions{}); !slices.Equal(got, []string{"real/object"}) {
			t.Errorf("listed %q", got)
		}
		if got := keys(t, b, dossier.ListOptions{Delimiter: "/"}); !slices.Equal(got, []string{"real/"}) {
			t.Errorf("folded %q", got)
		}
		_, err := b.Put(t.Context(), "other", source("x"), dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
		wantError(t, err, dossier.ErrConflict)
		put(t, b, "other", "replaced") // takes the link's place and never writes through it
		if content(t, b, "other") != "replaced" || content(t, b, "real/object") != "content" {
			t.Error("an unconditional put wrote through the link")
		}
	})
}

// TestSpecialFilesAreNoObjects: opening a named pipe waits for its other end, for ever.
func TestSpecialFilesAreNoObjects(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, b *local.Backend, dir string) {
		t.Helper()
		if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
		socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		for _, key := range []string{"pipe", "socket", "pipe/below"} {
			wantAbsent(t, b, key)
			if err := b.Delete(t.Context(), key, dossier.DeleteOptions{}); err != nil {
				t.Error(err)
			}
			_, err := b.Put(t.Context(), key, source("x"), dossier.PutOptions{If: dossier.Condition{Match: "x"}})
			wantError(t, err, dossier.ErrPrecondition)
			_, err = b.Put(t.Context(), key, source("x"), dossier.PutOptions{If: dossier.Condition{IfAbsent: true}})
			wantError(t, err, dossier.ErrConflict)
		}
		if got := keys(t, b, dossier.ListOptions{}); got != nil {
			t.Errorf("listed %q", got)
		}
		for _, name := range []string{"pipe", "socket"} {
			if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
				t.Errorf("%s is gone: %v", name, err)
			}
		}
	})
}

// TestHardLinksAreHarmless: a snapshot by hard links must not change when the store does, and a move between two names
// of one file must not leave both.
func TestHardLinksAreHarmless(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	put(t, b, "key", "old")
	if err := os.Link(filepath.Join(dir, "key"), filepath.Join(dir, "snapshot")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Move(t.Context(), "snapshot", "key", dossier.CopyOptions{}); err != nil {
		t.Error(err)
	}
	if got := keys(t, b, dossier.ListOptions{}); !slices.Equal(got, []string{"snapshot"}) {
		t.Errorf("after the move: %q", got)
	}
	if err := os.Link(filepath.Join(dir, "snapshot"), filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	put(t, b, "key", "new")
	if got := content(t, b, "snapshot"); got != "old" {
		t.Errorf("the snapshot is %q", got)
	}
}

// TestForeignFilesAreObjects, but names that are no keys are passed over, and what is damaged is an error.
func TestForeignFilesAreObjects(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	write(t, filepath.Join(dir, "foreign.txt"), "foreign")
	write(t, filepath.Join(dir, "back\\slash"), "no key")
	write(t, filepath.Join(dir, "line\nbreak"), "no key")
	write(t, filepath.Join(dir, "\xff"), "no key")
	if got := keys(t, b, dossier.ListOptions{}); !slices.Equal(got, []string{"foreign.txt"}) {
		t.Errorf("listed %q", got)
	}
	info, err := b.Stat(t.Context(), "foreign.txt")
	if err != nil || info.Version == "" || info.Checksums.CRC32C != nil || info.Size != 7 {
		t.Errorf("%+v, %v", info, err)
	}
	opts := dossier.PutOptions{If: dossier.Condition{Match: info.Version}}
	if _, err := b.Put(t.Context(), "foreign.txt", source("ours"), opts); err != nil {
		t.Errorf("compare-and-swap of a foreign file: %v", err)
	}
}

// TestBytesChangedByOthersAreFound at the end of a full read, and the caller may ask not to look.
func TestBytesChangedByOthersAreFound(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	put(t, b, "key", "content")
	write(t, filepath.Join(dir, "key"), "c0ntent")
	_, err := dossier.ReadAll(t.Context(), b, "key", 0)
	if !errors.Is(err, dossier.ErrChecksum) {
		t.Errorf("error %v", err)
	}
	object, err := b.Get(t.Context(), "key", dossier.GetOptions{SkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if got, err := io.ReadAll(object); err != nil || string(got) != "c0ntent" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestKeysThatLookLikeOurOwnFiles are ordinary keys everywhere but at the top.
func TestKeysThatLookLikeOurOwnFiles(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	for _, key := range []string{".dossier", ".dossier/store", ".dossier/tmp/x"} {
		_, err := b.Put(t.Context(), key, source("x"), dossier.PutOptions{})
		wantError(t, err, dossier.ErrInvalidKey)
		wantError(t, b.Delete(t.Context(), key, dossier.DeleteOptions{}), dossier.ErrInvalidKey)
	}
	want := []string{".dossierx", "a/.dossier/store", "tmp/tmp-x", "x.attrs", "~"}
	for _, key := range want {
		put(t, b, key, key)
	}
	if got := keys(t, b, dossier.ListOptions{}); !slices.Equal(got, want) {
		t.Errorf("listed %q", got)
	}
}

// TestLongNames: the longest key is a path that no single system call takes on some systems, so folders are walked.
func TestLongNames(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, b *local.Backend, _ string) {
		t.Helper()
		deep := strings.Repeat("d/", 511) + "ff"
		wide := strings.Repeat(strings.Repeat("w", 255)+"/", 4)[:1023] + "w"
		for _, key := range []string{deep, wide[:255], strings.Repeat("é", 127) + "e"} {
			put(t, b, key, key)
			if got := content(t, b, key); got != key {
				t.Errorf("%.20q… holds %.20q…", key, got)
			}
		}
		for _, key := range keys(t, b, dossier.ListOptions{}) {
			if err := b.Delete(t.Context(), key, dossier.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
}
