package faultkit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// output keeps what a child prints and tells when it prints its first line.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready chan struct{}
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() == 0 {
		close(o.ready)
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// fate of a child.
type fate int

const (
	ended  fate = iota // alive, after all its work
	died               // by SIGKILL
	failed             // by an error, a panic or a data race
)

// process starts a child and waits for its end. If it is to die at a random moment it is killed a while after its first
// work or, sometimes, after its start. When ctx ends it is killed in any case.
func process(ctx context.Context, orders childOrders, one task) (fate, string) {
	executable, err := os.Executable()
	if err != nil {
		return failed, err.Error()
	}
	text, err := json.Marshal(orders)
	if err != nil {
		return failed, err.Error()
	}
	out := &output{ready: make(chan struct{})}
	command := exec.CommandContext(ctx, executable)
	command.Env = append(os.Environ(), childVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	command.Stdout, command.Stderr = out, out
	if err := command.Start(); err != nil {
		if ctx.Err() != nil {
			return ended, "not started: the round was over"
		}
		return failed, err.Error()
	}
	if one.kill {
		stop := killLater(ctx, command, out, one.seed%8 != 0, time.Duration(one.seed%uint64(longestLife)))
		defer stop()
	}
	err = command.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, ctx.Err()):
		return ended, out.String()
	case errors.As(err, &exit) && exit.ExitCode() < 0 && exit.String() == "signal: killed":
		return died, out.String()
	}
	return failed, fmt.Sprintf("%s\n%v", out, err)
}

// longestLife of a process that dies at a random moment.
const longestLife = 80 * time.Millisecond

// killLater kills the process after the delay unless it is stopped.
func killLater(ctx context.Context, command *exec.Cmd, out *output, patient bool, delay time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if patient {
			select {
			case <-out.ready:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-time.After(delay):
			_ = command.Process.Kill() // it may have ended
		case <-ctx.Done():
		}
	}()
	return func() { cancel(); <-done }
}
