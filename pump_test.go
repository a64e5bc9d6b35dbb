package dossier_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/dossier-go/dossier"
)

// blockedReader gives its bytes, then waits until it is released.
type blockedReader struct {
	rest     io.Reader
	reached  chan struct{} // closed when the reader waits
	release  chan struct{}
	returned chan []byte // the buffer it filled after its release
}

func newBlockedReader(first string) *blockedReader {
	return &blockedReader{
		rest: strings.NewReader(first), reached: make(chan struct{}),
		release: make(chan struct{}), returned: make(chan []byte, 1),
	}
}

func (b *blockedReader) Read(p []byte) (int, error) {
	if n, err := b.rest.Read(p); err == nil {
		return n, nil
	}
	close(b.reached)
	<-b.release
	for i := range p {
		p[i] = 0xEE
	}
	b.returned <- p
	return len(p), io.EOF
}

// A user who cancels an upload waits for the answer, not for a peer that sends nothing. What the abandoned reader
// writes later must not reach memory that the caller uses again.
func TestCancelledReceiveReturnsWhileTheReaderBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		reader := newBlockedReader("first")
		in := must[*dossier.Incoming](t)(dossier.Receive(ctx, dossier.ReaderSource(reader, -1), dossier.PutOptions{}))
		buffer := make([]byte, 1<<20)
		if n, err := in.Read(buffer); n != 5 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		go func() { <-reader.reached; cancel() }()
		if _, err := in.Read(buffer); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		clear(buffer)
		close(reader.release)
		<-reader.returned
		for i, b := range buffer {
			if b != 0 {
				t.Fatalf("byte %d of the caller's memory was written after the end", i)
			}
		}
		synctest.Wait() // and the goroutine has ended, or the bubble would not
	})
}

// panickingReader panics after its first bytes.
type panickingReader struct{ read bool }

func (r *panickingReader) Read(p []byte) (int, error) {
	if r.read {
		panic("a bug in the reader")
	}
	r.read = true
	return copy(p, "first"), nil
}

// A bug in a user's reader must fail the upload, not the process: nobody could recover a panic in a goroutine.
func TestPanicOfAPumpedReaderIsAnError(t *testing.T) {
	t.Parallel()
	_, _, err := received(t.Context(), dossier.ReaderSource(&panickingReader{}, -1), dossier.PutOptions{})
	if err == nil || !strings.Contains(err.Error(), "a bug in the reader") {
		t.Errorf("%v, want an error with the panic's text", err)
	}
}

// trackedSource counts, without any lock, what is open; the race detector sees a Close that comes after Put returned.
type trackedSource struct {
	io.Reader
	open *int
}

func (s trackedSource) Close() error { *s.open--; return nil }

// A temporary file is removed after the Put that read it: the source must be closed by then.
func TestSourceIsClosedWhenIncomingIsClosed(t *testing.T) {
	t.Parallel()
	for name, reader := range map[string]func() io.Reader{
		"to the end":    func() io.Reader { return unseekable("content") },
		"after failing": func() io.Reader { return &panickingReader{} },
	} {
		open := 0
		src := dossier.OpenerSource(func() (io.ReadCloser, error) { open++; return trackedSource{reader(), &open}, nil }, -1)
		_, _, _ = received(t.Context(), src, dossier.PutOptions{})
		if open != 0 {
			t.Errorf("read %s: %d sources are still open", name, open)
		}
	}
}

// closeBroken cannot be closed: a network file system may report only then that reading went wrong.
type closeBroken struct{ io.Reader }

func (closeBroken) Close() error { return errSource }

// Close says what the source's Close said, whether the source was read in a goroutine or not.
func TestCloseOfTheSourceIsNotSilent(t *testing.T) {
	t.Parallel()
	withDone(t, func(t *testing.T, ctx context.Context) {
		t.Helper()
		src := dossier.OpenerSource(func() (io.ReadCloser, error) { return closeBroken{unseekable("x")}, nil }, -1)
		in := must[*dossier.Incoming](t)(dossier.Receive(ctx, src, dossier.PutOptions{}))
		if _, err := io.ReadAll(in); err != nil {
			t.Error(err)
		}
		if err := in.Close(); !errors.Is(err, errSource) {
			t.Errorf("Close: %v, want the source's error", err)
		}
	})
}

// Sources are read one at a time: a reader that is not safe for concurrent use must not notice the goroutine.
func TestPumpReadsOneAtATime(t *testing.T) {
	t.Parallel()
	var inside atomic.Int32
	content := strings.Repeat("x", 1<<20)
	reader := readerFunc(func(p []byte, next io.Reader) (int, error) {
		if inside.Add(1) != 1 {
			t.Error("two reads at once")
		}
		defer inside.Add(-1)
		return next.Read(p)
	}, unseekable(content))
	got, _, err := received(t.Context(), dossier.ReaderSource(reader, -1), dossier.PutOptions{})
	if err != nil || string(got) != content {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

type funcReader struct {
	read func(p []byte, next io.Reader) (int, error)
	next io.Reader
}

func (f funcReader) Read(p []byte) (int, error) { return f.read(p, f.next) }

func readerFunc(read func(p []byte, next io.Reader) (int, error), next io.Reader) io.Reader {
	return funcReader{read, next}
}

// Whoever gives up a Put closes its source while it is being read, from another goroutine: the Read ends, whatever the
// source does.
func TestCloseEndsARead(t *testing.T) {
	t.Parallel()
	for range 50 {
		reader, writer := io.Pipe()
		in, err := dossier.Receive(t.Context(), dossier.ReaderSource(reader, -1), dossier.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := io.ReadAll(in)
			ended <- err
		}()
		if _, err := writer.Write([]byte("some")); err != nil {
			t.Fatal(err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, dossier.ErrClosed) {
			t.Errorf("the Read ended with %v", err)
		}
		writer.Close()
	}
}
