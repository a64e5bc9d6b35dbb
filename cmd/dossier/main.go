// Command dossier looks after the files of database rows: it sweeps, shows the journal, audits and undeletes. It needs no models:
// backends and columns are named by flags. See docs/cli.md and package cli, which mounts the same commands in an application's own
// binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/dossier-go/dossier/cli"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Run(ctx, cli.Config{Version: version()}, os.Args[1:], os.Stdout, os.Stderr)
}

// version is that of the module this binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
