package session_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dossier-go/dossier/session"
)

// The owner may commit and unlink its side file after a sweep opened it and before the sweep got the lock. Then the marker
// may be gone too, and the sweep would take committed files for abandoned ones.
func TestSideFileUnlinkedBetweenOpenAndLockIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]bool{"gone": false, "another file in its place": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.intent")
			if err := os.WriteFile(path, []byte("dossier side file v1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path, path+".gone"); err != nil {
				t.Fatal(err)
			}
			if replace {
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if locked, err := session.LockOpened(file, path); locked != nil || err != nil {
				t.Errorf("it was locked: %v, %v", locked, err)
			}
			if err := file.Close(); err == nil {
				t.Error("the file was left open")
			}
		})
	}
}
