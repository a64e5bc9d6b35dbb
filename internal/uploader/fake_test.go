package uploader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/dossier-go/dossier/internal/crc"
	"github.com/dossier-go/dossier/internal/uploader"
)

// The sizes of the tests: small parts that are still larger than a scratch.
const (
	scratch  = uploader.ScratchSize
	partSize = 100 << 10
)

// smallPlan has parts of partSize and no growth within 1000 parts.
var smallPlan = uploader.Plan{PartSize: partSize, MinPart: 1}

// Steps of an upload, as the fake target names them.
const (
	whole    = "PutWhole"
	begin    = "Begin"
	putPart  = "PutPart"
	complete = "Complete"
	abort    = "Abort"
)

// fakeTarget keeps what it is sent, and fails as it is told.
type fakeTarget struct {
	fail map[string]error // by step
	hook func(ctx context.Context, step string) error

	mu      sync.Mutex
	calls   []string
	begun   bool
	parts   map[int][]byte
	object  []byte // complete
	total   crc.Sums
	running int
	most    int // of running
	trouble []error
	late    []*uploader.Body // kept beyond the request
}

func (f *fakeTarget) PutWhole(ctx context.Context, body *uploader.Body) error {
	if err := f.step(ctx, whole); err != nil {
		return err
	}
	content := f.read(body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.object, f.total = content, body.Sums
	return nil
}

func (f *fakeTarget) Begin(ctx context.Context) error {
	err := f.step(ctx, begin)
	f.begun = err == nil
	return err
}

func (f *fakeTarget) PutPart(ctx context.Context, number int, body *uploader.Body) error {
	f.count(1)
	defer f.count(-1)
	if err := f.step(ctx, putPart); err != nil {
		return err
	}
	content := f.read(body)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.parts == nil {
		f.parts = map[int][]byte{}
	}
	if f.parts[number] != nil {
		f.trouble = append(f.trouble, fmt.Errorf("part %d was sent twice", number))
	}
	f.parts[number] = content
	return nil
}

func (f *fakeTarget) Complete(ctx context.Context, total crc.Sums, parts int) error {
	if err := f.step(ctx, complete); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.parts) != parts || f.running > 0 {
		f.trouble = append(f.trouble, fmt.Errorf("%d parts are stored, %d running, %d completed", len(f.parts), f.running, parts))
	}
	for number := 1; number <= parts; number++ {
		f.object = append(f.object, f.parts[number]...)
	}
	f.total = total
	return nil
}

func (f *fakeTarget) Abort(ctx context.Context) error {
	f.mu.Lock()
	if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil || f.running > 0 || slices.Contains(f.calls, abort) {
		f.trouble = append(f.trouble, fmt.Errorf("Abort: bounded %v, context %w, %d parts running, after %v",
			bounded, errors.Join(ctx.Err()), f.running, f.calls))
	}
	f.mu.Unlock()
	return f.step(ctx, abort)
}

func (f *fakeTarget) step(ctx context.Context, step string) error {
	f.mu.Lock()
	f.calls = append(f.calls, step)
	f.mu.Unlock()
	if f.hook != nil {
		if err := f.hook(ctx, step); err != nil {
			return err
		}
	}
	return f.fail[step]
}

func (f *fakeTarget) count(change int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running += change
	f.most = max(f.most, f.running)
}

// read reads the body twice, as a request that is retried does, and checks its checksums.
func (f *fakeTarget) read(body *uploader.Body) []byte {
	once, err := io.ReadAll(body)
	_, seekErr := body.Seek(0, io.SeekStart)
	again, againErr := io.ReadAll(body)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(err, seekErr, againErr); err != nil || !bytes.Equal(once, again) {
		f.trouble = append(f.trouble, fmt.Errorf("body: %d and %d bytes: %w", len(once), len(again), err))
	}
	if body.Sums != crc.Of(once) {
		f.trouble = append(f.trouble, fmt.Errorf("body: checksums %+v of %d bytes", body.Sums, len(once)))
	}
	f.late = append(f.late, body)
	return once
}

// did reports how often the step was taken.
func (f *fakeTarget) did(step string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, call := range f.calls {
		if call == step {
			n++
		}
	}
	return n
}

// check fails the test for what must not happen in any upload, and if the pool lacks buffers.
func (f *fakeTarget) check(t *testing.T, pool *uploader.Pool) {
	t.Helper()
	for _, err := range f.trouble {
		t.Error(err)
	}
	if pool.Free() != pool.Count() {
		t.Errorf("%d of %d buffers came back", pool.Free(), pool.Count())
	}
	for _, body := range f.late {
		_, seekErr := body.Seek(0, io.SeekStart)
		if n, err := body.Read(make([]byte, 1)); n > 0 || !errors.Is(err, fs.ErrClosed) || !errors.Is(seekErr, fs.ErrClosed) {
			t.Errorf("a body gives %d bytes, %v, %v after its request, when its memory is someone else's", n, err, seekErr)
		}
	}
}

// checkAborted checks an upload that failed: what was begun is aborted once, and no object exists.
func (f *fakeTarget) checkAborted(t *testing.T, pool *uploader.Pool) {
	t.Helper()
	f.check(t, pool)
	if aborts := f.did(abort); f.begun && aborts != 1 || !f.begun && aborts > 0 {
		t.Errorf("aborted %d times: %v", aborts, f.calls)
	}
	if f.object != nil {
		t.Error("the failed upload made an object")
	}
}

// pattern returns bytes, not to be changed, that differ at every place within any part.
func pattern(size int) []byte {
	if all := longest(); size <= len(all) {
		return all[:size:size]
	}
	return makePattern(size)
}

var longest = sync.OnceValue(func() []byte { return makePattern(40 * partSize) })

func makePattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8) ^ byte(i>>16)*31
	}
	return b
}

// onlyReader hides all but Read.
type onlyReader struct{ io.Reader }

// failingReader returns the bytes, then the error.
func failingReader(b []byte, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(b), errorReader{err})
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// errInjected is the fault of most tests.
var errInjected = errors.New("injected fault")

// exitTarget ends the goroutines of its parts.
type exitTarget struct{ fakeTarget }

func (*exitTarget) PutPart(context.Context, int, *uploader.Body) error {
	runtime.Goexit()
	return nil
}
