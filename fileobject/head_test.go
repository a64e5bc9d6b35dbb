package fileobject_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

// sizes are where a reader misbehaves: before the first byte, inside the bytes that the type is found in, and behind.
var sizes = map[string]int{"at byte 0": 0, "inside the head": 100, "after the head": dossier.DetectLength + 5000}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// misbehaving delivers n good bytes and then what last does.
func misbehaving(n int, last readerFunc) io.Reader {
	return io.MultiReader(strings.NewReader(long(n)), last)
}

// bothWays makes files of a reader: one that is read once, and one that can be opened again.
func bothWays(reader func() io.Reader) map[string]*fileobject.FileObject {
	open := func() (io.ReadCloser, error) { return io.NopCloser(reader()), nil }
	return map[string]*fileobject.FileObject{
		"once":  fileobject.FromReader("x.txt", reader(), fileobject.Options{}),
		"again": fileobject.FromSource("x.txt", dossier.OpenerSource(open, -1), fileobject.Options{}),
	}
}

// Whatever a reader does wrong, wherever it does it: the caller sees the reader's own error, and nothing is stored.
func TestFailingReaderStoresNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for name, test := range map[string]struct {
		last readerFunc
		want error
	}{
		"fails":               {func([]byte) (int, error) { return 0, broken }, broken},
		"fails with bytes":    {func(p []byte) (int, error) { p[0] = 'x'; return 1, broken }, broken},
		"ends unexpectedly":   {func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }, io.ErrUnexpectedEOF},
		"wraps its end":       {func([]byte) (int, error) { return 0, fmt.Errorf("%w: cut", io.EOF) }, io.EOF},
		"never progresses":    {func([]byte) (int, error) { return 0, nil }, io.ErrNoProgress},
		"counts too much":     {func(p []byte) (int, error) { return len(p) + 1, nil }, dossier.ErrInvalid},
		"counts below zero":   {func([]byte) (int, error) { return -1, nil }, dossier.ErrInvalid},
		"panics":              {func([]byte) (int, error) { panic("boom") }, nil},
		"panics with a value": {func([]byte) (int, error) { panic(broken) }, nil},
	} {
		for where, n := range sizes {
			t.Run(name+" "+where, func(t *testing.T) {
				t.Parallel()
				for how, f := range bothWays(func() io.Reader { return misbehaving(n, test.last) }) {
					s, ctx := newStore(t)
					err := upload(ctx, t, f, "uploads")
					if err == nil || test.want != nil && !errors.Is(err, test.want) {
						t.Errorf("read %s: %v, want an error that is %v", how, err, test.want)
					}
					if test.want == nil && !strings.Contains(err.Error(), "panicked") {
						t.Errorf("read %s: %v does not say that the source panicked", how, err)
					}
					if s.count() != 0 {
						t.Errorf("read %s: an object was stored", how)
					}
				}
			})
		}
	}
}

