package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// run starts servers of its own, runs the command with their environment and stops them. Signals go to the command,
// whose end is awaited. A server that ended by itself is reported, and makes a command fail that did not.
func run(bin, name string, arguments []string) (err error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	folder, err := os.MkdirTemp("", "dossier-servers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	f, err := startFleet(bin, folder)
	if err != nil {
		return err
	}
	defer f.kill()
	err = command(signals, f.environment, name, arguments)
	if broken := f.broken(); broken != nil {
		fmt.Fprintln(os.Stderr, "servers:", broken)
		err = errors.Join(err, broken)
	}
	return err
}

func command(signals <-chan os.Signal, environment []variable, name string, arguments []string) error {
	cmd := exec.Command(name, arguments...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	for _, v := range environment {
		cmd.Env = append(cmd.Env, v.name+"="+v.value)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sent := <-signals:
			cmd.Process.Signal(sent)
		case err := <-ended:
			return err
		}
	}
}
