package local_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// recorder remembers the steps that happened.
type recorder struct {
	mu    sync.Mutex
	steps []string
}

func (r *recorder) step(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if done, ok := strings.CutSuffix(name, ".after"); ok {
		r.steps = append(r.steps, done)
	}
	return nil
}

// take returns the steps since it was last called.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.steps
	r.steps = nil
	return taken
}

// TestNothingIsVisibleBeforeItIsOnTheDisk: a name that reaches the disk before its bytes is an empty file after a power
// cut, and a new folder is lost if only what is in it was synced.
func TestNothingIsVisibleBeforeItIsOnTheDisk(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	b := openAt(t, t.TempDir(), local.Config{Step: r.step})
	r.take()
	onlyNew := dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}
	write := []string{"put.temp", "put.write", "put.attributes", "put.sync"}
	wantSteps(t, r, "a put in new folders", append(write, "put.mkdir", "put.mkdir", "put.rename", "put.dirsync", "put.dirsync", "put.dirsync"),
		func() error { _, err := b.Put(t.Context(), "a/b/c", source("x"), dossier.PutOptions{}); return err })
	wantSteps(t, r, "a put over another", append(write, "put.rename", "put.dirsync"),
		func() error { _, err := b.Put(t.Context(), "a/b/c", source("x"), dossier.PutOptions{}); return err })
	wantSteps(t, r, "a create-only put", append(write, "put.link", "put.unlink", "put.dirsync"),
		func() error { _, err := b.Put(t.Context(), "a/b/d", source("x"), onlyNew); return err })
	wantSteps(t, r, "a delete", []string{"delete.unlink", "delete.dirsync"},
		func() error { return b.Delete(t.Context(), "a/b/d", dossier.DeleteOptions{}) })
	wantSteps(t, r, "a move", []string{"get.open", "move.mkdir", "move.rename", "move.dirsync", "move.dirsync", "move.dirsync", "delete.rmdir", "delete.rmdir"},
		func() error { _, err := b.Move(t.Context(), "m/c", "a/b/c", dossier.CopyOptions{}); return err })
	wantSteps(t, r, "a delete of the last", []string{"delete.unlink", "delete.dirsync", "delete.rmdir"},
		func() error { return b.Delete(t.Context(), "m/c", dossier.DeleteOptions{}) })
}

func wantSteps(t *testing.T, r *recorder, what string, want []string, do func() error) {
	t.Helper()
	if err := do(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if got := r.take(); !slices.Equal(got, want) {
		t.Errorf("%s:\n%q, want\n%q", what, got, want)
	}
}

// TestFastWaitsForNothing: who asked for speed gets it.
func TestFastWaitsForNothing(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	dir := t.TempDir()
	b := openAt(t, dir, local.Config{Durability: local.Fast, Step: r.step})
	if err := prepare(b); err != nil {
		t.Fatal(err)
	}
	if err := expectedErrors(scenario(b, dir)); err != nil {
		t.Fatal(err)
	}
	for _, step := range r.take() {
		if strings.HasSuffix(step, "sync") {
			t.Errorf("%s happened", step)
		}
	}
}

// TestNoFileStaysOpen: not parallel, because it counts the files of the whole process.
func TestNoFileStaysOpen(t *testing.T) {
	dir := t.TempDir()
	before := openFiles(t)
	b, err := local.New(dir, local.Config{Durability: local.Fast})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(prepare(b), expectedErrors(scenario(b, dir)), checkWhole(b), settle(b, dir), b.Close()); err != nil {
		t.Error(err)
	}
	if now := openFiles(t); now != before {
		t.Errorf("%d files are open, there were %d", now, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open files: ", err)
	}
	return len(entries)
}
