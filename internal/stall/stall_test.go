package stall_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier/internal/stall"
)

const patience = time.Minute

// state returns the cause of the context's end, once all that is due at this time has run.
func state(ctx context.Context) error {
	synctest.Wait()
	return context.Cause(ctx)
}

// A transfer that does not move for the patience is cancelled, not before and not later, and the cause says why.
func TestStalledTransferIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, dog := stall.Watch(t.Context(), patience)
		defer dog.Stop()
		<-time.After(patience - 1)
		if err := state(ctx); err != nil {
			t.Errorf("cancelled early: %v", err)
		}
		<-time.After(1)
		if err := state(ctx); !errors.Is(err, stall.ErrStalled) {
			t.Errorf("cause %v", err)
		}
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("error %v", ctx.Err())
		}
	})
}

// A slow transfer that keeps moving may take as long as it likes; the patience counts from its last touch.
func TestTouchBeginsThePatienceAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, dog := stall.Watch(t.Context(), patience)
		defer dog.Stop()
		for range 100 {
			<-time.After(patience - 1)
			dog.Touch()
		}
		<-time.After(patience - 1)
		if err := state(ctx); err != nil {
			t.Errorf("cancelled although it moved: %v", err)
		}
		<-time.After(1)
		if err := state(ctx); !errors.Is(err, stall.ErrStalled) {
			t.Errorf("cause %v", err)
		}
	})
}

// The body of a request is a touch when it moves bytes, and none when it moves nothing.
func TestRequestBodiesTouch(t *testing.T) {
	t.Parallel()
	wrap := map[string]func(*stall.Watchdog, io.Reader) io.Reader{
		"reader": func(w *stall.Watchdog, r io.Reader) io.Reader { return w.Reader(r) },
		"read seeker": func(w *stall.Watchdog, r io.Reader) io.Reader {
			return w.ReadSeeker(struct {
				io.Reader
				io.Seeker
			}{r, nil})
		},
	}
	for name, wrap := range wrap {
		for moves, want := range map[bool]error{true: nil, false: stall.ErrStalled} {
			synctest.Test(t, func(t *testing.T) {
				ctx, dog := stall.Watch(t.Context(), patience)
				defer dog.Stop()
				source := io.Reader(strings.NewReader("x"))
				if !moves {
					source = strings.NewReader("")
				}
				body := wrap(dog, source)
				<-time.After(patience - 1)
				io.ReadFull(body, make([]byte, 1))
				<-time.After(1)
				if err := state(ctx); !errors.Is(err, want) {
					t.Errorf("%s that moves bytes (%v): %v", name, moves, err)
				}
			})
		}
	}
}

// A response that is read slowly has not stalled: the patience runs only while a read waits for the store.
func TestResponseStallsOnlyWhileItIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, dog := stall.Watch(t.Context(), patience)
		defer dog.Stop()
		reader, writer := io.Pipe()
		body := dog.ReadCloser(reader)
		for range 3 {
			<-time.After(10*patience + 7)
			go writer.Write([]byte("x"))
			if _, err := body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(10 * patience)
		if err := state(ctx); err != nil {
			t.Fatalf("cancelled between two reads: %v", err)
		}
		began := time.Now()
		context.AfterFunc(ctx, func() { writer.CloseWithError(context.Cause(ctx)) })
		if _, err := body.Read(make([]byte, 1)); !errors.Is(err, stall.ErrStalled) {
			t.Errorf("a read that waits for ever: %v", err)
		}
		if waited := time.Since(began); waited != patience {
			t.Errorf("a read waited for %v", waited)
		}
	})
}

// The wrappers pass on what they wrap: bytes, errors, the place, and the end.
func TestBodiesPassEverythingOn(t *testing.T) {
	t.Parallel()
	_, dog := stall.Watch(t.Context(), 0)
	defer dog.Stop()
	seeker := dog.ReadSeeker(bytes.NewReader([]byte("abc")))
	for range 2 {
		if got, err := io.ReadAll(seeker); string(got) != "abc" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := seeker.Seek(0, io.SeekStart); err != nil {
			t.Error(err)
		}
	}
	closing := &closer{Reader: strings.NewReader("abc"), err: errors.New("closing failed")}
	body := dog.ReadCloser(closing)
	if got, err := io.ReadAll(body); string(got) != "abc" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := body.Close(); !errors.Is(err, closing.err) {
		t.Error(err)
	}
}

type closer struct {
	io.Reader
	err error
}

func (c *closer) Close() error { return c.err }

// Patience of zero or less is endless.
func TestNoPatienceIsEndless(t *testing.T) {
	t.Parallel()
	for _, patience := range []time.Duration{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			ctx, dog := stall.Watch(t.Context(), patience)
			dog.Touch()
			<-time.After(1000 * time.Hour)
			if err := state(ctx); err != nil {
				t.Error(err)
			}
			dog.Stop()
		})
	}
}

// Stop ends the context without calling it a stall, however often; a touch afterwards does nothing.
func TestStopIsNoStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, dog := stall.Watch(t.Context(), patience)
		dog.Stop()
		dog.Touch()
		dog.Stop()
		<-time.After(10 * patience)
		if err := state(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, stall.ErrStalled) {
			t.Error(err)
		}
	})
}

// The caller's own reason to end stays the reason.
func TestCauseOfTheCallerIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reason := errors.New("the user went away")
		parent, cancel := context.WithCancelCause(t.Context())
		ctx, dog := stall.Watch(parent, patience)
		defer dog.Stop()
		cancel(reason)
		<-time.After(10 * patience)
		if err := state(ctx); !errors.Is(err, reason) {
			t.Error(err)
		}
	})
}

// A stall is a time-out to whoever asks as one asks errors of package net.
func TestErrStalledIsATimeout(t *testing.T) {
	t.Parallel()
	var timeout interface{ Timeout() bool }
	if !errors.As(stall.ErrStalled, &timeout) || !timeout.Timeout() {
		t.Error("it does not say so")
	}
}
