// Package stall ends transfers that have stopped moving. A time-out for a whole transfer must fit the largest object on
// the slowest line, so it comes hours late for the others; a watchdog asks only that some byte moves now and then.
package stall

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// ErrStalled is the cause of a context whose transfer made no progress for the patience of its [Watchdog]. It has the
// method Timeout, which returns true, as errors of package net have.
var ErrStalled error = stalledError{}

type stalledError struct{}

func (stalledError) Error() string { return "the transfer stalled" }
func (stalledError) Timeout() bool { return true }

// resting is the time of the last touch while nothing is expected to move.
const resting = -1

// Watchdog cancels a context when nothing has touched it for a while. All methods may be called from several goroutines.
type Watchdog struct {
	patience time.Duration
	began    time.Time
	touched  atomic.Int64 // nanoseconds since began, or resting
	cancel   context.CancelCauseFunc
	done     <-chan struct{}
	timer    *time.Timer // nil: never
}

// Watch returns a context that is cancelled with the cause [ErrStalled] when patience passes without a
// [Watchdog.Touch]; the watch begins at once. Patience of 0 or less is endless. The caller must call
// [Watchdog.Stop] when the transfer is over, which also ends the context.
//
// The error of what ran under the context is often just [context.Canceled]; [context.Cause] has the reason.
func Watch(ctx context.Context, patience time.Duration) (context.Context, *Watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &Watchdog{patience: patience, began: time.Now(), cancel: cancel, done: ctx.Done()}
	if patience > 0 {
		// The timer's own function arms it again, so it must not run before the field is set.
		armed := make(chan struct{})
		w.timer = time.AfterFunc(patience, func() { <-armed; w.check() })
		close(armed)
	}
	return ctx, w
}

// check runs when the timer fires. A touch only notes the time, since it happens at each read; the timer is set anew
// here, for what is left of the patience.
func (w *Watchdog) check() {
	left := w.patience
	if touched := w.touched.Load(); touched != resting {
		left -= time.Since(w.began) - time.Duration(touched)
	}
	if left <= 0 {
		w.cancel(ErrStalled)
		return
	}
	select {
	case <-w.done:
	default:
		w.timer.Reset(left)
	}
}

// Rest says that nothing is expected to move until the next Touch, from which the patience counts again.
func (w *Watchdog) Rest() { w.touched.Store(resting) }

// Touch says that the transfer moves.
func (w *Watchdog) Touch() { w.touched.Store(int64(time.Since(w.began))) }

// Stop ends the watch and the context, with [context.Canceled] unless it had ended before. It may be called twice.
func (w *Watchdog) Stop() {
	w.cancel(nil)
	if w.timer != nil {
		w.timer.Stop()
	}
}

// Reader returns r, each of whose reads that returns bytes is a touch. It is for what is read as fast as the other side
// takes it, as the body of a request is: between two reads the other side is waited for.
func (w *Watchdog) Reader(r io.Reader) io.Reader { return reader{r, w} }

// ReadSeeker is like [Watchdog.Reader] for the body of a request that can be rewound.
func (w *Watchdog) ReadSeeker(r io.ReadSeeker) io.ReadSeeker { return readSeeker{reader{r, w}, r} }

// ReadCloser returns r, the body of a response, and rests but while it is read: what the caller does between two reads
// takes as long as it takes. Close closes r and does not stop the watch.
func (w *Watchdog) ReadCloser(r io.ReadCloser) io.ReadCloser {
	w.Rest()
	return readCloser{r, w}
}

type reader struct {
	reader io.Reader
	dog    *Watchdog
}

func (r reader) Read(p []byte) (int, error) {
	n, err := r.reader.Read(p)
	if n > 0 {
		r.dog.Touch()
	}
	return n, err
}

type readSeeker struct {
	reader
	io.Seeker
}

type readCloser struct {
	io.ReadCloser
	dog *Watchdog
}

func (r readCloser) Read(p []byte) (int, error) {
	r.dog.Touch()
	defer r.dog.Rest()
	return r.ReadCloser.Read(p)
}
