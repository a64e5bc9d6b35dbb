//go:build unix

package local_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// announced says that it was reached, then waits for the end of standard input, which never comes.
type announced struct{ told bool }

func (a *announced) Read(p []byte) (int, error) {
	if !a.told {
		a.told = true
		return copy(p, make([]byte, 512<<10)), nil
	}
	fmt.Println("begun")
	_, err := io.Copy(io.Discard, os.Stdin)
	return 0, errors.Join(errors.New("nobody may say more"), err)
}

// hangJob begins a Put and a part, and stops in the middle of both.
func hangJob(dir string) error {
	b, err := local.New(dir, local.Config{Durability: local.Fast})
	if err != nil {
		return err
	}
	up, err := b.CreateUpload(background(), "parts", dossier.PutOptions{})
	if err != nil {
		return err
	}
	waiting := newGated()
	go func() { _, _ = b.PutPart(background(), up, 1, dossier.ReaderSource(waiting, -1)) }()
	<-waiting.reached
	_, err = b.Put(background(), "key", dossier.ReaderSource(&announced{}, -1), dossier.PutOptions{})
	return err
}

// TestReclaimSparesTheLiving: a sweep that removed a file which another process is writing would fail its upload, and
// one that spares what a dead process left would fill the disk.
func TestReclaimSparesTheLiving(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	command := child(t, "hang", dir)
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var whileAlive dossier.ReclaimReport
	killAfter(t, command, "begun", func() {
		if whileAlive, err = b.Reclaim(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
	if whileAlive != (dossier.ReclaimReport{}) {
		t.Errorf("removed from a living process: %+v", whileAlive)
	}
	report, err := b.Reclaim(t.Context(), 0)
	if err != nil || report.Files != 2 || report.Uploads != 1 || report.Bytes == 0 {
		t.Errorf("report %+v, %v; want the temporary file, the upload and its part", report, err)
	}
	wantNothingLeft(t, dir)
	wantAbsent(t, b, "key")
}

// TestReclaimSparesTheYoung: the age is there so that a pause between two parts does not end an upload.
func TestReclaimSparesTheYoung(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	up, err := b.CreateUpload(t.Context(), "key", dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutPart(t.Context(), up, 1, source("part")); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(dir, ".dossier", "tmp", "tmp-dead")
	if err := os.WriteFile(dead, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if report, err := b.Reclaim(t.Context(), time.Hour); err != nil || report != (dossier.ReclaimReport{}) {
		t.Errorf("report %+v, %v; everything is young", report, err)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{dead, filepath.Join(dir, ".dossier", "uploads", up.ID, "part-00001")} {
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	want := dossier.ReclaimReport{Files: 1, Bytes: 5} // the folder of the upload is young
	if report, err := b.Reclaim(t.Context(), time.Hour); err != nil || report != want {
		t.Errorf("report %+v, %v; want %+v", report, err, want)
	}
	want = dossier.ReclaimReport{Files: 1, Uploads: 1, Bytes: 4}
	if report, err := b.Reclaim(t.Context(), 0); err != nil || report != want {
		t.Errorf("report %+v, %v; want %+v", report, err, want)
	}
	wantNothingLeft(t, dir)
}

// TestReclaimNeverRemovesAnObject, not even one that has its temporary name still, because the process died between
// giving it a name and taking the other one away.
func TestReclaimNeverRemovesAnObject(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	put(t, b, "folder/key", "content")
	if err := os.Link(filepath.Join(dir, "folder", "key"), filepath.Join(dir, ".dossier", "tmp", "tmp-name")); err != nil {
		t.Fatal(err)
	}
	want := dossier.ReclaimReport{Files: 1} // no bytes become free
	if report, err := b.Reclaim(t.Context(), 0); err != nil || report != want {
		t.Errorf("report %+v, %v; want %+v", report, err, want)
	}
	if got := content(t, b, "folder/key"); got != "content" {
		t.Errorf("content %q", got)
	}
}

// TestReclaimBetweenCreationAndLock: for a moment a new file belongs to nobody. Its writer must notice that it is gone,
// or all that it writes goes nowhere.
func TestReclaimBetweenCreationAndLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sweeper := openAt(t, dir, local.Config{Durability: local.Fast})
	var removed []int
	b := openAt(t, dir, local.Config{Durability: local.Fast, Step: func(step string) error {
		if (step == "put.temp.after" || step == "upload.mkdir.after") && len(removed) < 3 {
			report, err := sweeper.Reclaim(background(), 0)
			removed = append(removed, report.Files)
			return err
		}
		return nil
	}})
	removed = nil
	put(t, b, "key", "content")
	if !slices.Equal(removed, []int{1, 1, 1}) || content(t, b, "key") != "content" {
		t.Errorf("removed %v, content %q", removed, content(t, b, "key"))
	}
	removed = nil
	up, err := b.CreateUpload(t.Context(), "parts", dossier.PutOptions{})
	if err != nil || len(removed) != 3 {
		t.Errorf("%+v, %v, after %d sweeps", up, err, len(removed))
	}
}

// TestReclaimBesideWriters: sweeping with age zero all the time must not fail a single write.
func TestReclaimBesideWriters(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	together(4, func(i int) {
		for n := range 100 {
			if i == 0 {
				if _, err := b.Reclaim(t.Context(), 0); err != nil {
					t.Error(err)
				}
				continue
			}
			key := fmt.Sprintf("%d/%d", i, n)
			if _, err := b.Put(t.Context(), key, source("x"), dossier.PutOptions{}); err != nil {
				t.Error(err)
			}
			up, err := b.CreateUpload(t.Context(), key, dossier.PutOptions{})
			if err != nil {
				t.Error(err)
			}
			if err := b.AbortUpload(t.Context(), up); err != nil {
				t.Error(err)
			}
		}
	})
	wantNothingLeft(t, dir)
}

// TestReclaimRefusesANegativeAge: it would be a sweep of the future.
func TestReclaimRefusesANegativeAge(t *testing.T) {
	t.Parallel()
	b, _ := openFast(t)
	_, err := b.Reclaim(t.Context(), -1)
	wantError(t, err, dossier.ErrInvalid)
}