// A panic of a source is the source's failure with any context: it must not depend on how a backend reads.
func TestPanickingSourceFailsWithoutDeadlineToo(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	ctx = context.WithoutCancel(ctx)
	for _, n := range sizes {
		f := fileobject.FromReader("x.txt", misbehaving(n, func([]byte) (int, error) { panic("boom") }), fileobject.Options{})
		if err := upload(ctx, t, f, "uploads"); err == nil || !strings.Contains(err.Error(), "panicked: boom") {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	if s.count() != 0 {
		t.Error("an object was stored")
	}
}

// Readers are allowed to be slow or odd; the bytes must arrive all the same.
func TestOddReadersAreReadWhole(t *testing.T) {
	t.Parallel()
	stutter := func(r io.Reader) io.Reader {
		turn := 0
		return readerFunc(func(p []byte) (int, error) {
			if turn++; turn%3 != 0 {
				return 0, nil
			}
			return r.Read(p)
		})
	}
	for name, odd := range map[string]func(io.Reader) io.Reader{
		"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "error with data": iotest.DataErrReader, "stutter": stutter,
	} {
		for _, n := range []int{0, 1, 100, dossier.DetectLength - 1, dossier.DetectLength, dossier.DetectLength + 1, 100_000} {
			_, ctx := newStore(t)
			f := commit(ctx, t, fileobject.FromReader("x.txt", odd(strings.NewReader(long(n))), fileobject.Options{}), "uploads")
			if got := content(ctx, t, f); got != long(n) || f.Size != int64(n) {
				t.Errorf("%s: %d of %d bytes arrived, Size is %d", name, len(got), n, f.Size)
			}
		}
	}
}

// strict fails the test when it is closed while it is read, which its type does not allow.
type strict struct {
	t       *testing.T
	r       io.Reader
	reading atomic.Bool
	closed  chan struct{}
}

func (s *strict) Read(p []byte) (int, error) {
	s.reading.Store(true)
	defer s.reading.Store(false)
	return s.r.Read(p)
}

func (s *strict) Close() error {
	if s.reading.Load() {
		s.t.Error("the reader was closed while it was read")
	}
	close(s.closed)
	return nil
}

// A client that stalls must not hold the request for ever: the call returns when the context ends. The reader itself
// is left alone until its Read returned, and then closed.
func TestCancelReturnsAlthoughTheReaderBlocks(t *testing.T) {
	t.Parallel()
	for where, n := range sizes {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			s, ctx := newStore(t)
			ctx, cancel := context.WithCancelCause(ctx)
			gone := errors.New("client gone")
			blocked, release := make(chan struct{}), make(chan struct{})
			block := func([]byte) (int, error) {
				close(blocked)
				<-release
				return 0, io.EOF
			}
			body := &strict{t: t, r: misbehaving(n, block), closed: make(chan struct{})}
			opens := 0
			open := func() (io.ReadCloser, error) {
				if opens++; n > dossier.DetectLength && opens == 1 { // the head is read from an opening of its own
					return io.NopCloser(strings.NewReader(long(n))), nil
				}
				return body, nil
			}
			f := fileobject.FromSource("x.txt", dossier.OpenerSource(open, -1), fileobject.Options{})
			go func() {
				<-blocked
				cancel(gone)
			}()
			wantIs(t, "upload", upload(ctx, t, f, "uploads"), gone)
			close(release)
			<-body.closed
			if s.count() != 0 || !f.Pending() {
				t.Errorf("%d objects; pending: %v", s.count(), f.Pending())
			}
		})
	}
}

func TestCancelledContextReadsNothing(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	f := fileobject.FromReader("x", readerFunc(func([]byte) (int, error) {
		t.Error("the reader was read")
		return 0, io.EOF
	}), fileobject.Options{})
	_, err := fileobject.Begin(ctx, f, target(t, "uploads"))
	wantIs(t, "begin", err, context.Canceled)
	if puts, _ := s.calls(); puts != 0 || !f.Pending() {
		t.Errorf("%d puts; pending: %v; the reader was not touched, so it can still be read", puts, f.Pending())
	}
}

// Many files wait for their upload at the same time; those that can be opened again must not each hold an open file.
func TestWaitingFilesHoldNoOpenFile(t *testing.T) {
	t.Parallel()
	_, ctx := newStore(t)
	var open atomic.Int64
	source := dossier.OpenerSource(func() (io.ReadCloser, error) {
		open.Add(1)
		return &closing{strings.NewReader(long(10_000)), func() { open.Add(-1) }}, nil
	}, 10_000)
	var waiting []*fileobject.Transfer
	for range 50 {
		waiting = append(waiting, begin(ctx, t, fileobject.FromSource("x", source, fileobject.Options{}), "uploads"))
	}
	if n := open.Load(); n != 0 {
		t.Errorf("%d files are open", n)
	}
	for _, transfer := range waiting {
		if err := transfer.Put(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := open.Load(); n != 0 {
		t.Errorf("%d files stayed open", n)
	}
}

type closing struct {
	io.Reader
	onClose func()
}

func (c *closing) Close() error {
	c.onClose()
	return nil
}

// The type was found in the bytes of one opening. If the next one delivers others, they must not be stored under it:
// a page would pass for a picture.
func TestSourceThatChangesItsBytesIsRefused(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t)
	deliveries := []string{png + "first", "<!DOCTYPE html><script>alert(1)</script>"}
	source := dossier.OpenerSource(func() (io.ReadCloser, error) {
		next := deliveries[0]
		if len(deliveries) > 1 {
			deliveries = deliveries[1:]
		}
		return io.NopCloser(strings.NewReader(next)), nil
	}, -1)
	err := upload(ctx, t, fileobject.FromSource("x.png", source, fileobject.Options{}), "uploads,accept:image/*")
	wantIs(t, "upload", err, dossier.ErrInvalid)
	if s.count() != 0 {
		t.Error("an object was stored")
	}
}
