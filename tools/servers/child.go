package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// logTail is how much of a server's log a failure shows, in bytes.
const logTail = 4 << 10

// child is one server process.
type child struct {
	name   string
	log    string // path of what it prints
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
}

// launch starts a program in a folder of its own with no environment but the one given. The program is killed when
// this one dies, and does not get the terminal's signals, so that an interrupted test can still clean up its objects.
func launch(folder, name string, environment []string, command ...string) (*child, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c := &child{name: name, log: log.Name(), cmd: exec.Command(command[0], command[1:]...), exited: make(chan struct{})}
	c.cmd.Dir = folder
	c.cmd.Env = append([]string{"HOME=" + folder, "TMPDIR=" + folder, "PATH=" + os.Getenv("PATH")}, environment...)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		defer close(c.exited)
		c.cmd.Wait()
	}()
	return c, nil
}

// alive reports whether the process still runs.
func (c *child) alive() bool {
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

// kill ends the process and waits for it. There is nothing to save: the data goes too.
func (c *child) kill() {
	c.cmd.Process.Kill()
	<-c.exited
}

// failure is an error that shows the end of the server's log.
func (c *child) failure(reason error) error {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, errors.Join(reason, err))
	}
	return fmt.Errorf("%s: %w; its log ends:\n%s", c.name, reason, text[max(0, len(text)-logTail):])
}

// await asks until ready succeeds. It fails when the process ends or ctx does.
func (c *child) await(ctx context.Context, ready func(context.Context) error) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.exited:
			return c.failure(errors.New("ended at once"))
		case <-ctx.Done():
			return c.failure(fmt.Errorf("not ready in time: %w", err))
		case <-ticker.C:
		}
	}
}

// answers returns a function that succeeds when the server at url answers with one of the statuses.
func answers(url string, statuses ...int) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return err
		}
		response.Body.Close()
		for _, status := range statuses {
			if response.StatusCode == status {
				return nil
			}
		}
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
}

// freeAddress finds a port of the loopback interface that nobody listens on. Somebody else may take it before the
// server does; then the server ends at once and the start is tried again.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
