package uploader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dossier-go/dossier/internal/uploader"
)

// A source that fails, wherever, fails the upload with its error: no object, no buffer lost, nothing left at the store.
// synctest fails the test if a goroutine is left.
func TestSourceErrorLeavesNothing(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("reading: %w", io.EOF) // not the end
	for _, size := range []int{0, 1, scratch - 1, scratch, scratch + 1, partSize - 1, partSize, partSize + 1, 3 * partSize} {
		for _, fault := range []error{errInjected, io.ErrUnexpectedEOF, wrapped} {
			for _, at := range []io.ReaderAt{nil, bytes.NewReader(pattern(size))} {
				synctest.Test(t, func(t *testing.T) {
					pool, target := uploader.NewPool(2*partSize, partSize), &fakeTarget{}
					source := uploader.Source{Reader: failingReader(pattern(size), fault), At: at, Size: -1}
					if err := uploader.Upload(t.Context(), pool, smallPlan, source, target); !errors.Is(err, fault) {
						t.Errorf("after %d bytes: %v, want %v", size, err, fault)
					}
					target.checkAborted(t, pool)
				})
			}
		}
	}
}

// Whichever request fails, its error is returned and nothing is left.
func TestTargetErrorLeavesNothing(t *testing.T) {
	t.Parallel()
	for step, size := range map[string]int{whole: partSize, begin: 5 * partSize, putPart: 5 * partSize, complete: 5 * partSize} {
		for _, kind := range []string{"stream of unknown size", "file of known size"} {
			synctest.Test(t, func(t *testing.T) {
				pool, target := uploader.NewPool(2*partSize, partSize), &fakeTarget{fail: map[string]error{step: errInjected}}
				err := uploader.Upload(t.Context(), pool, smallPlan, sources[kind](pattern(size)), target)
				if !errors.Is(err, errInjected) {
					t.Errorf("%s: %v", step, err)
				}
				target.checkAborted(t, pool)
			})
		}
	}
}

// An upload that cannot be aborted either says so, without hiding why it failed.
func TestAbortErrorIsJoined(t *testing.T) {
	t.Parallel()
	stuck := errors.New("abort failed")
	target := &fakeTarget{fail: map[string]error{putPart: errInjected, abort: stuck}}
	pool := uploader.NewPool(2*partSize, partSize)
	err := uploader.Upload(t.Context(), pool, smallPlan, streamOf(pattern(3*partSize), -1), target)
	var abortion *uploader.AbortError
	if !errors.Is(err, errInjected) || !errors.As(err, &abortion) || !errors.Is(abortion, stuck) {
		t.Error(err)
	}
	target.checkAborted(t, pool)
}

// When nobody knows whether Complete took effect, aborting could destroy the object or race with its making.
func TestUnknownCompletionIsNotAborted(t *testing.T) {
	t.Parallel()
	for _, unknown := range []bool{true, false} {
		fault := fmt.Errorf("wrapped: %w", &uploader.CompleteError{Err: errInjected, Unknown: unknown})
		target := &fakeTarget{fail: map[string]error{complete: fault}}
		pool := uploader.NewPool(2*partSize, partSize)
		err := uploader.Upload(t.Context(), pool, smallPlan, streamOf(pattern(3*partSize), -1), target)
		if !errors.Is(err, errInjected) {
			t.Error(err)
		}
		target.check(t, pool)
		if aborts := target.did(abort); (aborts == 0) != unknown {
			t.Errorf("unknown %v: aborted %d times", unknown, aborts)
		}
	}
}

var errCause = errors.New("the user went away")

// A context that ends at any step ends the upload with its cause; the abort still gets through.
func TestCancelAtEachStep(t *testing.T) {
	t.Parallel()
	for step, size := range map[string]int{whole: partSize, begin: 5 * partSize, putPart: 5 * partSize, complete: 5 * partSize} {
		for _, kind := range []string{"stream of unknown size", "file of known size"} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				target := &fakeTarget{hook: func(request context.Context, at string) error {
					if at != step {
						return nil
					}
					cancel(errCause)
					<-request.Done() // as a request does that is under way
					return request.Err()
				}}
				pool := uploader.NewPool(2*partSize, partSize)
				err := uploader.Upload(ctx, pool, smallPlan, sources[kind](pattern(size)), target)
				if !errors.Is(err, errCause) {
					t.Errorf("%s: %v", step, err)
				}
				target.checkAborted(t, pool)
			})
		}
	}
}

// A step that succeeds although the context ended during it does not let the upload go on to make an object.
func TestCancelledUploadIsNotCompleted(t *testing.T) {
	t.Parallel()
	for _, step := range []string{begin, putPart} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			target := &fakeTarget{hook: func(_ context.Context, at string) error {
				if at == step {
					cancel(errCause)
				}
				return nil
			}}
			pool := uploader.NewPool(8*partSize, partSize)
			err := uploader.Upload(ctx, pool, smallPlan, streamOf(pattern(2*partSize), -1), target)
			if !errors.Is(err, errCause) || target.did(complete) > 0 {
				t.Errorf("%s: %v, %v", step, err, target.calls)
			}
			target.checkAborted(t, pool)
		})
	}
}

