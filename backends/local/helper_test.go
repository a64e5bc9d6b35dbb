package local_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// openAt opens a store over dir that is closed with the test.
func openAt(t *testing.T, dir string, cfg local.Config) *local.Backend {
	t.Helper()
	b, err := local.New(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// openFast opens a store over a new folder, without waiting for the disk.
func openFast(t *testing.T) (b *local.Backend, dir string) {
	t.Helper()
	dir = t.TempDir()
	return openAt(t, dir, local.Config{Durability: local.Fast}), dir
}

// bothWays runs a test over the short cut of Linux and over os.Root, which must not differ.
func bothWays(t *testing.T, test func(t *testing.T, b *local.Backend, dir string)) {
	t.Helper()
	t.Run("shortcut", func(t *testing.T) {
		t.Parallel()
		b, dir := openFast(t)
		if !b.HasShortcut() {
			t.Skip("this system has no openat2")
		}
		test(t, b, dir)
	})
	t.Run("root", func(t *testing.T) {
		t.Parallel()
		b, dir := openFast(t)
		test(t, b.WithoutShortcut(), dir)
	})
}

func source(content string) dossier.Source { return dossier.BytesSource([]byte(content)) }

// put stores content and fails the test if that fails.
func put(t *testing.T, b dossier.Backend, key, content string) dossier.Info {
	t.Helper()
	info, err := b.Put(t.Context(), key, source(content), dossier.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// content reads an object in full, with its checksum verified.
func content(t *testing.T, b dossier.Backend, key string) string {
	t.Helper()
	read, err := dossier.ReadAll(t.Context(), b, key, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(read)
}

// wantError fails unless err is a *dossier.Error of this kind.
func wantError(t *testing.T, err, kind error) {
	t.Helper()
	var known *dossier.Error
	if !errors.Is(err, kind) || !errors.As(err, &known) || known.Kind != kind { //nolint:errorlint // the kind itself
		t.Errorf("error %v (kind %v), want the kind %v", err, kindOf(known), kind)
	}
}

func kindOf(err *dossier.Error) error {
	if err == nil {
		return nil
	}
	return err.Kind
}

// wantAbsent fails unless the store positively says that there is no object.
func wantAbsent(t *testing.T, b dossier.Backend, key string) {
	t.Helper()
	_, err := b.Stat(t.Context(), key)
	wantError(t, err, dossier.ErrNotExist)
	_, err = b.Get(t.Context(), key, dossier.GetOptions{})
	wantError(t, err, dossier.ErrNotExist)
}

// keys lists the store.
func keys(t *testing.T, b dossier.Backend, opts dossier.ListOptions) (all []string) {
	t.Helper()
	for info, err := range dossier.List(t.Context(), b, opts) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

// wantNothingLeft fails if there are temporary files or uploads.
func wantNothingLeft(t *testing.T, dir string) {
	t.Helper()
	for _, folder := range []string{"tmp", "uploads"} {
		entries, err := os.ReadDir(filepath.Join(dir, ".dossier", folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			t.Errorf("left behind: .dossier/%s/%s", folder, entry.Name())
		}
	}
}

// failing is a source that delivers some bytes and then an error.
func failing(content string, err error) dossier.Source {
	return dossier.ReaderSource(io.MultiReader(strings.NewReader(content), errReader{err}), -1)
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// gated is a source that waits for permission after its first bytes.
type gated struct {
	reached chan struct{} // closed when the first bytes were read
	goOn    chan struct{}
	state   int
}

func newGated() *gated { return &gated{reached: make(chan struct{}), goOn: make(chan struct{})} }

func (g *gated) Read(p []byte) (int, error) {
	g.state++
	switch g.state {
	case 1:
		return copy(p, "first "), nil
	case 2:
		close(g.reached)
		<-g.goOn
		return copy(p, "second"), nil
	}
	return 0, io.EOF
}

// background is a context for what must work after the test's own has ended.
func background() context.Context { return context.Background() }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}
