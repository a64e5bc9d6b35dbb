package resume_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier/internal/resume"
)

var (
	errReset = errors.New("connection reset")
	errGone  = errors.New("the version is gone")
	content  = []byte("the bytes of one version of one object")
)

func retryReset(err error) bool { return errors.Is(err, errReset) }

// policy tries again after a reset, twice without progress.
var policy = resume.Policy{Attempts: 2, Retryable: retryReset}

// script is a store whose bodies behave as told, one after the other.
type script struct {
	bodies  []func(offset int64) (io.ReadCloser, error)
	offsets []int64 // that were opened
	closed  int
}

func (s *script) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	if len(s.bodies) == 0 {
		return nil, errors.New("opened once too often")
	}
	next := s.bodies[0]
	s.bodies = s.bodies[1:]
	s.offsets = append(s.offsets, offset)
	return next(offset)
}

// body has n bytes from the offset on, then fails.
func (s *script) body(n int, err error) func(int64) (io.ReadCloser, error) {
	return func(offset int64) (io.ReadCloser, error) {
		rest := content[offset:]
		return &body{io.MultiReader(bytes.NewReader(rest[:min(n, len(rest))]), iotest.ErrReader(err)), s}, nil
	}
}

func (s *script) fails(err error) func(int64) (io.ReadCloser, error) {
	return func(int64) (io.ReadCloser, error) { return nil, err }
}

type body struct {
	io.Reader
	script *script
}

func (b *body) Close() error {
	b.script.closed++
	return nil
}

// read reads all that comes, after the first body with n bytes and the error.
func (s *script) read(t *testing.T, p resume.Policy, n int, err error) ([]byte, error) {
	t.Helper()
	first, _ := s.body(n, err)(0)
	reader := resume.NewReader(t.Context(), first, int64(len(content)), s.open, p)
	got, err := io.ReadAll(reader)
	if closing := reader.Close(); closing != nil {
		t.Error(closing)
	}
	if opened := len(s.offsets) + 1; s.closed > opened {
		t.Errorf("%d bodies, closed %d times", opened, s.closed)
	}
	return got, err
}

// Wherever a body breaks, by an error or by an early end, the reader goes on with the next byte.
func TestReadingGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	for at := range len(content) {
		for _, fault := range []error{errReset, io.EOF, io.ErrUnexpectedEOF} {
			s := &script{}
			s.bodies = append(s.bodies, s.body(len(content), io.EOF))
			got, err := s.read(t, policy, at, fault)
			if err != nil || !bytes.Equal(got, content) || !slices.Equal(s.offsets, []int64{int64(at)}) || s.closed != 2 {
				t.Errorf("broken at %d by %v: %q, %v, opened at %v, closed %d", at, fault, got, err, s.offsets, s.closed)
			}
		}
	}
}

// The rules of io.Reader hold across a break.
func TestReaderIsAProperReader(t *testing.T) {
	t.Parallel()
	s := &script{}
	s.bodies = append(s.bodies, s.body(10, errReset), s.fails(errReset), s.body(100, io.EOF))
	first, _ := s.body(5, io.EOF)(0)
	if err := iotest.TestReader(resume.NewReader(t.Context(), first, int64(len(content)), s.open, policy), content); err != nil {
		t.Error(err)
	}
}

// Progress resets the count: a bad line that brings a byte per connection is slow, but it brings the object.
func TestProgressResetsTheAttempts(t *testing.T) {
	t.Parallel()
	s := &script{}
	for range content {
		s.bodies = append(s.bodies, s.fails(errReset), s.body(1, errReset))
	}
	s.bodies = append(s.bodies, s.body(1, io.EOF))
	if got, err := s.read(t, policy, 0, errReset); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
}

