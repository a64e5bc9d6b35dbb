package dbservers

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
)

// process is a server that was started.
type process struct {
	command *exec.Cmd
	output  *buffer
	done    chan struct{} // closed when it has ended
}

// start runs a program in the background. It is killed when this process dies, for which the thread that started it
// must live as long.
func start(user account, path string, args ...string) (*process, error) {
	p := &process{command: exec.Command(path, args...), output: &buffer{}, done: make(chan struct{})}
	p.command.Stdout, p.command.Stderr, p.command.Dir = p.output, p.output, os.TempDir()
	p.command.SysProcAttr = attributes(user)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := p.command.Start()
		started <- err
		if err == nil {
			_ = p.command.Wait() // it is killed in the end
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

// kill ends the process at once.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended
	<-p.done
}

// run runs a program to its end.
func run(user account, path string, args ...string) error {
	p, err := start(user, path, args...)
	if err != nil {
		return err
	}
	<-p.done
	if !p.command.ProcessState.Success() {
		return fmt.Errorf("%s: %v: %s", path, p.command.ProcessState, p.output.String())
	}
	return nil
}

// newFolder makes a folder that belongs to the user that the server runs as, which is not root. It is not below the
// folders of package testing, which other users cannot enter.
func newFolder(name string) (folder string, user account, err error) {
	user, err = unprivileged(name)
	if err != nil {
		return "", user, err
	}
	if folder, err = os.MkdirTemp("", "dossier-server-"); err != nil {
		return "", user, err
	}
	if user.switched {
		err = os.Chown(folder, user.uid, user.gid)
	}
	if err != nil {
		return "", user, errors.Join(err, os.RemoveAll(folder))
	}
	return folder, user, nil
}

// account is who a server runs as.
type account struct {
	switched bool // not who we are
	uid, gid int
}

// freePort returns a TCP port that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// buffer keeps what a server says.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
