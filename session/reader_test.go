package session_test

import (
	"runtime"
	"strings"
	"testing"
	"weak"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// A session that commits again and again, as an import of a million files does, must not keep every reader that it ever read.
func TestReadersAreForgottenAfterTheCommit(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	s, err := w.Begin(w.ctx)
	must(t, err)
	defer s.Close()
	reader := func() weak.Pointer[readerFunc] {
		read := readerFunc(strings.NewReader("once").Read)
		must(t, s.Insert(w.ctx, &paper{Title: "a", File: fileobject.FromReader("a.txt", &read, fileobject.Options{})}))
		return weak.Make(&read)
	}()
	must(t, s.Commit(w.ctx))
	runtime.GC()
	if reader.Value() != nil {
		t.Error("the session has the reader still")
	}
}
