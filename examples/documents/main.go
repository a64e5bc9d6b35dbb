package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	cfg, err := readConfig(os.Args[1:], os.Getenv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = serveUntilSignal(cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "documents:", err)
		os.Exit(1)
	}
}

// serveUntilSignal serves until SIGINT or SIGTERM, then lets requests finish; a second signal ends the process at once.
func serveUntilSignal(cfg config) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	var address net.ListenConfig
	listener, err := address.Listen(ctx, "tcp", cfg.listen)
	if err != nil {
		return fmt.Errorf("%w; is the port taken? choose another address with -listen, such as -listen 127.0.0.1:8081", err)
	}
	return run(ctx, cfg, listener)
}