// Without progress the attempts are counted, whether it is opening or reading that fails; then the last error is
// returned with the first.
func TestAttemptsWithoutProgressAreLimited(t *testing.T) {
	t.Parallel()
	first := fmt.Errorf("first: %w", errReset)
	last := fmt.Errorf("last: %w", errReset)
	for _, attempts := range []int{-1, 0, 1, 2, 5} {
		want := map[int]int{-1: 0, 0: 3}[attempts]
		want = max(want, attempts)
		s := &script{}
		for i := range want {
			s.bodies = append(s.bodies, []func(int64) (io.ReadCloser, error){s.fails(last), s.body(0, last)}[i%2])
		}
		got, err := s.read(t, resume.Policy{Attempts: attempts, Retryable: retryReset}, 3, first)
		if string(got) != "the" || !errors.Is(err, first) || want > 0 && !errors.Is(err, last) {
			t.Errorf("%d attempts: %q, %v", attempts, got, err)
		}
		if len(s.offsets) != want {
			t.Errorf("%d attempts: opened %v", attempts, s.offsets)
		}
	}
}

// What cannot be mended is not tried again, and what made the attempt necessary is told too.
func TestOtherErrorsAreFinal(t *testing.T) {
	t.Parallel()
	s := &script{}
	s.bodies = append(s.bodies, s.fails(errGone), s.body(100, io.EOF))
	if got, err := s.read(t, policy, 3, errReset); string(got) != "the" || !errors.Is(err, errGone) || !errors.Is(err, errReset) {
		t.Errorf("opening: %q, %v", got, err)
	}
	s = &script{}
	s.bodies = append(s.bodies, s.body(100, io.EOF))
	if got, err := s.read(t, policy, 3, errGone); string(got) != "the" || !errors.Is(err, errGone) || len(s.offsets) > 0 {
		t.Errorf("reading: %q, %v", got, err)
	}
	wrapped := fmt.Errorf("wrapped: %w", io.EOF) // not the end
	if _, err := (&script{}).read(t, policy, len(content), wrapped); !errors.Is(err, wrapped) {
		t.Errorf("a wrapped io.EOF: %v", err)
	}
}

// The zero policy mends early ends only.
func TestZeroPolicyMendsEarlyEndsOnly(t *testing.T) {
	t.Parallel()
	s := &script{}
	s.bodies = append(s.bodies, s.body(100, io.EOF))
	if got, err := s.read(t, resume.Policy{}, 3, io.EOF); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := (&script{}).read(t, resume.Policy{}, 3, errReset); !errors.Is(err, errReset) {
		t.Error(err)
	}
	s = &script{}
	s.bodies = append(s.bodies, s.body(0, io.EOF), s.body(0, io.EOF), s.body(0, io.EOF))
	if _, err := s.read(t, resume.Policy{}, 3, io.EOF); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an end that stays early is %v", err)
	}
}

// At the end a body may say that its checksum is wrong, which is passed on; that its connection broke there is not.
func TestWhatTheBodySaysAtItsEnd(t *testing.T) {
	t.Parallel()
	checksum := errors.New("checksum mismatch")
	if got, err := (&script{}).read(t, policy, len(content), checksum); !errors.Is(err, checksum) || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := (&script{}).read(t, policy, len(content), errReset); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
}

// More bytes than announced are an error, and are not delivered.
func TestBodyThatIsTooLong(t *testing.T) {
	t.Parallel()
	reader := resume.NewReader(t.Context(), io.NopCloser(bytes.NewReader(content)), 3, (&script{}).open, policy)
	if got, err := io.ReadAll(reader); !errors.Is(err, resume.ErrTooLong) || string(got) != "the" {
		t.Errorf("%q, %v", got, err)
	}
}

// Without a known length the first end counts, and breaks are mended all the same.
func TestUnknownLength(t *testing.T) {
	t.Parallel()
	s := &script{}
	s.bodies = append(s.bodies, s.body(100, io.EOF))
	first, _ := s.body(3, errReset)(0)
	if got, err := io.ReadAll(resume.NewReader(t.Context(), first, -1, s.open, policy)); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
	first, _ = s.body(3, io.EOF)(0)
	if got, err := io.ReadAll(resume.NewReader(t.Context(), first, -1, s.open, policy)); err != nil || string(got) != "the" {
		t.Errorf("%q, %v", got, err)
	}
}

// The errors and the end stay: no attempt is made because someone reads once more.
func TestErrorsStay(t *testing.T) {
	t.Parallel()
	for fault, want := range map[error]error{errGone: errGone, io.EOF: io.EOF} {
		s := &script{}
		first, _ := s.body(len(content), fault)(0)
		reader := resume.NewReader(t.Context(), first, int64(len(content)), s.open, policy)
		io.ReadAll(reader)
		for range 3 {
			if n, err := reader.Read(make([]byte, 9)); n != 0 || !errors.Is(err, want) || len(s.offsets) > 0 {
				t.Errorf("%d, %v, opened %v", n, err, s.offsets)
			}
		}
	}
}

