package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// background is what start remembers of the servers that it left running.
type background struct {
	PID         int
	Folder      string
	Environment string // as lines for a shell
}

// stateFile is where start remembers it, in the folder of the programs.
const stateFile = "servers.json"

// start prints the environment of servers in the background, and starts them if none run.
func start(bin string) error {
	unlock, err := lock(filepath.Join(bin, "servers.lock"), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	b, err := load(bin)
	if err != nil {
		return err
	}
	if b == nil || !b.alive() {
		if b, err = b.replace(bin); err != nil {
			return err
		}
	}
	_, err = io.WriteString(os.Stdout, b.Environment)
	return err
}

// replace removes what a dead background left and starts a new one.
func (b *background) replace(bin string) (*background, error) {
	if b != nil {
		if err := b.remove(bin); err != nil {
			return nil, err
		}
	}
	folder, err := os.MkdirTemp("", "dossier-servers-")
	if err != nil {
		return nil, err
	}
	b = &background{Folder: folder}
	if err := b.launch(bin); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return b, b.save(bin)
}

// launch starts this program once more, in a session of its own, and waits for the environment that it prints.
func (b *background) launch(bin string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(b.Folder, "servers.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(self, "-bin", bin, "serve", b.Folder)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	environment, err := io.ReadAll(output)
	b.PID, b.Environment = cmd.Process.Pid, string(environment)
	if err == nil && b.Environment == "" {
		cmd.Wait()
		text, _ := os.ReadFile(log.Name())
		err = fmt.Errorf("the servers did not start:\n%s", text)
	}
	return err
}

// serve runs the servers until a signal. It prints the environment and closes the standard output when all are ready.
func serve(bin, folder string) error {
	unlock, err := lock(filepath.Join(folder, "alive"), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	f, err := startFleet(bin, folder)
	if err != nil {
		return err
	}
	defer f.kill()
	if _, err := io.WriteString(os.Stdout, f.exports()); err != nil {
		return err
	}
	if err := os.Stdout.Close(); err != nil {
		return err
	}
	<-signals
	return f.broken()
}

// stop ends the servers in the background, if any run, and removes their folder.
func stop(bin string) error {
	unlock, err := lock(filepath.Join(bin, "servers.lock"), syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	b, err := load(bin)
	if b == nil || err != nil {
		return err
	}
	if b.alive() {
		if err := syscall.Kill(b.PID, syscall.SIGTERM); err != nil {
			return fmt.Errorf("ending process %d: %w", b.PID, err)
		}
		b.await()
	}
	return b.remove(bin)
}

// await waits for the end of the process, and kills it when that does not come.
func (b *background) await() {
	for range 100 {
		if !b.alive() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	syscall.Kill(b.PID, syscall.SIGKILL)
}

// alive reports whether the process runs: it holds a lock on a file for as long, whereas its number may be another
// process's by now.
func (b *background) alive() bool {
	if _, err := os.Stat(b.Folder); err != nil {
		return false
	}
	unlock, err := lock(filepath.Join(b.Folder, "alive"), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		return true
	}
	unlock()
	return false
}

func (b *background) save(bin string) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(bin, stateFile), text, 0o600)
}

func (b *background) remove(bin string) error {
	return errors.Join(os.RemoveAll(b.Folder), os.Remove(filepath.Join(bin, stateFile)))
}

// load is nil when there is nothing to remember.
func load(bin string) (*background, error) {
	text, err := os.ReadFile(filepath.Join(bin, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	b := &background{}
	if err == nil {
		err = json.Unmarshal(text, b)
	}
	return b, err
}

// lock takes an advisory lock on a file, which it creates, and returns the function that gives it back.
func lock(name string, how int) (unlock func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { file.Close() }, nil
}