// A context that ends while an upload waits for a buffer ends the wait, and the place in the queue is given up.
func TestCancelWhileWaitingForABuffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := uploader.NewPool(partSize, partSize)
		all, err := uploader.Acquire(t.Context(), pool, 1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		target, answer := &fakeTarget{}, make(chan error, 1)
		go func() { answer <- uploader.Upload(ctx, pool, smallPlan, streamOf(pattern(partSize), -1), target) }()
		synctest.Wait()
		if pool.Waiting() != 1 {
			t.Errorf("%d uploads wait", pool.Waiting())
		}
		cancel(errCause)
		if err := <-answer; !errors.Is(err, errCause) {
			t.Error(err)
		}
		if pool.Waiting() != 0 {
			t.Error("the upload still waits")
		}
		uploader.Release(pool, all)
		target.checkAborted(t, pool)
	})
}

// An error that came before the context ended is not blamed on the context.
func TestFailureBeforeTheContextEndedIsNotBlamedOnIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	target := &fakeTarget{fail: map[string]error{complete: errInjected}}
	target.hook = func(_ context.Context, step string) error {
		if step == abort {
			cancel(errCause)
		}
		return nil
	}
	pool := uploader.NewPool(2*partSize, partSize)
	err := uploader.Upload(ctx, pool, smallPlan, streamOf(pattern(3*partSize), -1), target)
	if !errors.Is(err, errInjected) || errors.Is(err, errCause) {
		t.Error(err)
	}
}

// The first failed part ends the other requests, and a source that blocks is interrupted instead of waited for.
func TestFailedPartEndsTheRestAndInterruptsTheSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader, writer := io.Pipe()
		go writer.Write(pattern(2*partSize + 1)) // and then nothing more
		target := &fakeTarget{}
		target.hook = func(ctx context.Context, step string) error {
			if step != putPart {
				return nil
			}
			if target.did(putPart) == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return errInjected
		}
		source := uploader.Source{Reader: reader, Size: -1, Interrupt: func() { reader.CloseWithError(errCause) }}
		pool := uploader.NewPool(8*partSize, partSize)
		err := uploader.Upload(t.Context(), pool, smallPlan, source, target)
		if !errors.Is(err, errInjected) || errors.Is(err, errCause) {
			t.Errorf("%v, want the error of the part, not that of the interrupted source", err)
		}
		target.checkAborted(t, pool)
	})
}

// A panic of a source or target is the caller's to handle: it arrives in the caller's goroutine, after clean-up.
func TestPanicArrivesAfterCleanUp(t *testing.T) {
	t.Parallel()
	big, small := pattern(4*partSize), pattern(10)
	for name, c := range map[string]struct {
		source uploader.Source
		step   string
		aborts int
	}{
		"source at once":         {panicAfter(nil), "", 0},
		"source in the scratch":  {panicAfter(small), "", 0},
		"source in the 1st part": {panicAfter(big[:scratch+9]), "", 0},
		"source after 4 parts":   {panicAfter(big), "", 1},
		whole:                    {streamOf(small, -1), whole, 0},
		begin:                    {streamOf(big, -1), begin, 0},
		putPart:                  {streamOf(big, -1), putPart, 1},
		complete:                 {streamOf(big, -1), complete, 0}, // it is unknown whether the object exists
		abort:                    {uploader.Source{Reader: failingReader(big, errInjected), Size: -1}, abort, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			target := &fakeTarget{hook: func(_ context.Context, step string) error {
				if step == c.step {
					panic(errInjected)
				}
				return nil
			}}
			pool := uploader.NewPool(2*partSize, partSize)
			defer func() {
				value := recover()
				if part, ok := value.(*uploader.PartPanic); ok {
					value = part.Value
					if !strings.Contains(part.Error(), "goroutine") {
						t.Errorf("%s: no stack in %v", name, part)
					}
				}
				if value != errInjected {
					t.Errorf("%s: recovered %v", name, value)
				}
				target.check(t, pool)
				if target.did(abort) != c.aborts {
					t.Errorf("%s: %v", name, target.calls)
				}
			}()
			err := uploader.Upload(t.Context(), pool, smallPlan, c.source, target)
			t.Errorf("%s: returned %v", name, err)
		})
	}
}

func panicAfter(b []byte) uploader.Source {
	return uploader.Source{Reader: io.MultiReader(bytes.NewReader(b), panicReader{}), Size: -1}
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic(errInjected) }

// A part's request that ends its goroutine fails the upload; nothing waits for it forever.
func TestPartThatEndsItsGoroutineFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := uploader.NewPool(2*partSize, partSize)
		target := &exitTarget{}
		if err := uploader.Upload(t.Context(), pool, smallPlan, streamOf(pattern(3*partSize), -1), target); err == nil {
			t.Error("an upload without its parts succeeded")
		}
		target.checkAborted(t, pool)
	})
}

// The reader is never used again after Upload returned: the caller closes the file then.
func TestReaderIsNotUsedAfterReturn(t *testing.T) {
	t.Parallel()
	for _, step := range []string{whole, begin, putPart, complete, "none"} {
		reader := &countingReader{Reader: bytes.NewReader(pattern(5 * partSize))}
		target := &fakeTarget{fail: map[string]error{step: errInjected}}
		pool := uploader.NewPool(8*partSize, partSize)
		source := uploader.Source{Reader: reader, At: bytes.NewReader(pattern(5 * partSize)), Size: -1}
		_ = uploader.Upload(t.Context(), pool, smallPlan, source, target)
		reads := reader.reads
		target.check(t, pool) // also that no body can be read any more
		if reads != reader.reads || !slices.Contains(target.calls, begin) {
			t.Errorf("%s: read %d times, then %d, %v", step, reads, reader.reads, target.calls)
		}
	}
}

type countingReader struct {
	io.Reader
	reads int
}

func (r *countingReader) Read(p []byte) (int, error) {
	r.reads++
	return r.Reader.Read(p)
}