// After the context ended nothing is tried again, and the cause is told.
func TestEndedContextIsNotRetried(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &script{}
	first, _ := s.body(3, errReset)(0)
	reader := resume.NewReader(ctx, first, int64(len(content)), s.open, policy)
	io.ReadFull(reader, make([]byte, 3))
	cancel(cause)
	_, err := reader.Read(make([]byte, 9))
	if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) || len(s.offsets) > 0 {
		t.Errorf("%v, opened %v", err, s.offsets)
	}
}

// The pauses are those of the policy, numbered, and end with the context.
func TestPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy
		p.Pause = func(attempt int) time.Duration { return time.Duration(attempt) * time.Hour }
		s, began := &script{}, time.Now()
		s.bodies = append(s.bodies, s.fails(errReset), s.body(100, io.EOF))
		if _, err := s.read(t, p, 3, errReset); err != nil {
			t.Fatal(err)
		}
		if paused := time.Since(began); paused != 3*time.Hour {
			t.Errorf("paused for %v in all, want 1 h and 2 h", paused)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		first, _ := s.body(3, errReset)(0)
		_, err := io.ReadAll(resume.NewReader(ctx, first, int64(len(content)), s.open, p))
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errReset) || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Close ends a read, a pause, and an open that are under way, at once; a later read fails, a later Close does not.
func TestCloseIsPrompt(t *testing.T) {
	t.Parallel()
	waitForContext := func(ctx context.Context, _ int64) (io.ReadCloser, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	long := resume.Policy{Retryable: retryReset, Pause: func(int) time.Duration { return 1000 * time.Hour }}
	broken := func() io.ReadCloser { return io.NopCloser(iotest.ErrReader(errReset)) }
	for name, c := range map[string]struct {
		first  io.ReadCloser
		policy resume.Policy
	}{"read": {nil, policy}, "pause": {broken(), long}, "open": {broken(), policy}} {
		synctest.Test(t, func(t *testing.T) {
			if name == "read" {
				c.first, _ = io.Pipe() // made here, so that waiting for it is seen
			}
			r := resume.NewReader(t.Context(), c.first, 100, waitForContext, c.policy)
			answer := make(chan error)
			go func() {
				_, err := r.Read(make([]byte, 1))
				answer <- err
			}()
			synctest.Wait()
			began := time.Now()
			if err := r.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := <-answer; !errors.Is(err, fs.ErrClosed) || time.Since(began) > 0 {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
			if _, err := r.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s: read after close: %v", name, err)
			}
			if err := r.Close(); err != nil {
				t.Errorf("%s: second close: %v", name, err)
			}
		})
	}
}

// The context that bodies are opened with lasts until Close, not only while the open lasts, and ends then.
func TestContextOfBodiesLastsUntilClose(t *testing.T) {
	t.Parallel()
	var opened context.Context
	open := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		opened = ctx
		return io.NopCloser(bytes.NewReader(content[offset:])), nil
	}
	r := resume.NewReader(t.Context(), io.NopCloser(bytes.NewReader(nil)), int64(len(content)), open, policy)
	if _, err := io.ReadAll(r); err != nil || opened.Err() != nil {
		t.Errorf("%v, %v", err, opened.Err())
	}
	r.Close()
	if opened.Err() == nil {
		t.Error("the context goes on after Close")
	}
}

// A body that arrives when the reader was closed meanwhile is closed too.
func TestBodyOpenedAfterCloseIsClosed(t *testing.T) {
	t.Parallel()
	s := &script{}
	var r io.ReadCloser
	open := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		r.Close()
		return s.body(100, io.EOF)(offset)
	}
	first, _ := s.body(0, errReset)(0)
	r = resume.NewReader(t.Context(), first, int64(len(content)), open, policy)
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) || s.closed != 2 {
		t.Errorf("%v, %d of 2 bodies closed", err, s.closed)
	}
}
