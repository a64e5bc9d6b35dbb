package faultkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Action is what happens at a point: any function that may block, cancel something, or return an error. The context is
// that of the operation, where it has one.
type Action func(ctx context.Context) error

// Fail returns an action that fails with err. Before an operation, the operation does not happen; after it, it has
// happened and its answer is lost.
func Fail(err error) Action {
	return func(context.Context) error { return err }
}

// Kill is the action that ends the process at once, as SIGKILL or a power switch does: nothing deferred runs.
func Kill(context.Context) error {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		return fmt.Errorf("kill this process: %w", err)
	}
	select {} // the signal is on its way
}

// Delay returns an action that waits, or ends with the context, whose error it then returns.
func Delay(d time.Duration) Action {
	return func(ctx context.Context) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ErrDropped is what an action of a point of the database returns to have the connection closed, as if the network had
// gone. Before a statement, that is driver.ErrBadConn, which database/sql answers by another connection where it may;
// after it, the statement has happened, nobody is told, and the error is ErrDropped.
var ErrDropped = errors.New("faultkit: connection dropped")

// Drop is the action that fails with [ErrDropped].
func Drop(context.Context) error { return ErrDropped }

// cut is the error by which an action changes a stream instead of failing the operation.
type cut struct {
	after int64 // bytes that still flow; -1: all
	chunk int   // most bytes of one Read; 0: as asked
	err   error // what ends the stream
}

func (c *cut) Error() string {
	return fmt.Sprintf("faultkit: this action works at put.before, putpart.before and get.before only (%d bytes, then: %v)", c.after, c.err)
}

// Cut returns an action for "put.before", "putpart.before" and "get.before": n bytes of the content flow, then reading it
// fails with err. With io.EOF, or io.ErrUnexpectedEOF, the content is short.
func Cut(n int64, err error) Action {
	return func(context.Context) error { return &cut{after: max(n, 0), err: err} }
}

// Trickle returns an action for the same points: no Read delivers more than n bytes, at least one.
func Trickle(n int) Action {
	return func(context.Context) error { return &cut{after: -1, chunk: max(n, 1)} }
}
