// Command servers starts and stops the object stores that the tests use: versitygw and MinIO (S3), fake-gcs-server
// behind a front that checks what it does not, and Azurite. All listen on 127.0.0.1 only, on free ports, and keep their
// data in a temporary folder that goes when they stop.
//
//	servers -bin DIR start         starts them in the background, or finds them running, and prints "export NAME='…'" lines
//	servers -bin DIR stop          stops what start started
//	servers -bin DIR run COMMAND…  starts them, runs the command with the environment, and stops them whatever happens
//
// The folder DIR holds the programs versitygw and minio and the folder azurite; scripts/servers builds and installs them.
// The exit status of run is that of the command. The program runs on Linux only.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

func main() {
	// The servers die with the thread that started them (see child.go), so that thread must be the one that ends last.
	runtime.LockOSThread()
	bin := flag.String("bin", "bin", "folder of the servers' programs and of the state of start")
	flag.Parse()
	folder, err := filepath.Abs(*bin)
	if err == nil {
		err = dispatch(folder, flag.Args())
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit):
		os.Exit(max(exit.ExitCode(), 1))
	default:
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}

func dispatch(bin string, arguments []string) error {
	verb := ""
	if len(arguments) > 0 {
		verb = arguments[0]
	}
	switch {
	case verb == "start" && len(arguments) == 1:
		return start(bin)
	case verb == "stop" && len(arguments) == 1:
		return stop(bin)
	case verb == "run" && len(arguments) > 1:
		return run(bin, arguments[1], arguments[2:])
	case verb == "serve" && len(arguments) == 2: // by start only
		return serve(bin, arguments[1])
	}
	return errors.New("usage: servers -bin DIR start | stop | run COMMAND…")
}
