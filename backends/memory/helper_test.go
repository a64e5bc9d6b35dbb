package memory_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/dossier-go/dossier"
)

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
	if !errors.As(err, &known) || known.Kind != kind { //nolint:errorlint // the kind itself
		t.Errorf("error %v, want the kind %v", err, kind)
	}
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

// together runs n goroutines that begin at the same time.
func together(n int, do func(i int)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-begin
			do(i)
		})
	}
	close(begin)
	group.Wait()
}

// failing is a source that delivers some bytes and then an error.
func failing(content string, err error) dossier.Source {
	return dossier.ReaderSource(io.MultiReader(strings.NewReader(content), errReader{err}), -1)
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// panicking panics after some bytes.
type panicking struct{ io.Reader }

func (p panicking) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil {
		panic("source")
	}
	return n, nil
}
